/* SPDX-License-Identifier: MIT */
/*
 * vector.c - the guest's x87 and vector registers while translated code runs
 *
 * They are loaded where code first has a use for them, and saved when it is left (enter.S): vectors one by one, which
 * takes a tenth of the time of XRSTOR and XSAVE, x87 by FXRSTOR and FXSAVE. Here is what may be loaded, and what is put
 * right in the image afterwards. frame.x87_at is a block's number and that of an instruction in it.
 */
#include "engine/soft/fpu.h"
#include "engine/soft/trans/block.h"

enum { XCR0_SSE_AVX = 6 };

/* The host takes it, and no vector instruction raises a numeric exception. */
static bool mxcsr_is_masked(const struct soft_fx *fx)
{
    return !(fx->mxcsr & ~(unsigned)MXCSR_MASK) && (fx->mxcsr & MXCSR_MASKS) == MXCSR_MASKS;
}

/* Nothing is pending, and nothing will be. */
static bool x87_is_masked(const struct soft_fx *fx)
{
    return (fx->fcw & FCW_MASKS) == FCW_MASKS && !(fx->fsw & FSW_ES);
}

unsigned trans_simd_allowed(const struct trans *t)
{
    const struct soft_cpu *c = t->c;
    const struct soft_fx *fx = (const struct soft_fx *)(const void *)c->s.xsave;
    unsigned allowed = 0;

    if (c->s.cr0 & (X86_CR0_EM | X86_CR0_TS) || c->s.xsave_len < FX_BYTES)
        return 0;
    if (fx->xstate_bv & FX_X87)
        allowed |= TRANS_SIMD_FCW;
    if (!mxcsr_is_masked(fx)) /* FXRSTOR has both */
        return allowed;
    if (fx->xstate_bv & FX_X87 && x87_is_masked(fx) && !c->ferr_on)
        allowed |= TRANS_SIMD_X87;
    if (fx->xstate_bv & FX_SSE && c->s.cr4 & X86_CR4_OSFXSR) {
        allowed |= TRANS_SIMD_SSE;
        if (fx->xstate_bv & FX_AVX && c->s.cr4 & X86_CR4_OSXSAVE &&
            (c->s.xcr0 & XCR0_SSE_AVX) == XCR0_SSE_AVX)
            allowed |= TRANS_SIMD_AVX;
    }
    return allowed & t->store->host_simd;
}

void trans_simd_begin(struct trans *t, unsigned wanted)
{
    const struct soft_fx *fx = (const struct soft_fx *)(const void *)t->c->s.xsave;
    struct trans_frame *f = t->frame;
    unsigned allowed = trans_simd_allowed(t);

    f->wanted = wanted;
    f->simd_refused = TRANS_SIMD_ALL & ~allowed;
    f->x87_at = 0;
    f->fcw = fx->fcw;
    t->mxcsr_mask = fx->mxcsr_mask;
    t->fop = fx->fop;
    t->fip = fx->fip;
    t->fdp = fx->fdp;
    if (f->host_mxcsr == 0)
        __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(f->host_mxcsr), "=m"(f->host_fcw));
}

/* Those of the host have been saved. The operand's are of exceptions that are not masked: there was none. */
static void take_pointers(const struct trans *t, struct soft_fx *fx)
{
    const struct trans_store *s = t->store;
    uint32_t at = t->frame->x87_at;

    fx->fop = t->fop;
    fx->fip = t->fip;
    fx->fdp = t->fdp;
    if (at != 0) {
        const struct block *b = &s->block[at >> X87_AT_SHIFT];

        fx->fip = b->rip + s->bound[b->bounds + at % (1u << X87_AT_SHIFT)].guest;
    }
}

void trans_simd_end(struct trans *t)
{
    struct soft_fx *fx = (struct soft_fx *)(void *)t->c->s.xsave;
    unsigned loaded = TRANS_SIMD_ALL & ~(unsigned)t->frame->simd_missing;

    t->frame->simd_missing = TRANS_SIMD_ALL;
    if (!(loaded & ~(unsigned)TRANS_SIMD_FCW))
        return;
    fx->mxcsr_mask = t->mxcsr_mask; /* it may be the host's now */
    if (loaded & TRANS_SIMD_X87)
        take_pointers(t, fx);
}
