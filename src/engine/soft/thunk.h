/* SPDX-License-Identifier: MIT */
/*
 * thunk.h - one guest vector or x87 instruction on the host CPU
 *
 * scripts/thunks.py makes, at build time and from the opcode table, a function of one instruction for
 * every such row. Its operands have fixed places: operand i (counted from 0) is vector register or MMX
 * register i + 1, an operand that is a general register is RAX, memory is at [RDI], XMM0 is itself.
 * thunk_call.S loads them from struct soft_regs, calls the thunk and stores them back, and the host's
 * own MXCSR, x87 control word and MMX state are as before.
 *
 * A memory source is loaded into the operand's register, and a memory destination is stored from it,
 * where that gives the same result; `mem` thunks are for the other rows and those without a register form.
 */
#ifndef ENGINE_SOFT_THUNK_H
#define ENGINE_SOFT_THUNK_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "x86/opcode.h"

/* What tells the two variants of a row apart. */
enum soft_thunk_by { SOFT_THUNK_BY_NOTHING, SOFT_THUNK_BY_W, SOFT_THUNK_BY_L };

/* Slot numbers; 0: none. Immediate or stack register are added. */
struct soft_thunk {
    uint32_t reg[2], mem[2];
    uint8_t by; /* enum soft_thunk_by */
};

enum { SOFT_THUNK_SLOT = 8 };

extern const struct soft_thunk soft_thunks[X86_NOPS];
extern const uint8_t soft_thunk_code[] __attribute__((visibility("hidden")));

/* What a thunk gets and leaves. thunk_call.S knows the offsets. */
struct soft_regs {
    uint8_t v[5][32] __attribute__((aligned(64)));
    uint64_t m[4];
    uint64_t rax, rcx, rdx;
    uint64_t rflags;
    uint32_t mxcsr, host_mxcsr;
    uint16_t host_fcw;
    uint8_t mem[64] __attribute__((aligned(64)));
};

static_assert(offsetof(struct soft_regs, m) == 160, "thunk_call.S");
static_assert(offsetof(struct soft_regs, rax) == 192, "thunk_call.S");
static_assert(offsetof(struct soft_regs, rflags) == 216, "thunk_call.S");
static_assert(offsetof(struct soft_regs, mxcsr) == 224, "thunk_call.S");
static_assert(offsetof(struct soft_regs, host_fcw) == 232, "thunk_call.S");
static_assert(offsetof(struct soft_regs, mem) == 256, "thunk_call.S");

/* v[n] is XMMn, its low 16 bytes count. All of them: MXCSR and flags are left in r too. */
void soft_call_sse(struct soft_regs *r, const uint8_t *code);
/* v[n] is YMMn. */
void soft_call_avx(struct soft_regs *r, const uint8_t *code);
/* As soft_call_sse, and m[n] is MMn. */
void soft_call_mmx(struct soft_regs *r, const uint8_t *code);
/* fx: 512 bytes as FXSAVE64 has them, aligned to 16; its MXCSR is used, x87 state is changed. */
void soft_call_x87(struct soft_regs *r, const uint8_t *code, void *fx);
/* What the CPU makes of an x87 image: reserved bits, the summary bit of FSW. */
void soft_call_fxrstor(struct soft_regs *r, void *fx);

#endif
