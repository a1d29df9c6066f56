/* SPDX-License-Identifier: MIT */
/* hash.c - four lanes, each a multiplication a word, so that memory is read as fast as it goes. */
#include "base/hash.h"

#include <string.h>

enum { LANES = 4 };

static uint64_t word_at(const uint8_t *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof(w));
    return w;
}

uint64_t hash_bytes(uint64_t h, const void *bytes, uint64_t len)
{
    const uint8_t *p = bytes;
    uint64_t lane[LANES] = { h, h + 1, h + 2, h + 3 };
    uint64_t i = 0;

    for (; len - i >= LANES * sizeof(uint64_t); i += LANES * sizeof(uint64_t)) {
        for (unsigned k = 0; k < LANES; k++)
            lane[k] = hash_word(lane[k], word_at(p + i + k * sizeof(uint64_t)));
    }
    for (; i < len; i++)
        lane[0] = hash_word(lane[0], p[i]);
    h = hash_word(h, len);
    for (unsigned k = 0; k < LANES; k++)
        h = hash_word(h, lane[k]);
    return h;
}
