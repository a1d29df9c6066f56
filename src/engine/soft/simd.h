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

#endif
