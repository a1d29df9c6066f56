/* SPDX-License-Identifier: MIT */
/*
 * xsave.c - FXSAVE, FXRSTOR and the XSAVE family
 *
 * Components x87, SSE and AVX, which are all that XCR0 can enable here; IA32_XSS is 0. A component is in
 * use when it differs from its initial value, so the same state always gives the same bytes; XSAVEOPT
 * writes every component in use. Source: SDM 1, "Managing State Using the XSAVE Feature Set"; SDM 2,
 * FXSAVE and FXRSTOR.
 */
#include <string.h>

#include "engine/soft/fpu.h"

/* FCW without rounding, precision and masks: what stays has one value. Pointers of any CPU have so many bits. */
enum { FCW_KNOWN = 0xf0c0, FCW_FIXED = 0x40, POINTER_BITS = 47 };
enum { BV_AT = FX_LEGACY, COMP_AT = BV_AT + 8, HEADER = 64, ST_AT = 32, XMM_AT = 160 };

static const uint64_t COMPACT = UINT64_C(1) << 63;

/* Registers of a kind outside 64-bit mode and in it. */
static unsigned vectors(const struct x86_insn *in)
{
    return soft_fx_64(in) ? 16 : 8;
}

/* A part of the area: bytes of the state, at the same place as in memory. */
struct part {
    unsigned at, len;
};

struct parts {
    struct part p[8];
    unsigned n;
};

static void add_part(struct parts *ps, unsigned at, unsigned len)
{
    ps->p[ps->n++] = (struct part){ at, len };
}

static void add_components(struct parts *ps, const struct x86_insn *in, unsigned which)
{
    if (which & FX_X87) {
        add_part(ps, 0, 24);
        add_part(ps, ST_AT, 128);
    }
    if (which & FX_SSE)
        add_part(ps, XMM_AT, 16 * vectors(in));
    if (which & FX_AVX)
        add_part(ps, FX_AVX_AT, 16 * vectors(in));
}

/* Without W the pointers have 32 bits, and FCS and FDS, which are 0, follow them. */
static void cut_pointers(struct soft_fx *fx, const struct x86_insn *in)
{
    if (soft_fx_wide(in))
        return;
    fx->fip = (uint32_t)fx->fip;
    fx->fdp = (uint32_t)fx->fdp;
}

static bool store_parts(struct soft_cpu *c, const struct x86_insn *in, uint64_t ea,
                        const struct soft_fx *fx, const struct parts *ps)
{
    for (unsigned i = 0; i < ps->n; i++)
        if (!soft_can_write(c, in->seg, ea + ps->p[i].at, ps->p[i].len))
            return false;
    for (unsigned i = 0; i < ps->n; i++)
        if (!soft_store_block(c, in->seg, ea + ps->p[i].at, (const uint8_t *)fx + ps->p[i].at,
                              ps->p[i].len))
            return false;
    return true;
}

static bool load_parts(struct soft_cpu *c, const struct x86_insn *in, uint64_t ea,
                       struct soft_fx *fx, const struct parts *ps)
{
    for (unsigned i = 0; i < ps->n; i++)
        if (!soft_load_block(c, in->seg, ea + ps->p[i].at, (uint8_t *)fx + ps->p[i].at,
                             ps->p[i].len))
            return false;
    return true;
}

/* What any CPU saves, and so what is restored nearly always: soft_x87_settle changes nothing of it. */
static bool is_settled(const struct soft_fx *fx)
{
    uint64_t odd = (fx->fcw & FCW_KNOWN) ^ FCW_FIXED;

    for (unsigned i = 0; i < 8; i++) {
        uint64_t high;

        memcpy(&high, fx->st[i] + 8, 8);
        odd |= high >> 16;
    }
    return odd == 0 && (fx->fsw & ~fx->fcw & FCW_MASKS) == 0 && !(fx->fsw & (FSW_ES | FSW_B)) &&
           (fx->fip | fx->fdp) >> POINTER_BITS == 0;
}

static void finish_x87(struct soft_fx *fx, const struct x86_insn *in)
{
    fx->reserved1 = 0;
    fx->fop &= 0x7ff;
    cut_pointers(fx, in);
    if (!is_settled(fx))
        soft_x87_settle(fx);
}

/* ---- FXSAVE, FXRSTOR --------------------------------------------------------------------------- */

bool soft_op_fxsave(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_fx fx = *soft_fx(c, FX_X87 | FX_SSE);
    uint64_t ea;

    fx.mxcsr_mask = MXCSR_MASK;
    cut_pointers(&fx, in);
    return soft_fx_address(c, in, FX_LEGACY, true, &ea) &&
           soft_fx_probe(c, in->seg, ea, FX_LEGACY, true) &&
           soft_can_write(c, in->seg, ea, FX_LEGACY) &&
           soft_store_block(c, in->seg, ea, &fx, XMM_AT + 16 * vectors(in));
}

bool soft_op_fxrstor(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_fx *fx = soft_fx(c, FX_X87 | FX_SSE), new;
    uint64_t ea;

    if (!soft_fx_address(c, in, FX_LEGACY, false, &ea) ||
        !soft_fx_probe(c, in->seg, ea, FX_LEGACY, false) ||
        !soft_load_block(c, in->seg, ea, &new, FX_LEGACY))
        return false;
    if (new.mxcsr & ~(uint32_t)MXCSR_MASK)
        return soft_raise_error(c, VEC_GP, 0);
    memcpy(fx, &new, XMM_AT + 16 * vectors(in));
    fx->mxcsr_mask = MXCSR_MASK;
    finish_x87(fx, in);
    return true;
}

/* ---- XSAVE and kin ------------------------------------------------------------------------------- */

static bool all_zero(const void *bytes, size_t len)
{
    const uint8_t *p = bytes;

    for (; len >= 8; len -= 8, p += 8) { /* whatever the order of the bytes */
        uint64_t word;

        memcpy(&word, p, 8);
        if (word != 0)
            return false;
    }
    while (len > 0 && *p == 0)
        p++, len--;
    return len == 0;
}

static unsigned in_use(const struct soft_fx *fx)
{
    unsigned use = 0;

    if (fx->fcw != FCW_INIT || !all_zero(&fx->fsw, 22) || !all_zero(fx->st, sizeof(fx->st)))
        use |= FX_X87;
    if (!all_zero(fx->xmm, sizeof(fx->xmm)))
        use |= FX_SSE;
    if (!all_zero(fx->ymm_high, sizeof(fx->ymm_high)))
        use |= FX_AVX;
    return use;
}

/* The requested-feature bitmap. */
static uint64_t requested(const struct soft_cpu *c)
{
    uint64_t mask = c->s.gpr[X86_RDX] << 32 | (uint32_t)c->s.gpr[X86_RAX];

    return mask & c->s.xcr0 & FX_ALL;
}

static unsigned area_length(unsigned want)
{
    return want & FX_AVX ? FX_BYTES : FX_LEGACY + HEADER;
}

/* Where to save what is requested; its last byte can be written. */
static bool save_area(struct soft_cpu *c, const struct x86_insn *in, unsigned want, uint64_t *ea)
{
    return soft_fx_address(c, in, FX_LEGACY + HEADER, true, ea) &&
           soft_fx_probe(c, in->seg, *ea, area_length(want), true);
}

/* XSAVE writes what is requested; XSAVEOPT, of that, what is in use. */
static bool save_standard(struct soft_cpu *c, const struct x86_insn *in, bool optimized)
{
    struct soft_fx fx = *soft_fx(c, FX_ALL);
    unsigned want = (unsigned)requested(c), use = in_use(&fx);
    struct parts ps = { .n = 0 };
    uint64_t ea, old;

    if (!save_area(c, in, want, &ea) || !soft_load(c, in->seg, ea + BV_AT, 8, &old))
        return false;
    cut_pointers(&fx, in);
    fx.mxcsr_mask = MXCSR_MASK;
    fx.xstate_bv = (old & ~(uint64_t)want) | (use & want);
    add_components(&ps, in, optimized ? want & use : want);
    if (want & (FX_SSE | FX_AVX))
        add_part(&ps, offsetof(struct soft_fx, mxcsr), 8);
    add_part(&ps, BV_AT, 8);
    return store_parts(c, in, ea, &fx, &ps);
}

bool soft_op_xsave(struct soft_cpu *c, const struct x86_insn *in)
{
    return save_standard(c, in, false);
}

bool soft_op_xsaveopt(struct soft_cpu *c, const struct x86_insn *in)
{
    return save_standard(c, in, true);
}

/* XSAVEC and XSAVES. AVX is the only component past the header, so it has one place in both formats. */
bool soft_op_xsavec(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_fx fx = *soft_fx(c, FX_ALL);
    unsigned want = (unsigned)requested(c), use = in_use(&fx);
    struct parts ps = { .n = 0 };
    uint64_t ea;

    if (fx.mxcsr != MXCSR_INIT)
        use |= FX_SSE;
    if (!save_area(c, in, want, &ea))
        return false;
    cut_pointers(&fx, in);
    fx.mxcsr_mask = MXCSR_MASK;
    fx.xstate_bv = use & want;
    fx.xcomp_bv = COMPACT | want;
    add_components(&ps, in, want & use);
    if (want & use & FX_SSE)
        add_part(&ps, offsetof(struct soft_fx, mxcsr), 8);
    add_part(&ps, BV_AT, 16);
    return store_parts(c, in, ea, &fx, &ps);
}

/* ---- XRSTOR ------------------------------------------------------------------------------------ */

/* SDM 1, "Operation of XRSTOR", "Standard Form" and "Compacted Form". */
static bool format_valid(const struct soft_cpu *c, const struct soft_fx *fx, bool compact_only)
{
    if (!(fx->xcomp_bv & COMPACT))
        return !compact_only;
    return !(fx->xcomp_bv & ~COMPACT & ~c->s.xcr0);
}

static bool header_valid(const struct soft_cpu *c, const struct soft_fx *fx)
{
    if (!(fx->xcomp_bv & COMPACT))
        return !(fx->xstate_bv & ~c->s.xcr0) && fx->xcomp_bv == 0 && fx->reserved2[0] == 0;
    return !(fx->xstate_bv & ~(fx->xcomp_bv & ~COMPACT)) &&
           all_zero(fx->reserved2, sizeof(fx->reserved2));
}

/* The header, in the order in which CPUs look at it. */
static bool load_header(struct soft_cpu *c, const struct x86_insn *in, uint64_t ea, unsigned want,
                        bool compact_only, struct soft_fx *fx)
{
    if (!soft_load(c, in->seg, ea + COMP_AT, 8, &fx->xcomp_bv))
        return false;
    if (!format_valid(c, fx, compact_only))
        return soft_raise_error(c, VEC_GP, 0);
    if (!soft_fx_probe(c, in->seg, ea, area_length(want), false) ||
        !soft_load_block(c, in->seg, ea + BV_AT, (uint8_t *)fx + BV_AT, HEADER))
        return false;
    return header_valid(c, fx) || soft_raise_error(c, VEC_GP, 0);
}

/* Components from the area or, when it has none, their initial values. */
static void restore(struct soft_cpu *c, const struct x86_insn *in, const struct soft_fx *new,
                    unsigned want)
{
    struct soft_fx *fx = soft_fx(c, FX_ALL);
    unsigned have = (unsigned)new->xstate_bv &want, n = vectors(in);

    if (want & FX_X87) {
        if (have & FX_X87) {
            memcpy(fx, new, 24);
            memcpy(fx->st, new->st, sizeof(fx->st));
            finish_x87(fx, in);
        } else {
            soft_fx_init(c, FX_X87);
        }
    }
    if (want & FX_SSE)
        memset(fx->xmm, 0, 16 * n);
    if (want & FX_AVX)
        memset(fx->ymm_high, 0, 16 * n);
    if (have & FX_SSE)
        memcpy(fx->xmm, new->xmm, 16 * n);
    if (have & FX_AVX)
        memcpy(fx->ymm_high, new->ymm_high, 16 * n);
}

/* MXCSR belongs to SSE and AVX in the standard form, to SSE alone in the compacted one. */
static bool loads_mxcsr(const struct soft_fx *new, unsigned want)
{
    if (new->xcomp_bv & COMPACT)
        return want & FX_SSE & new->xstate_bv;
    return want & (FX_SSE | FX_AVX);
}

static bool restore_area(struct soft_cpu *c, const struct x86_insn *in, bool compact_only)
{
    unsigned want = (unsigned)requested(c);
    struct parts ps = { .n = 0 };
    struct soft_fx new;
    uint64_t ea;

    if (!soft_fx_address(c, in, FX_LEGACY + HEADER, false, &ea) ||
        !load_header(c, in, ea, want, compact_only, &new))
        return false;
    add_components(&ps, in, want & (unsigned)new.xstate_bv);
    if (loads_mxcsr(&new, want))
        add_part(&ps, offsetof(struct soft_fx, mxcsr), 8);
    else
        new.mxcsr = want &FX_SSE ? MXCSR_INIT : soft_fx(c, 0)->mxcsr;
    if (!load_parts(c, in, ea, &new, &ps))
        return false;
    if (new.mxcsr & ~(uint32_t)MXCSR_MASK) {
        if (new.xcomp_bv & COMPACT) /* in this form CPUs find it before they load AVX */
            restore(c, in, &new, want & ~(FX_AVX & (unsigned)new.xstate_bv));
        return soft_raise_error(c, VEC_GP, 0);
    }
    restore(c, in, &new, want);
    soft_fx(c, 0)->mxcsr = new.mxcsr;
    return true;
}

bool soft_op_xrstor(struct soft_cpu *c, const struct x86_insn *in)
{
    return restore_area(c, in, false);
}

bool soft_op_xrstors(struct soft_cpu *c, const struct x86_insn *in)
{
    return restore_area(c, in, true);
}
