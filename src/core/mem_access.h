/* SPDX-License-Identifier: MIT */
/*
 * mem_access.h - how vCPUs and devices touch guest memory that other vCPUs may touch at the same time
 *
 * Relaxed atomics of 1, 2, 4 and 8 bytes: on x86-64 the same instructions as plain accesses, never split or joined
 * by the compiler when aligned, and to the thread sanitizer no race of ours when the guest races with itself.
 * The host's order of accesses is the guest's. Pointers are those that mem_host or the software CPU's translation
 * cache gave; they need no alignment, as the guest's do not.
 */
#ifndef CORE_MEM_ACCESS_H
#define CORE_MEM_ACCESS_H

#include <stdint.h>
#include <string.h>

#define MEM_ACCESS(bits)                                                         \
    static inline uint##bits##_t mem_load_##bits(const void *guest)              \
    {                                                                            \
        return __atomic_load_n((const uint##bits##_t *)guest, __ATOMIC_RELAXED); \
    }                                                                            \
    static inline void mem_store_##bits(void *guest, uint##bits##_t val)         \
    {                                                                            \
        __atomic_store_n((uint##bits##_t *)guest, val, __ATOMIC_RELAXED);        \
    }

MEM_ACCESS(8)
MEM_ACCESS(16)
MEM_ACCESS(32)
MEM_ACCESS(64)
#undef MEM_ACCESS

/* Guest memory to the monitor's own: 1, 2, 4 or 8 bytes in one piece, more in pieces of 8 and a rest. */
static inline void mem_load(void *own, const void *guest, uint64_t len)
{
    uint8_t *to = (uint8_t *)own;
    const uint8_t *from = (const uint8_t *)guest;
    uint64_t word;

    for (; len >= 8; to += 8, from += 8, len -= 8) {
        word = mem_load_64(from);
        memcpy(to, &word, 8);
    }
    if (len & 4) {
        word = mem_load_32(from);
        memcpy(to, &word, 4);
        to += 4, from += 4;
    }
    if (len & 2) {
        word = mem_load_16(from);
        memcpy(to, &word, 2);
        to += 2, from += 2;
    }
    if (len & 1)
        *to = mem_load_8(from);
}

/* The monitor's own memory to the guest's, in the same pieces. */
static inline void mem_store(void *guest, const void *own, uint64_t len)
{
    uint8_t *to = (uint8_t *)guest;
    const uint8_t *from = (const uint8_t *)own;
    uint64_t word = 0;

    for (; len >= 8; to += 8, from += 8, len -= 8) {
        memcpy(&word, from, 8);
        mem_store_64(to, word);
    }
    if (len & 4) {
        memcpy(&word, from, 4);
        mem_store_32(to, (uint32_t)word);
        to += 4, from += 4;
    }
    if (len & 2) {
        memcpy(&word, from, 2);
        mem_store_16(to, (uint16_t)word);
        to += 2, from += 2;
    }
    if (len & 1)
        mem_store_8(to, *from);
}

#endif
