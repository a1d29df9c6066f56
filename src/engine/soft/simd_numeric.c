/* SPDX-License-Identifier: MIT */
/*
 * simd_numeric.c - vector instructions that raise floating-point exceptions
 *
 * None happens on the host: the thunk runs with all of them masked and the flags clear, and what it
 * raised decides. Source: SDM 1, "SSE, SSE2, SSE3 Exceptions" ("Exception Priority", "Unmasked
 * Exceptions"), "Detection of SIMD Floating-Point Exceptions".
 */
#include "engine/soft/simd.h"

#include <string.h>

bool soft_vec_is_numeric(const struct x86_row *row)
{
    return row->exception == X86_EXC_2 || row->exception == X86_EXC_3 ||
           row->exception == X86_EXC_11 || row->exception == X86_EXC_MMXFP;
}

/* A float below 2^-14 that is not rounded up to it, when rounded to the 11 bits of a half. */
static bool tiny_half(uint32_t f, unsigned rounding, bool daz)
{
    uint32_t magnitude = f & 0x7fffffff, rest = f & 0x1fff;

    if (magnitude == 0 || magnitude >= 0x38800000 || (magnitude < 0x800000 && daz))
        return false;
    if (magnitude < 0x387fe000)
        return true;
    switch (rounding) {
    case 0:
        return rest < 0x1000;
    case 1:
        return rest == 0 || !(f >> 31);
    case 2:
        return rest == 0 || f >> 31;
    default:
        return true;
    }
}

/* VCVTPS2PH takes no notice of flush-to-zero. */
static bool tiny_halves(const struct vec *v)
{
    unsigned imm = v->in->imm & 7, rounding = imm & 4 ? v->r.mxcsr >> 13 & 3 : imm & 3;

    for (unsigned i = 0; i < v->in->veclen / 4u; i++)
        if (tiny_half((uint32_t)le_get(v->r.v[2] + 4 * i, 4), rounding, v->r.mxcsr & MXCSR_DAZ))
            return true;
    return false;
}

/*
 * An unmasked underflow is raised by a tiny result though it be exact, the masked one only by an inexact
 * one. With flush-to-zero every tiny result is inexact, so a second run tells.
 */
static unsigned tiny(const struct vec *before)
{
    struct vec again = *before;

    if (before->row->mnemonic == X86_MN_VCVTPS2PH)
        return tiny_halves(before) ? MXCSR_UE : 0;
    again.r.mxcsr |= MXCSR_FTZ;
    soft_vec_call(&again);
    return again.r.mxcsr & MXCSR_UE;
}

/* What one stage of a dot product raises; its result goes to a. */
static unsigned stage(enum x86_op op, uint8_t a[16], const uint8_t b[16], uint32_t mxcsr,
                      bool exact)
{
    const uint8_t *code = soft_thunk_code + (size_t)soft_thunks[op].reg[0] * SOFT_THUNK_SLOT;
    struct soft_regs r = { .mxcsr = mxcsr }, again;

    memcpy(r.v[1], a, 16);
    memcpy(r.v[2], b, 16);
    again = r;
    again.mxcsr |= MXCSR_FTZ;
    soft_call_sse(&r, code);
    memcpy(a, r.v[1], 16);
    if (exact)
        soft_call_sse(&again, code);
    return (r.mxcsr | (exact ? again.mxcsr & MXCSR_UE : 0)) & MXCSR_FLAGS;
}

/* Exceptions found before anything is computed hide those of the result. */
static unsigned told(unsigned raised, unsigned masks)
{
    unsigned before = MXCSR_IE | MXCSR_DE | MXCSR_ZE;

    return raised & ~masks & before ? raised & before : raised;
}

static unsigned with_exact_pe(unsigned raised, const struct soft_exact *x)
{
    if (!(raised & ~x->masks & (MXCSR_OE | MXCSR_UE)))
        return raised;
    return (raised & ~(unsigned)MXCSR_PE) | (soft_inexact(x) ? MXCSR_PE : 0);
}

struct dot_product {
    uint8_t a[2][16], b[2][16];
    unsigned size, lanes;
};

static void dot_operands(const struct vec *v, struct dot_product *d)
{
    bool avx = v->row->klass == X86_CLASS_AVX;

    d->lanes = avx ? v->in->veclen / 16u : 1;
    for (unsigned lane = 0; lane < d->lanes; lane++) {
        memcpy(d->a[lane], v->r.v[avx ? 2 : 1] + 16 * lane, 16);
        memcpy(d->b[lane], v->r.v[avx ? 3 : 2] + 16 * lane, 16);
        for (unsigned i = 0; i < 16 / d->size; i++)
            if (!(v->in->imm >> (4 + i) & 1)) {
                memset(d->a[lane] + i * d->size, 0, d->size);
                memset(d->b[lane] + i * d->size, 0, d->size);
            }
    }
}

static unsigned stage_exact(struct dot_product *d, unsigned n, unsigned lane, enum x86_op op,
                            uint32_t mxcsr, unsigned masks)
{
    uint8_t before[16];
    const uint8_t *other = n == 0 ? d->b[lane] : before;
    struct soft_exact x = { .op = n == 0 ? SOFT_EXACT_MUL : SOFT_EXACT_PAIRS,
                            .n = 16 / d->size,
                            .size = d->size,
                            .to = d->size,
                            .from = { before, other, before },
                            .masks = masks,
                            .rounding = mxcsr >> 13 & 3,
                            .daz = mxcsr & MXCSR_DAZ,
                            .flush = mxcsr & MXCSR_FTZ };

    memcpy(before, d->a[lane], 16);
    return with_exact_pe(stage(op, d->a[lane], other, mxcsr, !(masks & MXCSR_UE)), &x);
}

/* DPPS and DPPD multiply, then add, then add again: an unmasked exception of one stage hides the next. */
static unsigned dot_product(const struct vec *v, unsigned masks)
{
    bool wide = v->row->mnemonic == X86_MN_DPPD || v->row->mnemonic == X86_MN_VDPPD;
    struct dot_product d = { .size = wide ? 8 : 4 };
    unsigned total = 0;

    dot_operands(v, &d);
    for (unsigned n = 0; n < (wide ? 2 : 3) && !(total & ~masks); n++) {
        enum x86_op mul = wide ? X86_OP_MULPD_Vx_Wx : X86_OP_MULPS_Vx_Wx;
        enum x86_op add = wide ? X86_OP_HADDPD_Vx_Wx : X86_OP_HADDPS_Vx_Wx;
        unsigned raised = 0;

        for (unsigned lane = 0; lane < d.lanes; lane++)
            raised |= stage_exact(&d, n, lane, n == 0 ? mul : add, v->r.mxcsr, masks);
        total |= told(raised, masks);
    }
    return total;
}

static bool is_dot_product(const struct x86_row *row)
{
    return row->mnemonic == X86_MN_DPPS || row->mnemonic == X86_MN_DPPD ||
           row->mnemonic == X86_MN_VDPPS || row->mnemonic == X86_MN_VDPPD;
}

/* Some exceptions are not masked. Returns what is raised, without those that others hide. */
static unsigned run_unmasked(struct vec *v, unsigned masks)
{
    const struct vec before = *v;
    struct soft_exact x;
    unsigned raised;

    soft_vec_call(v);
    raised = v->r.mxcsr & MXCSR_FLAGS;
    if (!(masks & MXCSR_UE))
        raised |= tiny(&before);
    if (raised & ~masks && is_dot_product(v->row))
        return dot_product(&before, masks);
    if (raised & ~masks && soft_vec_exact(&before, masks, &x))
        raised = with_exact_pe(raised, &x);
    return told(raised, masks);
}

bool soft_vec_run_numeric(struct soft_cpu *c, struct vec *v)
{
    struct soft_fx *fx = soft_fx(c, 0);
    unsigned masks = fx->mxcsr >> 7 & MXCSR_FLAGS, raised;

    v->r.mxcsr = (fx->mxcsr & MXCSR_MASK & ~(uint32_t)MXCSR_FLAGS) | MXCSR_MASKS;
    if (masks == MXCSR_FLAGS) {
        soft_vec_call(v);
        fx->mxcsr |= v->r.mxcsr & MXCSR_FLAGS;
        return true;
    }
    if (!(masks & MXCSR_UE))
        v->r.mxcsr &= ~(uint32_t)MXCSR_FTZ; /* it is ignored while underflow is not masked */
    raised = run_unmasked(v, masks);
    fx->mxcsr |= raised;
    if (!(raised & ~masks))
        return true;
    if (v->touches_mmx)
        soft_x87_to_mmx(soft_fx(c, FX_X87));
    return soft_raise(c, c->s.cr4 & X86_CR4_OSXMMEXCPT ? VEC_XM : VEC_UD);
}
