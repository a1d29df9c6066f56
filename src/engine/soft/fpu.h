/* SPDX-License-Identifier: MIT */
/*
 * fpu.h - the guest's x87, MMX and vector state, and what its instructions share
 *
 * Source: SDM 1, "XSAVE-Supported Features and State-Component Bitmaps", "XSAVE Area"; SDM 1 "Programming
 * with the x87 FPU". The state is the standard form of the XSAVE area in x86_state.xsave, FIP and FDP 64
 * bits wide. A state component whose bit in XSTATE_BV is clear has its initial value, whatever the bytes
 * are; soft_fx() writes that value out and sets the bit.
 */
#ifndef ENGINE_SOFT_FPU_H
#define ENGINE_SOFT_FPU_H

#include <assert.h>
#include <stddef.h>

#include "engine/soft/ops.h"

enum { FX_X87 = 1, FX_SSE = 2, FX_AVX = 4, FX_ALL = 7 }; /* bits of XCR0 and XSTATE_BV */

enum {
    FX_LEGACY = 512,
    FX_AVX_AT = 576,
    FX_AVX_LEN = 256,
    FX_BYTES = FX_AVX_AT + FX_AVX_LEN,
    MXCSR_INIT = 0x1f80,
    MXCSR_MASK = 0xffff,
    FCW_INIT = 0x37f,
    FCW_MASKS = 0x3f,
};

enum mxcsr_bits {
    MXCSR_IE = 1 << 0,
    MXCSR_DE = 1 << 1,
    MXCSR_ZE = 1 << 2,
    MXCSR_OE = 1 << 3,
    MXCSR_UE = 1 << 4,
    MXCSR_PE = 1 << 5,
    MXCSR_DAZ = 1 << 6,
    MXCSR_FLAGS = 0x3f,
    MXCSR_MASKS = 0x3f << 7,
    MXCSR_UM = 1 << 11,
    MXCSR_FTZ = 1 << 15,
};

enum fsw_bits {
    FSW_FAULTS = 0x1f, /* exceptions that keep a result from being stored */
    FSW_ES = 1 << 7,
    FSW_B = 1 << 15,
    FSW_PENDING = 0x80bf, /* all of the exceptions, ES and B */
    FSW_CLEARED = 0x80ff, /* by FNCLEX */
    FSW_TOP_SHIFT = 11,
    FSW_TOP = 7 << FSW_TOP_SHIFT,
};

struct __attribute__((may_alias)) soft_fx {
    uint16_t fcw, fsw;
    uint8_t ftw; /* bit n: physical register n is not empty */
    uint8_t reserved1;
    uint16_t fop;
    uint64_t fip, fdp;
    uint32_t mxcsr, mxcsr_mask;
    uint8_t st[8][16]; /* ST(0) first; bytes 10..15 are 0 */
    uint8_t xmm[16][16];
    uint8_t unused[96];
    uint64_t xstate_bv, xcomp_bv, reserved2[6];
    uint8_t ymm_high[16][16];
};

static_assert(sizeof(struct soft_fx) == FX_BYTES &&
                  offsetof(struct soft_fx, xstate_bv) == FX_LEGACY,
              "as the XSAVE area");

/* Sets components to their initial values; MXCSR is not one of them. */
void soft_fx_init(struct soft_cpu *c, unsigned components);

/* Power-up and RESET values of everything, FCW 0x40 included. */
void soft_fx_reset(struct soft_cpu *c);

/* The state, with these components (FX_X87 and so on) written out. */
static inline struct soft_fx *soft_fx(struct soft_cpu *c, unsigned components)
{
    struct soft_fx *fx = (struct soft_fx *)c->s.xsave;

    if ((fx->xstate_bv & components) != components)
        soft_fx_init(c, components & ~(unsigned)fx->xstate_bv);
    return fx;
}

/* The memory operand's offset; false with #GP when it is not aligned as the row says. */
bool soft_fx_address(struct soft_cpu *c, const struct x86_insn *in, unsigned len, bool write,
                     uint64_t *ea);
/* Memory of 1, 2, 4, 8 bytes is moved with the checks of a word, other lengths as blocks. */
bool soft_fx_load(struct soft_cpu *c, unsigned seg, uint64_t ea, void *dst, unsigned len);
bool soft_fx_store(struct soft_cpu *c, unsigned seg, uint64_t ea, const void *src, unsigned len);

/* CPUs look at the last byte of a long operand first; false with c->stop set when it cannot be accessed. */
bool soft_fx_probe(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned len, bool write);

static inline bool soft_fx_64(const struct x86_insn *in)
{
    return in->code == X86_CODE_64;
}

static inline bool soft_fx_wide(const struct x86_insn *in)
{
    return in->rex & X86_REX_W && soft_fx_64(in);
}

/* ---- vectors (simd.c, simd_masked.c) ------------------------------------------------------------ */

void soft_vec_get(struct soft_cpu *c, unsigned reg, uint8_t dst[32]);
/* All 32 bytes, as VEX instructions write. */
void soft_vec_set(struct soft_cpu *c, unsigned reg, const uint8_t src[32]);

soft_insn_fn soft_op_maskmov, soft_op_vmaskmov, soft_op_gather;

/* ---- x87 (x87.c, x87_env.c) ------------------------------------------------------------------- */

/* Before every instruction that waits: false with #MF when an exception is pending. */
bool soft_x87_wait(struct soft_cpu *c);

/* The same while CR0.NE is clear, or FERR# is to be taken back; false: the CPU stands still (ferr.c). */
bool soft_ferr_wait(struct soft_cpu *c, bool pending);
/* Makes physical register 0 the top or any other; ST(i) move in the image. */
void soft_x87_set_top(struct soft_fx *fx, unsigned top);
/* SDM 3A, "Effect of MMX Instructions on x87 FPU Tag Word": what each but EMMS does. */
void soft_x87_to_mmx(struct soft_fx *fx);
/* Reserved bits, summary bits and the width of FIP as the CPU would have them after a load. */
void soft_x87_settle(struct soft_fx *fx);
void soft_x87_init(struct soft_fx *fx);

soft_insn_fn soft_op_x87, soft_op_fwait, soft_op_fldenv, soft_op_fnstenv, soft_op_fldcw,
    soft_op_fnstcw, soft_op_fnsave, soft_op_frstor, soft_op_fninit, soft_op_fnclex, soft_op_fnstsw,
    soft_op_x87_nop;

/* ---- state (xsave.c) ----------------------------------------------------------------------------- */

soft_insn_fn soft_op_fxsave, soft_op_fxrstor, soft_op_xsave, soft_op_xsaveopt, soft_op_xsavec,
    soft_op_xrstor, soft_op_xrstors;

#endif
