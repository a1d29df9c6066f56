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
#include "soft_native.h"

struct both {
    struct rig rig;
    struct native native;
    bool amd; /* the host is */
    unsigned ncases, shown, rows, cases, faults, differences, few;
};

/* For cmocka: *state is a struct both. SOFT_CASES in the environment says how many cases a row; 200 else. */
int both_setup(void **state);
int both_teardown(void **state);

/*
 * Around the rows of one size of code, inside the test: cmocka sets signal handlers of its own around each. The test is
 * skipped where the host runs no native oracle, and fails when cases differed or were too few.
 */
void both_open(struct both *b, enum x86_code code);
void both_close(struct both *b, const char *what, enum x86_code code);

/* Runs a case of a row, counts it, and what differs; false: there are no more. */
typedef bool both_case_fn(struct both *b, struct gen *g, unsigned op);
void both_run_row(struct both *b, struct gen *g, unsigned op, both_case_fn *run_case);

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
