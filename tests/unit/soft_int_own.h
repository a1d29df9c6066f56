/* SPDX-License-Identifier: MIT */
/*
 * soft_int_own.h - rows that tell what each CPU has of its own: time, random numbers, CPUID, the bases of FS and GS
 *
 * Which registers they write, how wide, and everything else is compared; of time, random numbers, CPUID and the number of
 * the processor the value is the host's. XCR0 and the bases are made the same on both sides, and compared whole.
 */
#ifndef TESTS_SOFT_INT_OWN_H
#define TESTS_SOFT_INT_OWN_H

#include "soft_int_gen.h"
#include "soft_int_rig.h"

/* Registers that such a row is worth executing with; XCR0 and FSGSBASE of the host. */
void own_prepare(struct gen *g, struct gen_case *k);
void own_open(struct rig *r, const struct native *n);

/* Puts the host's own values into the software CPU's end. */
void own_adopt(const struct x86_insn *in, const struct native_end *native, struct native_end *soft);

#endif
