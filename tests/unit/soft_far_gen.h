/* SPDX-License-Identifier: MIT */
/*
 * soft_far_gen.h - random instances of far transfers, with pointers and frames that lead somewhere, or nearly
 *
 * Bytes and registers are gen_case's. A pointer, in the instruction or in memory, or a frame on the stack is put in:
 * mostly to code that ring 3 may enter, at an address of the window's code page; often one thing of it is wrong.
 */
#ifndef TESTS_SOFT_FAR_GEN_H
#define TESTS_SOFT_FAR_GEN_H

#include "soft_int_gen.h"

enum { FAR_BYTES = 64 };

/* What is to be put into memory before the case runs: n bytes from this offset of the window on, as far as it goes. */
struct far_memory {
    uint64_t at;
    uint8_t bytes[FAR_BYTES];
    unsigned n;
};

/* False when no instance was found. */
bool far_case(struct gen *g, unsigned op, struct gen_case *k, struct far_memory *m);

#endif
