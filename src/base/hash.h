/* SPDX-License-Identifier: MIT */
/*
 * hash.h - numbers that tell bytes apart by accident, not against somebody who wants them to look the same
 *
 * Used for the state of a machine, and for files that are read a second time.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stdint.h>

/* h with one more word. */
static inline uint64_t hash_word(uint64_t h, uint64_t word)
{
    h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15); /* odd, and half of the bits set */
    return h ^ h >> 32;
}

/* h with these bytes and how many they are, at the speed of memory. */
uint64_t hash_bytes(uint64_t h, const void *bytes, uint64_t len);

#endif
