/* SPDX-License-Identifier: MIT */
/*
 * memory.c - benchmark programs of memory: copying, clearing, following pointers, places at random
 */
#include "tasks.h"

#include <stdlib.h>
#include <string.h>

/* libc's memcpy, a MiB at a time. */
uint64_t task_copies(unsigned n)
{
    enum { LEN = 1 << 20 };
    unsigned char *a = malloc(LEN), *b = malloc(LEN);
    uint64_t sum = 0;

    memset(a, 1, LEN);
    for (unsigned i = 0; i < n; i++) {
        memcpy(b, a, LEN);
        a[i] = b[LEN - 1 - i] ^ (unsigned char)i;
        sum += b[i / 2];
    }
    free(a);
    free(b);
    return sum;
}

/* libc's memset, of lengths from some bytes to 64 KiB, most of them short. */
uint64_t task_clears(unsigned n)
{
    enum { LEN = 1 << 17 };
    unsigned char *bytes = calloc(LEN, 1);
    uint64_t x = RANDOM_SEED, sum = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t r = random_next(&x);
        size_t len = (r & 0xffff) >> (r >> 16 & 15), at = r >> 32 & 0xffff;

        memset(bytes + at, (int)(i & 0xff), len);
        sum += bytes[r >> 20 & (LEN - 1)];
    }
    free(bytes);
    return sum;
}

/* ---- pointers ------------------------------------------------------------------------------------ */

struct node {
    struct node *next;
    uint64_t number;
    uint64_t load[6]; /* to the size of a cache line */
};

/* All nodes in one ring of random order (Sattolo's shuffle of the links). */
static struct node *make_ring(size_t len, size_t *count)
{
    size_t n = len / sizeof(struct node);
    struct node *nodes = calloc(n, sizeof(*nodes));
    uint64_t x = RANDOM_SEED;

    for (size_t i = 0; i < n; i++)
        nodes[i] = (struct node){ .next = &nodes[i], .number = i };
    for (size_t i = n - 1; i > 0; i--) {
        size_t j = (size_t)((random_next(&x) >> 16) % i);
        struct node *next = nodes[i].next;

        nodes[i].next = nodes[j].next;
        nodes[j].next = next;
    }
    *count = n;
    return nodes;
}

/* The sum of node number times step, modulo 2^64. */
static uint64_t chase(size_t len, unsigned steps)
{
    size_t count;
    struct node *nodes = make_ring(len, &count);
    const struct node *at = nodes;
    uint64_t sum = 0;

    for (unsigned i = 0; i < steps; i++) {
        sum += at->number * i;
        at = at->next;
    }
    free(nodes);
    return sum;
}

uint64_t task_chase_16k(unsigned n)
{
    return chase(16 << 10, n);
}

uint64_t task_chase_1m(unsigned n)
{
    return chase(1 << 20, n);
}

uint64_t task_chase_64m(unsigned n)
{
    return chase(64 << 20, n);
}

/* n loads and stores, each somewhere in 32 MiB. */
uint64_t task_random_32m(unsigned n)
{
    enum { WORDS = (32 << 20) / 8 };
    uint64_t *word = calloc(WORDS, sizeof(*word));
    uint64_t x = RANDOM_SEED, sum = 0;

    for (unsigned i = 0; i < n; i++) {
        uint64_t r = random_next(&x);

        sum += word[(r >> 40) % WORDS];
        word[(r >> 16) % WORDS] += r;
    }
    for (unsigned i = 0; i < WORDS; i += 512)
        sum += word[i];
    free(word);
    return sum;
}
