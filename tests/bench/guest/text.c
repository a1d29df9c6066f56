/* SPDX-License-Identifier: MIT */
/*
 * text.c - benchmark programs of text: compression, and libc's regular expressions
 *
 * The compression replaces what has been before by a distance and a length (Lempel and Ziv 1977), found by a hash of
 * three bytes, with chains. A token is a byte count of literals and these, then 16 bits of distance and a byte of
 * length; a distance of 0 ends the text.
 */
#include "tasks.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sentences of words that repeat; len bytes and a 0. */
static char *make_text(size_t len)
{
    static const char *const part[] = { "the ",    "guest ",  "of a ",  "memory ",
                                        "page ",   "writes ", "number", "and ",
                                        "reads\n", "in ",     "one ",   "is " };
    char *text = malloc(len + 32), *at = text;
    uint64_t x = RANDOM_SEED;

    while (at < text + len) {
        uint64_t r = random_next(&x) >> 20;

        at = stpcpy(at, part[r % 12]);
        if (r % 12 == 6)
            at += sprintf(at, " %u ", (unsigned)(r / 256 % 1000));
    }
    text[len] = '\0';
    return text;
}

/* ---- compression --------------------------------------------------------------------------------- */

enum { TABLE = 1 << 13, WINDOW = 1 << 15, LONGEST = 255, SHORTEST = 4, CHAIN = 16 };

struct packer {
    const unsigned char *in;
    size_t len, table[TABLE], before[WINDOW]; /* places plus 1, 0: none */
    unsigned char *out;
};

static size_t *slot(struct packer *p, size_t at)
{
    uint32_t three = p->in[at] | (uint32_t)p->in[at + 1] << 8 | (uint32_t)p->in[at + 2] << 16;

    return &p->table[three * 2654435761u >> 19];
}

static void enter(struct packer *p, size_t at)
{
    size_t *head = slot(p, at);

    p->before[at % WINDOW] = *head;
    *head = at + 1;
}

/* The longest match of what has been entered; its length. */
static unsigned match(struct packer *p, size_t at, size_t *distance)
{
    unsigned best = 0, limit = p->len - at < LONGEST ? (unsigned)(p->len - at) : LONGEST;
    size_t place = *slot(p, at);

    for (unsigned i = 0; i < CHAIN && place != 0 && at - (place - 1) < WINDOW; i++) {
        const unsigned char *a = p->in + place - 1, *b = p->in + at;
        unsigned same = 0;

        while (same < limit && a[same] == b[same])
            same++;
        if (same > best) {
            best = same;
            *distance = (size_t)(b - a);
        }
        place = p->before[(place - 1) % WINDOW];
    }
    return best;
}

static void token(struct packer *p, size_t from, size_t count, size_t distance, unsigned len)
{
    *p->out++ = (unsigned char)count;
    memcpy(p->out, p->in + from, count);
    p->out += count;
    *p->out++ = (unsigned char)distance;
    *p->out++ = (unsigned char)(distance >> 8);
    *p->out++ = (unsigned char)len;
}

static size_t pack(struct packer *p)
{
    unsigned char *begin = p->out;
    size_t at = 0, from = 0, distance = 0;

    while (at + LONGEST < p->len) {
        unsigned same = match(p, at, &distance);

        if (same < SHORTEST && at - from < 200) {
            enter(p, at++);
            continue;
        }
        token(p, from, at - from, distance != 0 ? distance : 1, same < SHORTEST ? 0 : same);
        for (size_t end = same < SHORTEST ? at : at + same; at < end; at++)
            enter(p, at);
        from = at;
    }
    for (; from + 255 < p->len; from += 255)
        token(p, from, 255, 1, 0);
    token(p, from, p->len - from, 0, 0);
    return (size_t)(p->out - begin);
}

static size_t unpack(const unsigned char *in, unsigned char *out)
{
    unsigned char *begin = out;

    for (;;) {
        size_t count = *in++, distance;

        memcpy(out, in, count);
        out += count;
        in += count;
        distance = in[0] | (size_t)in[1] << 8;
        if (distance == 0)
            return (size_t)(out - begin);
        for (unsigned i = in[2]; i > 0; i--, out++)
            *out = out[-(ptrdiff_t)distance];
        in += 3;
    }
}

/* Packs and unpacks n KiB of text; the hash of what comes out, and the packed length in the upper 16 bits. */
uint64_t task_compress(unsigned n)
{
    size_t len = (size_t)n * 1024, packed;
    char *text = make_text(len);
    struct packer *p = calloc(1, sizeof(*p));
    unsigned char *small = malloc(2 * len + 512), *again = malloc(len);
    uint64_t value = HASH_BEGIN;

    p->in = (const unsigned char *)text;
    p->len = len;
    p->out = small;
    packed = pack(p);
    if (unpack(small, again) != len)
        task_fail("unpack");
    value = hash_bytes(value, again, len) >> 16 | (packed / 64) << 48;
    free(again);
    free(small);
    free(p);
    free(text);
    return value;
}

/* ---- regular expressions -------------------------------------------------------------------------- */

static const char *const patterns[] = {
    "(guest|page) (memory|writes|is) ",
    "number ([0-9]+) (and|of a) ",
    "^[a-z ]*reads$",
    "(one |in )+is",
};

/* In n KiB of text, line by line: the sum of the places of matches and their lengths. */
uint64_t task_regex(unsigned n)
{
    char *text = make_text((size_t)n * 1024), *rest = text, *line;
    regex_t compiled[4];
    uint64_t sum = 0;

    for (unsigned i = 0; i < 4; i++) {
        if (regcomp(&compiled[i], patterns[i], REG_EXTENDED) != 0)
            task_fail("regcomp");
    }
    while ((line = strsep(&rest, "\n")) != NULL) {
        for (unsigned i = 0; i < 4; i++) {
            regmatch_t found;

            if (regexec(&compiled[i], line, 1, &found, 0) == 0)
                sum += (uint64_t)(found.rm_so + 1) * (uint64_t)(found.rm_eo + i);
        }
    }
    for (unsigned i = 0; i < 4; i++)
        regfree(&compiled[i]);
    free(text);
    return sum;
}
