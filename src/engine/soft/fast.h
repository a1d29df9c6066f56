/* SPDX-License-Identifier: MIT */
/*
 * fast.h - short cuts for the instructions that compiled 64-bit code consists of
 *
 * A fast handler does what soft_execute would do for one form of an instruction at one size, or
 * nothing at all: when an operand is not plain memory in one page that the translation cache knows,
 * it returns false, and the generic way executes the instruction. So faults, devices, page walks
 * and page borders have one place, which is not here. Used by run.c, which keeps a struct soft_fast
 * in each decoded instruction; tests compare both ways.
 *
 * A handler may rely on: 64-bit mode; TF and RF clear; no interrupt shadow; no device access under
 * way; no alignment check; no breakpoint at rip (soft_fast_ready).
 */
#ifndef ENGINE_SOFT_FAST_H
#define ENGINE_SOFT_FAST_H

#include "engine/soft/cpu.h"
#include "x86/decode.h"

struct soft_fast;

/* True: done, rip is the next instruction's. False: nothing has changed. */
typedef bool soft_fast_fn(struct soft_cpu *c, const struct soft_fast *f);

/*
 * What the handler needs, resolved. An address is the sum of disp and three words of struct
 * soft_cpu, named by their offsets in it; what is not there is the word that is always 0
 * (soft_cpu.zero).
 */
struct soft_fast {
    soft_fast_fn *fn; /* NULL: this instruction has none */
    uint64_t imm;     /* extended to the operand size; distance of a branch */
    int32_t disp;     /* by rip: from the instruction's start */
    uint16_t base, index, segment;
    uint8_t scale;    /* shift */
    uint8_t dst, src; /* registers; for one operand dst */
    uint8_t len;
};

/* Fills f for a decoded instruction; f->fn is NULL when it has no fast handler. */
void soft_fast_of(const struct soft_cpu *c, const struct x86_insn *in, struct soft_fast *f);

/* Whether handlers may be called now; stays so while nothing else than handlers runs, up to a breakpoint. */
bool soft_fast_ready(const struct soft_cpu *c);
/* The same whatever the size of code is. */
bool soft_undisturbed(const struct soft_cpu *c);

#endif
