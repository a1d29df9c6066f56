/* SPDX-License-Identifier: MIT */
/*
 * random.h - numbers for RDRAND and RDSEED
 *
 * ChaCha20 (RFC 8439) as a generator: with the host's randomness as key nobody can foretell it, with a key
 * of the caller's a run can be repeated.
 */
#ifndef ENGINE_SOFT_RANDOM_H
#define ENGINE_SOFT_RANDOM_H

#include <stdint.h>

#include "base/err.h"

enum { SOFT_SEED = 32 }; /* bytes */

struct soft_random {
    uint32_t key[8];
    uint64_t block; /* number of the next one */
    uint32_t words[16];
    unsigned at; /* words used of the current block; 16: all */
};

/* seed: SOFT_SEED bytes, or NULL for the host's randomness. */
WARN_UNUSED int soft_random_init(struct soft_random *r, const uint8_t *seed, struct vitro_err *err);

uint64_t soft_random(struct soft_random *r);

#endif
