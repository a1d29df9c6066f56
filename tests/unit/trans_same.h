/* SPDX-License-Identifier: MIT */
/*
 * trans_same.h - the two sides of a pair that begin with the same, and have to be the same after it has run
 *
 * For tests of code that is put there byte by byte. They fail the test that calls them.
 */
#ifndef TESTS_TRANS_SAME_H
#define TESTS_TRANS_SAME_H

#include "trans_rig.h"

enum { SAME_CODE_AT = 0x100 /* of same_run's code in the data pages, which may be executed too */ };

/* pair_open(), with FS at the data. */
struct pair *same_open(const struct trans_config *config);

/* One side before its first instruction: a page of code, WINDOW_DATA_LEN bytes of data, most registers pointing there. */
void same_begin(struct pair *p, struct side *s, const uint8_t code[4096], const uint8_t *data,
                const struct native_regs *regs);

/* Registers, flags, vectors, CR2, memory and the number of instructions. */
bool same_state(const struct pair *p);
/* Where the sides are, with the number of what they ran. */
void same_show(const struct pair *p, uint64_t seed);

/* Both sides run this code, which lies in a page that it may write, with registers of 0, to `insns`. */
void same_run(struct pair *p, const uint8_t *code, unsigned len, uint64_t insns);

#endif
