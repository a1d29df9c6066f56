/* SPDX-License-Identifier: MIT */
/*
 * soft_far_amd.h - where AMD's CPUs transfer otherwise than the software CPU, and how
 *
 * The software CPU reads and checks in the order of the SDM's pseudocode; AMD's CPUs have another. On an AMD host the
 * native oracle is held against exactly that. On other hosts a case whose outcome depends on the order is left out: the
 * pseudocode does not promise one, and a CPU may read a frame's parts in any.
 */
#ifndef TESTS_SOFT_FAR_AMD_H
#define TESTS_SOFT_FAR_AMD_H

#include "soft_int_gen.h"
#include "soft_int_rig.h"

struct far_amd {
    struct rig *rig;       /* as before the case; its memory may have been written since */
    const uint8_t *before; /* data from WINDOW_DATA on, before it */
    const struct gen_case *k;
    const struct native *native;
    struct native_end *end; /* the software CPU's, made what AMD's would be */
};

/* AMD's CPUs have another instruction in these bytes, so there is nothing to compare. */
bool far_amd_other_insn(const struct x86_insn *in);

/* True when AMD's CPUs do otherwise. */
bool far_amd_expect(const struct far_amd *a);

#endif
