/* SPDX-License-Identifier: MIT */
/* simd.h - a vector instruction under way; shared by simd.c and simd_numeric.c. */
#ifndef ENGINE_SOFT_SIMD_H
#define ENGINE_SOFT_SIMD_H

#include "engine/soft/fpu.h"
#include "engine/soft/thunk.h"

struct vec {
    const struct x86_insn *in;
    const struct x86_row *row;
    const struct soft_thunk *thunk;
    unsigned variant;
    uint64_t ea;     /* of the memory operand */
    unsigned mem_at; /* which operand it is; 4: none */
    unsigned mem_len;
    bool mem_thunk; /* the thunk accesses memory itself */
    bool touches_mmx;
    struct soft_regs r;
};

/* Runs the row's thunk on v->r. */
void soft_vec_call(struct vec *v);

/* The row raises numeric exceptions. */
bool soft_vec_is_numeric(const struct x86_row *row);

/* Runs it with the guest's rounding and denormals; false when an exception is to be delivered instead. */
bool soft_vec_run_numeric(struct soft_cpu *c, struct vec *v);

/* ---- simd_exact.c -------------------------------------------------------------------------------- */

enum soft_exact_op {
    SOFT_EXACT_NARROW, /* from[0], in a narrower format */
    SOFT_EXACT_ADD,    /* from[0] + from[1] */
    SOFT_EXACT_PAIRS,  /* neighbours, per 16 bytes: the first half from[0]'s, the other from[1]'s */
    SOFT_EXACT_MUL,
    SOFT_EXACT_DIV,
    SOFT_EXACT_FMA, /* from[0] * from[1] + from[2] */
};

/* n results of `to` bytes (2, 4, 8) from elements of `size` (4, 8). */
struct soft_exact {
    enum soft_exact_op op;
    unsigned n, size, to;
    const uint8_t *from[3];            /* all are read; borrowed */
    bool even_less, odd_less, negated; /* subtracts, in such elements; the product is negated */
    unsigned masks, rounding;          /* MXCSR_OE, MXCSR_UE; MXCSR.RC */
    bool daz, flush;
};

/*
 * soft_inexact - whether PE is set: a result is inexact where its exception is masked or it raises none, or is at
 * unlimited exponent range where it raises an overflow or underflow that is not masked
 */
bool soft_inexact(const struct soft_exact *x);

/* Of an instruction that has not run yet; false: it neither overflows nor underflows. *x borrows from v. */
bool soft_vec_exact(const struct vec *v, unsigned masks, struct soft_exact *x);

#endif
