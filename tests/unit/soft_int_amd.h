/* SPDX-License-Identifier: MIT */
/*
 * soft_int_amd.h - where AMD's CPUs do otherwise than the software CPU, and what they do there
 *
 * The software CPU has one behaviour on all hosts, Intel's, where the manuals leave a choice or the
 * vendors part (docs/decisions/0005). On an AMD host the native oracle is held against what each rule here
 * makes of the software CPU's result: exact values, so that a host that did a third thing is a difference.
 */
#ifndef TESTS_SOFT_INT_AMD_H
#define TESTS_SOFT_INT_AMD_H

#include "soft_int_gen.h"
#include "soft_int_rig.h"

struct amd_case {
    struct rig *rig;       /* after the instruction; its data is made what AMD's would be */
    const uint8_t *before; /* data from WINDOW_DATA on, before it */
    const struct gen_case *k;
    struct native_end *end; /* the software CPU's, made what AMD's would be */
    const struct native *native;
};

/* AMD's CPUs have another instruction in these bytes, so there is nothing to compare. */
bool amd_other_insn(const struct x86_insn *in);

void amd_expect(const struct amd_case *a);

#endif
