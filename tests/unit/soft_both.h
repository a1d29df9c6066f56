/* SPDX-License-Identifier: MIT */
/*
 * soft_both.h - one instruction on the software CPU and on the host: what tests of both have in common
 *
 * The memory of soft_native.h's window is in both: the rig's data and the runner's are kept equal by their users.
 */
#ifndef TESTS_SOFT_BOTH_H
#define TESTS_SOFT_BOTH_H

#include "soft_int_gen.h"
#include "soft_int_rig.h"

/* Gives the rig the LDT that the runner has. */
void both_make_ldt(struct rig *r);

/*
 * Whether it ended in the same way: registers and flags but RF, segments, vector, error code, CR2. In 16- and 32-bit code
 * the upper halves of registers do not exist, nor do they after a transfer there (SDM 1, "Registers in 64-Bit Mode").
 */
bool both_equal(const struct native_end *a, const struct native_end *b, enum x86_code code);

/* A fault outside the window: the host might have something there. */
bool both_is_wild(const struct native_end *soft);

/* The case, how it ended on either side, and the bytes of memory that differ. */
void both_show(const struct rig *r, const struct native *n, const struct gen_case *k,
               const struct native_end *soft, const struct native_end *native);

#endif
