/* SPDX-License-Identifier: MIT */
/*
 * soft_oracle.h - which rows of the opcode table are held against the host CPU, and by which test
 *
 * Used by the tests that do it, and by test_oracle.c, which wants a guest program for every other row.
 */
#ifndef TESTS_SOFT_ORACLE_H
#define TESTS_SOFT_ORACLE_H

#include <stdbool.h>

#include "x86/decode.h"

/* test_soft_int.c: rows that ring 3 may execute, but for far transfers. */
bool oracle_is_int(const struct x86_row *row);
/* test_soft_far_native.c: far transfers and interrupts. */
bool oracle_is_far(const struct x86_row *row);
/* Whether a row can be met in code of that size, as far as cases for it are generated. */
bool oracle_exists(const struct x86_row *row, enum x86_code code);

/* They look at a descriptor: LAR, LSL, VERR, VERW. */
bool oracle_asks_table(const struct x86_row *row);
/* MOV, POP and far pointers to a segment register. */
bool oracle_loads_segment(const struct x86_row *row);

/* Another result each time: time and random numbers. */
bool oracle_varies(const struct x86_row *row);

/* test_soft_simd.c, test_soft_x87.c. */
bool oracle_is_vector(const struct x86_row *row);

/* Any of them. */
bool oracle_native(const struct x86_row *row);

/* Ring 3 is refused whatever the operands are; test_soft_far_native.c compares how. */
bool oracle_refused(const struct x86_row *row);

/* Why the host CPU cannot be the oracle of a row: static words; NULL when nothing speaks against it. */
const char *oracle_why_not_native(const struct x86_row *row);

#endif
