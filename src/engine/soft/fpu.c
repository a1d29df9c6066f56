/* SPDX-License-Identifier: MIT */
/*
 * fpu.c - the guest's x87 and vector state: initial values, memory operands, which function does what
 *
 * Source: SDM 1, "XSAVE-Supported Features and State-Component Bitmaps", "State of x87 FPU after
 * Power-Up, Reset, or INIT"; SDM 3A, "Processor State After Reset".
 */
#include "engine/soft/fpu.h"

#include <cpuid.h>
#include <string.h>

#include "engine/soft/ops_simd.h"
#include "engine/soft/thunk.h"

void soft_fx_init(struct soft_cpu *c, unsigned components)
{
    struct soft_fx *fx = (struct soft_fx *)c->s.xsave;

    if (components & FX_X87) {
        memset(fx, 0, offsetof(struct soft_fx, mxcsr));
        memset(fx->st, 0, sizeof(fx->st));
        fx->fcw = FCW_INIT;
    }
    if (components & FX_SSE)
        memset(fx->xmm, 0, sizeof(fx->xmm));
    if (components & FX_AVX)
        memset(fx->ymm_high, 0, sizeof(fx->ymm_high));
    fx->xstate_bv |= components;
    if (c->s.xsave_len < FX_BYTES)
        c->s.xsave_len = FX_BYTES;
}

void soft_fx_reset(struct soft_cpu *c)
{
    struct soft_fx *fx = (struct soft_fx *)c->s.xsave;

    memset(c->s.xsave, 0, sizeof(c->s.xsave));
    soft_fx_init(c, FX_ALL);
    fx->mxcsr = MXCSR_INIT;
    fx->mxcsr_mask = MXCSR_MASK;
    fx->fcw = 0x40;
    fx->ftw = 0xff;
}

/* ---- memory operands ------------------------------------------------------------------------- */

static bool checks_alignment(const struct soft_cpu *c)
{
    return c->cpl == 3 && c->s.rflags & X86_RFLAGS_AC && c->s.cr0 & X86_CR0_AM;
}

bool soft_fx_address(struct soft_cpu *c, const struct x86_insn *in, unsigned len, bool write,
                     uint64_t *ea)
{
    const struct x86_row *row = x86_insn_row(in);
    unsigned align = row->align == X86_ALIGN_VL ? in->veclen : row->align;
    uint64_t linear;

    *ea = soft_ea(c, in);
    if (align == 0)
        return true;
    if (!soft_linear(c, in->seg, *ea, len, write, &linear))
        return false;
    if (linear % align == 0)
        return true;
    /* SDM 2, FXSAVE: an alignment check may come instead. It does when doublewords are not aligned. */
    return soft_raise_error(
        c,
        row->klass == X86_CLASS_STATE && linear % 4 != 0 && checks_alignment(c) ? VEC_AC : VEC_GP,
        0);
}

bool soft_fx_load(struct soft_cpu *c, unsigned seg, uint64_t ea, void *dst, unsigned len)
{
    uint64_t val;

    if (len > 8 || (len & (len - 1)) != 0)
        return soft_load_block(c, seg, ea, dst, len);
    if (!soft_load(c, seg, ea, len, &val))
        return false;
    memcpy(dst, &val, len);
    return true;
}

bool soft_fx_store(struct soft_cpu *c, unsigned seg, uint64_t ea, const void *src, unsigned len)
{
    if (len > 8 || (len & (len - 1)) != 0)
        return soft_store_block(c, seg, ea, src, len);
    return soft_store(c, seg, ea, len, le_get(src, len));
}

bool soft_fx_probe(struct soft_cpu *c, unsigned seg, uint64_t ea, unsigned len, bool write)
{
    uint8_t last;

    return write ? soft_can_write(c, seg, ea + len - 1, 1)
                 : soft_load_block(c, seg, ea + len - 1, &last, 1);
}

/* ---- the host -------------------------------------------------------------------------------- */

static bool host_bit(const struct x86_feature_place *place)
{
    unsigned r[4];

    if (place->leaf == 0)
        return true;
    return __get_cpuid_count(place->leaf, place->subleaf, &r[0], &r[1], &r[2], &r[3]) &&
           r[place->reg] >> place->bit & 1;
}

static bool host_saves_avx(void)
{
    unsigned eax, ebx, ecx, edx, low, high;

    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE) || !(ecx & bit_AVX))
        return false;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (low & (FX_SSE | FX_AVX)) == (FX_SSE | FX_AVX);
}

bool soft_simd_host_has(enum x86_feature feature)
{
    switch (feature) {
    case X86_FEATURE_XSAVE:
    case X86_FEATURE_XSAVEOPT:
    case X86_FEATURE_XSAVEC:
    case X86_FEATURE_XSAVES:
        return true; /* done by C code */
    case X86_FEATURE_AVX:
    case X86_FEATURE_AVX2:
    case X86_FEATURE_FMA:
    case X86_FEATURE_F16C:
        return host_bit(&x86_feature_places[feature]) && host_saves_avx();
    default:
        return host_bit(&x86_feature_places[feature]);
    }
}
