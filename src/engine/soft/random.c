/* SPDX-License-Identifier: MIT */
/* random.c - ChaCha20's block function. RFC 8439, sections 2.1 to 2.3; the nonce is 0. */
#include "engine/soft/random.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "base/bits.h"

enum { ROUNDS = 20, WORDS = 16 };

static uint32_t rotl(uint32_t v, unsigned n)
{
    return v << n | v >> (32 - n);
}

static void quarter(uint32_t *s, unsigned a, unsigned b, unsigned c, unsigned d)
{
    s[a] += s[b];
    s[d] = rotl(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = rotl(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = rotl(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = rotl(s[b] ^ s[c], 7);
}

static void next_block(struct soft_random *r)
{
    uint32_t start[WORDS] = { 0x61707865, 0x3320646e, 0x79622d32, 0x6b206574 };
    uint32_t s[WORDS];

    memcpy(start + 4, r->key, sizeof(r->key));
    start[12] = (uint32_t)r->block;
    start[13] = (uint32_t)(r->block >> 32);
    memcpy(s, start, sizeof(s));
    for (unsigned i = 0; i < ROUNDS; i += 2) {
        for (unsigned j = 0; j < 4; j++)
            quarter(s, j, 4 + j, 8 + j, 12 + j);
        for (unsigned j = 0; j < 4; j++)
            quarter(s, j, 4 + (j + 1) % 4, 8 + (j + 2) % 4, 12 + (j + 3) % 4);
    }
    for (unsigned i = 0; i < WORDS; i++)
        r->words[i] = s[i] + start[i];
    r->block++;
    r->at = 0;
}

int soft_random_init(struct soft_random *r, const uint8_t *seed, struct vitro_err *err)
{
    uint8_t key[SOFT_SEED];

    if (seed != NULL)
        memcpy(key, seed, sizeof(key));
    else if (getrandom(key, sizeof(key), 0) != sizeof(key))
        return err_set(err, -errno, "getrandom: %s", strerror(errno));
    *r = (struct soft_random){ .at = WORDS };
    for (unsigned i = 0; i < ARRAY_LEN(r->key); i++)
        r->key[i] = (uint32_t)le_get(key + (size_t)4 * i, 4);
    return 0;
}

uint64_t soft_random(struct soft_random *r)
{
    uint64_t low;

    if (r->at == WORDS)
        next_block(r);
    low = r->words[r->at];
    r->at += 2; /* WORDS is even */
    return low | (uint64_t)r->words[r->at - 1] << 32;
}
