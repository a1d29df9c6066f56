/* SPDX-License-Identifier: MIT */
/*
 * soft_vec_amd.c - see soft_vec_amd.h
 *
 * CPUs are meant that restore FIP, FDP and FOP always (CPUID 8000_0008 EBX, RstrFpErrPtrs: Zen 2 and later).
 */
#include "soft_vec_amd.h"

#include <string.h>

#include "engine/soft/fpu.h"

enum { MASK_AT = 28, ALIGN_MAX = 16, X87_MASKS = 0x3f };

static const struct x86_row *row_of(const struct rig_case *k)
{
    return x86_insn_row(&k->in);
}

static struct soft_fx *fx_of(struct native_state *s)
{
    return (struct soft_fx *)s->xsave;
}

static bool has_memory(const struct rig_case *k)
{
    return k->in.flags & X86_INSN_MEM;
}

static uint64_t address(const struct rig_case *k)
{
    return k->before.gpr[k->in.base] + k->in.disp;
}

static bool faulted(const struct rig_case *k)
{
    return k->soft.vector == VEC_PF || k->soft.vector == VEC_AC;
}

/* Bytes of the memory operand; *written tells whether it is the destination. */
static unsigned operand_length(const struct rig_case *k, bool *written)
{
    for (unsigned i = 0; i < 4; i++) {
        struct x86_operand o;

        x86_insn_operand(&k->in, i, &o);
        *written = row_of(k)->access >> (2 * i) & X86_ACCESS_W;
        if (o.what == X86_OPERAND_MEM)
            return o.bytes;
    }
    *written = false;
    return 0;
}

static bool writes_memory(const struct rig_case *k)
{
    bool written;

    return has_memory(k) && operand_length(k, &written) > 0 && written;
}

/* The result of a fault that has changed nothing. */
static void unchanged(struct rig *r, struct rig_case *k)
{
    struct native_state end = k->soft;

    k->soft = k->before;
    k->soft.vector = end.vector;
    k->soft.error = end.error;
    k->soft.cr2 = end.cr2;
    memcpy(r->soft_after, r->before, RIG_PAGE);
}

/* The software CPU once more, from another state. */
static void run_from(struct rig *r, struct rig_case *k, const struct native_state *from)
{
    struct native_state before = k->before;

    k->before = *from;
    rig_soft(r, k);
    k->before = before;
    memcpy(r->soft_after, r->page, RIG_PAGE);
    memcpy(r->page, r->before, RIG_PAGE);
}

/* A state in which no floating-point exception is delivered. */
static struct native_state masked(const struct rig_case *k)
{
    struct native_state from = k->before;

    fx_of(&from)->mxcsr |= MXCSR_MASKS;
    fx_of(&from)->fcw |= X87_MASKS;
    return from;
}

/* ---- SHA: APM 4, "SHA1MSG1" and so on: the operand need not be aligned -------------------------- */

static bool is_unaligned_sha(const struct rig_case *k)
{
    return row_of(k)->feature == X86_FEATURE_SHA && has_memory(k) && k->soft.vector == VEC_GP;
}

/* As with the same operand in an aligned place. */
static void sha_runs(struct rig *r, struct rig_case *k)
{
    struct native_state from = k->before;
    uint64_t at = address(k) - RIG_PLACE;

    if (at > RIG_PAGE - 16) {
        k->soft.vector = VEC_PF;
        k->soft.error = PF_U;
        k->soft.cr2 = RIG_PLACE + (at < RIG_PAGE ? RIG_PAGE : at);
        return;
    }
    memmove(r->page, r->before + at, 16);
    from.gpr[k->in.base] = RIG_PLACE - k->in.disp;
    run_from(r, k, &from);
    memcpy(r->soft_after, r->before, RIG_PAGE);
    k->soft.gpr[k->in.base] = k->before.gpr[k->in.base];
}

/* ---- alignment check ------------------------------------------------------------------------------ */

static bool is_vector(const struct rig_case *k)
{
    const struct x86_row *row = row_of(k);

    return (row->klass == X86_CLASS_SSE || row->klass == X86_CLASS_AVX ||
            row->klass == X86_CLASS_MMX) &&
           !(row->props & X86_ROW_VSIB) &&
           strstr(x86_mnemonic_names[row->mnemonic], "maskmov") == NULL;
}

/*
 * APM 2, "Alignment-Check Exception": an access of 16 bytes or more is checked for 16. SDM 2, MOVUPS: #AC
 * "may or may not be generated", and Intel's CPUs do not; nor for half-precision numbers.
 */
static bool is_unaligned(const struct rig_case *k)
{
    bool written;
    unsigned len, align;

    if (!is_vector(k) || !has_memory(k) || !(k->before.rflags & X86_RFLAGS_AC) ||
        k->soft.vector == VEC_GP || k->soft.vector == VEC_MF)
        return false;
    len = operand_length(k, &written);
    align = len < ALIGN_MAX ? len : ALIGN_MAX;
    return (len >= ALIGN_MAX || row_of(k)->exception == X86_EXC_11) && address(k) % align != 0;
}

static void alignment_check(struct rig *r, struct rig_case *k)
{
    k->soft.vector = VEC_AC;
    k->soft.error = 0;
    unchanged(r, k);
}

static bool is_unaligned_xsave(const struct rig_case *k)
{
    return row_of(k)->klass == X86_CLASS_STATE && row_of(k)->align == 64 &&
           k->soft.vector == VEC_AC;
}

/* SDM 2, XSAVE: #GP, "an alignment check may come instead"; APM 4, XSAVE: #GP. */
static void xsave_protection(struct rig *r, struct rig_case *k)
{
    (void)r;
    k->soft.vector = VEC_GP;
}

/* ---- stores that fault ----------------------------------------------------------------------------- */

static bool is_numeric_store(const struct rig_case *k)
{
    bool half = row_of(k)->mnemonic == X86_MN_VCVTPS2PH;

    return (half || (row_of(k)->klass == X86_CLASS_X87 && k->soft.vector == NATIVE_OK)) &&
           writes_memory(k);
}

/* The destination is looked at before an exception keeps the result from it, and MXCSR has no flags then. */
static void faults_before_exception(struct rig *r, struct rig_case *k)
{
    struct native_state from = masked(k), end = k->soft;
    uint8_t after[RIG_PAGE];

    memcpy(after, r->soft_after, RIG_PAGE);
    run_from(r, k, &from);
    if (faulted(k)) {
        unchanged(r, k);
        return;
    }
    k->soft = end;
    memcpy(r->soft_after, after, RIG_PAGE);
}

static bool is_faulting_store(const struct rig_case *k)
{
    return faulted(k) && writes_memory(k) &&
           (row_of(k)->klass == X86_CLASS_X87 || row_of(k)->klass == X86_CLASS_MMX);
}

/* ---- gathers that fault ---------------------------------------------------------------------------- */

static bool is_faulting_gather(const struct rig_case *k)
{
    return row_of(k)->props & X86_ROW_VSIB && k->soft.vector == VEC_PF;
}

static uint8_t *vector_byte(struct native_state *s, unsigned reg, unsigned n)
{
    struct soft_fx *fx = fx_of(s);

    return n < 16 ? &fx->xmm[reg][n] : &fx->ymm_high[reg][n - 16];
}

/*
 * Only what is done has changed of mask and destination. On Intel's CPUs the rest of the mask has become ones
 * or zeros, and what is past the vector length is zero (SDM 2, VGATHERDPS leaves both open).
 */
static void gather_rest(struct rig *r, struct rig_case *k)
{
    bool written;
    unsigned size = operand_length(k, &written), mask = k->in.vvvv, done = 0;

    (void)r;
    while (done < k->in.veclen && !(*vector_byte(&k->soft, mask, done + size - 1) & 0x80))
        done += size;
    for (unsigned n = done; n < 32; n++)
        *vector_byte(&k->soft, mask, n) = *vector_byte(&k->before, mask, n);
    for (unsigned n = k->in.veclen; n < 32; n++)
        *vector_byte(&k->soft, k->in.reg, n) = *vector_byte(&k->before, k->in.reg, n);
}

/* ---- saved state ----------------------------------------------------------------------------------- */

static bool is_save(const struct rig_case *k)
{
    return row_of(k)->klass == X86_CLASS_STATE && k->soft.vector == NATIVE_OK &&
           strstr(x86_mnemonic_names[row_of(k)->mnemonic], "save") != NULL;
}

static void hide_pointers(struct native_state *s)
{
    struct soft_fx *fx = fx_of(s);

    if (!(fx->fsw & FSW_ES))
        fx->fip = fx->fdp = fx->fop = 0;
}

static uint32_t host_mxcsr_mask(void)
{
    uint8_t area[512] __attribute__((aligned(16)));
    uint32_t mask;

    __asm__ volatile("fxsave64 %0" : "=m"(area));
    memcpy(&mask, area + MASK_AT, 4);
    return mask;
}

/*
 * APM 2, "FXSAVE and FXRSTOR": FIP, FDP and FOP are saved as zero unless an exception is pending.
 * MXCSR_MASK has the misaligned mode (MM), which the model does not offer; a first value that is no mask
 * tells whether it was written.
 */
static void save_as_host(struct rig *r, struct rig_case *k)
{
    uint64_t at = address(k) + MASK_AT - RIG_PLACE;
    uint32_t mask = UINT32_MAX, now;
    struct native_state from = k->before;

    hide_pointers(&from);
    memcpy(r->page + at, &mask, 4);
    run_from(r, k, &from);
    memcpy(&now, r->soft_after + at, 4);
    mask = host_mxcsr_mask();
    memcpy(r->soft_after + at, now == MXCSR_MASK ? (uint8_t *)&mask : r->before + at, 4);
}

static bool is_refused_restore(const struct rig_case *k)
{
    return row_of(k)->klass == X86_CLASS_STATE && k->soft.vector == VEC_GP;
}

static bool is_faulting_xsave(const struct rig_case *k)
{
    return row_of(k)->klass == X86_CLASS_STATE && row_of(k)->align == 64 &&
           k->soft.vector == VEC_PF;
}

static bool in_page(uint64_t linear)
{
    return linear - RIG_PLACE < RIG_PAGE;
}

/* The header is judged as in another place, where all of the area is there. */
static bool refuses_header(struct rig *r, struct rig_case *k)
{
    struct native_state from = k->before, end = k->soft;
    bool refused;

    memmove(r->page, r->before + (address(k) - RIG_PLACE), FX_LEGACY + 64);
    from.gpr[k->in.base] = RIG_PLACE - k->in.disp;
    run_from(r, k, &from);
    refused = k->soft.vector == VEC_GP;
    k->soft = end;
    return refused;
}

/*
 * The first byte is asked for before others, and XRSTOR has judged the header when it asks for components.
 * Intel's CPUs begin with XCOMP_BV or with the last byte.
 */
static void xsave_order(struct rig *r, struct rig_case *k)
{
    bool restores = strstr(x86_mnemonic_names[row_of(k)->mnemonic], "rstor") != NULL;
    uint64_t at = address(k);

    if (!in_page(at)) {
        k->soft.cr2 = at;
    } else if (restores && !in_page(at + FX_LEGACY)) {
        k->soft.cr2 = at + FX_LEGACY;
    } else if (restores && refuses_header(r, k)) {
        k->soft.vector = VEC_GP;
        k->soft.error = 0;
    }
    unchanged(r, k);
}

static const struct rule {
    bool (*applies)(const struct rig_case *);
    void (*expect)(struct rig *, struct rig_case *);
} rules[] = {
    { is_unaligned_sha, sha_runs },
    { is_numeric_store, faults_before_exception },
    { is_unaligned, alignment_check },
    { is_unaligned_xsave, xsave_protection },
    { is_faulting_store, unchanged }, /* none of ten bytes is written, MMX is not entered */
    { is_faulting_gather, gather_rest },
    { is_refused_restore, unchanged }, /* XRSTOR of a wrong MXCSR loads nothing */
    { is_faulting_xsave, xsave_order },
    { is_save, save_as_host },
};

void vec_amd_expect(struct rig *r, struct rig_case *k)
{
    for (unsigned i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].applies(k))
            rules[i].expect(r, k);
    }
    hide_pointers(&k->soft); /* the frame is one that XSAVE wrote */
}
