/* SPDX-License-Identifier: MIT */
/* bits.h - small integer helpers that every module may use. */
#ifndef BASE_BITS_H
#define BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n)       (UINT64_C(1) << (n))

#define KIB          UINT64_C(1024)
#define MIB          (KIB * 1024)
#define GIB          (MIB * 1024)

/* All ones in the low `width` bytes, width 1..8. */
static inline uint64_t ones(unsigned width)
{
    return UINT64_MAX >> (64 - 8 * width);
}

/* Little-endian integer of 1..8 bytes at any alignment. */
static inline uint64_t le_get(const void *src, unsigned bytes)
{
    const uint8_t *p = src;
    uint64_t v = 0;

    while (bytes-- > 0)
        v = v << 8 | p[bytes];
    return v;
}

static inline void le_put(void *dst, unsigned bytes, uint64_t v)
{
    uint8_t *p = dst;

    for (unsigned i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

/* [a, a+alen) and [b, b+blen) share a byte. Neither range may wrap 2^64. */
static inline bool ranges_overlap(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
    return alen != 0 && blen != 0 && (a <= b ? b - a < alen : a - b < blen);
}

#endif
