/* SPDX-License-Identifier: MIT */
/*
 * prove.h - that emitted code touches nothing but its frame and checked pages
 *
 * Reads the host code of a block again, as the host's CPU will, and follows S1, S2 and the jumps through it.
 * For builds that look closely (trans_config.prove); it knows nothing of how the code was made.
 */
#ifndef ENGINE_SOFT_TRANS_PROVE_H
#define ENGINE_SOFT_TRANS_PROVE_H

#include <stddef.h>
#include <stdint.h>

enum { PROVE_CODE_MAX = 1 << 16 };

/* Where code is entered from outside, in bytes from its beginning: nothing is known of S1 and S2 there. */
struct prove_code {
    const uint8_t *bytes;
    size_t len; /* up to PROVE_CODE_MAX */
    const uint32_t *entry;
    size_t nentries;
};

/* NULL: proved. Else what is wrong (static), and *at of which instruction. */
const char *prove_code(const struct prove_code *code, uint32_t *at);

#endif
