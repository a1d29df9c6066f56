/* SPDX-License-Identifier: MIT */
/*
 * canonical.h - linear addresses that 64-bit mode takes; used by whoever holds one
 *
 * Source: SDM 1, "Canonical Addressing". 48 bits: 5-level paging is not offered, so bits 63 to 47 are the same.
 */
#ifndef X86_CANONICAL_H
#define X86_CANONICAL_H

#include <stdbool.h>
#include <stdint.h>

static inline bool x86_canonical(uint64_t linear)
{
    return (uint64_t)((int64_t)(linear << 16) >> 16) == linear;
}

#endif
