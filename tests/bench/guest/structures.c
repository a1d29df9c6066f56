/* SPDX-License-Identifier: MIT */
/*
 * structures.c - benchmark programs of data structures: a hash table, a tree, words in text
 */
#include "tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- a hash table with lists, each entry a block of malloc's ------------------------------------ */

enum { BUCKETS = 1 << 14 };

struct entry {
    struct entry *next;
    uint64_t count;
    char key[16];
};

static struct entry **find(struct entry **bucket, const char *key, size_t len)
{
    struct entry **at = &bucket[hash_bytes(HASH_BEGIN, key, len) % BUCKETS];

    while (*at != NULL && strcmp((*at)->key, key) != 0)
        at = &(*at)->next;
    return at;
}

static void add(struct entry **bucket, const char *key, size_t len)
{
    struct entry **at = find(bucket, key, len);

    if (*at == NULL) {
        *at = calloc(1, sizeof(**at));
        memcpy((*at)->key, key, len);
    }
    (*at)->count++;
}

static uint64_t take(struct entry **bucket, const char *key, size_t len)
{
    struct entry **at = find(bucket, key, len), *e = *at;
    uint64_t count;

    if (e == NULL)
        return 0;
    count = e->count;
    *at = e->next;
    free(e);
    return count;
}

/* Counts n keys of 40,000 different ones, and takes an entry out again after every third. */
uint64_t task_hash_table(unsigned n)
{
    struct entry **bucket = calloc(BUCKETS, sizeof(struct entry *));
    uint64_t x = RANDOM_SEED, sum = 0;
    char key[16];

    for (unsigned i = 0; i < n; i++) {
        size_t len = (size_t)snprintf(key, sizeof(key), "k%llu",
                                      (unsigned long long)(random_next(&x) >> 20) % 40000);

        add(bucket, key, len);
        if (i % 3 == 0) {
            key[len - 1] = '0';
            sum += take(bucket, key, len) * i;
        }
    }
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct entry *e = bucket[i], *next; e != NULL; e = next) {
            next = e->next;
            sum += e->count * e->count;
            free(e);
        }
    }
    free(bucket);
    return sum;
}

/* ---- a tree kept in balance by random priorities (treap) ---------------------------------------- */

struct leaf {
    struct leaf *side[2];
    uint64_t key, priority;
};

static void rotate(struct leaf **at, unsigned up)
{
    struct leaf *t = *at, *child = t->side[up];

    t->side[up] = child->side[!up];
    child->side[!up] = t;
    *at = child;
}

static void insert(struct leaf **at, uint64_t key, uint64_t priority)
{
    unsigned side;

    if (*at == NULL) {
        *at = calloc(1, sizeof(**at));
        (*at)->key = key;
        (*at)->priority = priority;
        return;
    }
    if ((*at)->key == key)
        return;
    side = (*at)->key < key;
    insert(&(*at)->side[side], key, priority);
    if ((*at)->side[side]->priority > (*at)->priority)
        rotate(at, side);
}

/* Frees the tree; the sum of rank times key. */
static uint64_t fell(struct leaf *t, uint64_t *rank)
{
    uint64_t sum;

    if (t == NULL)
        return 0;
    sum = fell(t->side[0], rank);
    sum += t->key * (*rank)++;
    sum += fell(t->side[1], rank);
    free(t);
    return sum;
}

/* n keys of 2^20, those that repeat once; modulo 2^64. */
uint64_t task_tree(unsigned n)
{
    struct leaf *root = NULL;
    uint64_t x = RANDOM_SEED, rank = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t key = random_next(&x) >> 44;

        insert(&root, key, random_next(&x));
    }
    return fell(root, &rank);
}

/* ---- words: libc's functions of strings ---------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Looks each word of n lines up among 500 sorted ones; the sum of the places found, and of the lengths of all. */
uint64_t task_words(unsigned n)
{
    enum { KNOWN = 500, LINE = 512 };
    static char known[KNOWN][8];
    uint64_t x = RANDOM_SEED, sum = 0;
    char line[LINE], *rest, *word;

    for (unsigned i = 0; i < KNOWN; i++)
        snprintf(known[i], sizeof(known[i]), "w%05u", 13 * i);
    for (unsigned i = 0; i < n; i++) {
        line[0] = '\0';
        for (unsigned k = 0; k < 40; k++)
            sprintf(strchr(line, '\0'), "w%05u ", (unsigned)(random_next(&x) % 9000));
        rest = line;
        while ((word = strsep(&rest, " ")) != NULL) {
            const char(*place)[8] = bsearch(word, known, KNOWN, sizeof(known[0]), by_text);

            sum += strlen(word);
            if (place != NULL)
                sum += (uint64_t)(place - known) * 1000;
        }
    }
    return sum;
}
