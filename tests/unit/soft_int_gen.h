/* SPDX-License-Identifier: MIT */
/*
 * soft_int_gen.h - random instances of a row of the opcode table, with registers that make sense for it
 *
 * Bytes are put together from the row and accepted when the decoder finds the row in them. Then
 * registers are set so that memory operands lie in the window of soft_native.h: inside it, at the edges
 * of its pages, or where there is nothing.
 */
#ifndef TESTS_SOFT_INT_GEN_H
#define TESTS_SOFT_INT_GEN_H

#include "soft_native.h"

enum { GEN_TARGETS = 3, GEN_CODE_AT = 0x800 };

struct gen_case {
    uint8_t bytes[X86_INSN_MAX + 1];
    struct x86_insn in;
    struct native_regs regs;
    unsigned ntargets;
    uint64_t target[GEN_TARGETS]; /* offsets in the window that it may read or write */
};

struct gen {
    uint64_t rng;
    enum x86_code code;
    uint64_t fs_base; /* 0: in 32-bit code FS and GS are not used */
};

uint64_t gen_random(struct gen *g);
unsigned gen_below(struct gen *g, unsigned n);

/* A number with edge values more often than chance has them. */
uint64_t gen_value(struct gen *g);

/* Canonical with 48 bits of address, or not even with 57. */
uint64_t gen_linear(struct gen *g);

/* False when no instance was found. The instruction lies at GEN_CODE_AT of the code page. */
bool gen_case(struct gen *g, unsigned op, struct gen_case *out);

#endif
