/* SPDX-License-Identifier: MIT */
/*
 * allow.c - whether an instruction may be executed at all, before it looks at its operands
 *
 * Source: SDM 2, exception lists of each instruction and "Exception Conditions" by class; SDM 3A
 * "Priority Among Concurrent Events": #UD before #NM before #GP. Left to others: LOCK (the decoder), the
 * I/O bitmap (io.c), pending x87 exceptions (fpu), and what depends on operand values.
 */
#include "engine/soft/ops_sys.h"
#include "engine/soft/run.h"
#include "engine/soft/vme.h"

enum { XCR0_SSE_AVX = 6 };

/* ---- tables ---------------------------------------------------------------------------------- */

enum unit_need {
    UD_EM = 1 << 0,      /* #UD if CR0.EM */
    NM_EM = 1 << 1,      /* #NM if CR0.EM */
    NM_TS = 1 << 2,      /* #NM if CR0.TS */
    UD_OSFXSR = 1 << 3,  /* #UD unless CR4.OSFXSR */
    UD_OSXSAVE = 1 << 4, /* #UD unless CR4.OSXSAVE */
    UD_AVX = 1 << 5,     /* #UD unless AVX is offered and XCR0 has SSE and AVX */
    LEGACY_SSE = UD_EM | UD_OSFXSR | NM_TS,
    VEX_VECTOR = UD_OSXSAVE | UD_AVX | NM_TS,
};

/* SDM 2, tables of exception conditions; 22.25.3 in volume 3 for the MMX ones. [1]: behind VEX. */
static const uint8_t unit_needs[][2] = {
    [X86_EXC_1] = { LEGACY_SSE, VEX_VECTOR },
    [X86_EXC_2] = { LEGACY_SSE, VEX_VECTOR },
    [X86_EXC_3] = { LEGACY_SSE, VEX_VECTOR },
    [X86_EXC_4] = { LEGACY_SSE, VEX_VECTOR },
    [X86_EXC_4U] = { LEGACY_SSE, VEX_VECTOR },
    [X86_EXC_5] = { LEGACY_SSE, VEX_VECTOR },
    [X86_EXC_6] = { LEGACY_SSE, VEX_VECTOR },
    [X86_EXC_7] = { LEGACY_SSE, VEX_VECTOR },
    [X86_EXC_8] = { LEGACY_SSE, VEX_VECTOR },
    [X86_EXC_11] = { LEGACY_SSE, VEX_VECTOR },
    [X86_EXC_12] = { LEGACY_SSE, VEX_VECTOR },
    [X86_EXC_13] = { 0, 0 }, /* general registers only */
    [X86_EXC_MMX] = { UD_EM | NM_TS, 0 },
    [X86_EXC_MMXFP] = { LEGACY_SSE, 0 },
    [X86_EXC_X87] = { NM_EM | NM_TS, 0 },
    [X86_EXC_FX] = { UD_EM | NM_TS, 0 },
    [X86_EXC_XSAVE] = { UD_OSXSAVE | NM_TS, 0 },
};

/* #UD unless the CR4 bit is set. SDM 2, the instructions' pages. */
static uint64_t cr4_needed(unsigned mnemonic)
{
    switch (mnemonic) {
    case X86_MN_XGETBV:
    case X86_MN_XSETBV:
        return X86_CR4_OSXSAVE;
    case X86_MN_RDFSBASE:
    case X86_MN_RDGSBASE:
    case X86_MN_WRFSBASE:
    case X86_MN_WRGSBASE:
        return X86_CR4_FSGSBASE;
    default:
        return 0;
    }
}

/* ---- invalid opcode -------------------------------------------------------------------------- */

static bool mode_allows(struct soft_cpu *c, const struct x86_insn *in, const struct x86_row *row)
{
    if (c->mode != X86_MODE_REAL && c->mode != X86_MODE_VM86)
        return true;
    /* This pair is known in every mode, and raises #GP in real mode. */
    if (row->mnemonic == X86_MN_SYSENTER || row->mnemonic == X86_MN_SYSEXIT)
        return c->mode == X86_MODE_VM86 || soft_raise_error(c, VEC_GP, 0);
    if (row->props & X86_ROW_NOREAL || in->flags & X86_INSN_VEX)
        return soft_raise(c, VEC_UD);
    return true;
}

/* MOV to or from DR4 and DR5, which are DR6 and DR7 only while CR4.DE is clear. */
static bool is_gone_register(const struct soft_cpu *c, const struct x86_insn *in,
                             const struct x86_row *row)
{
    return row->check == X86_CHECK_DREG && (in->reg == 4 || in->reg == 5) && c->s.cr4 & X86_CR4_DE;
}

/* SDM 2 and APM 3, SYSRET: before the ring is looked at. AMD's CPUs know it in all protected modes. */
static bool is_gone_sysret(const struct soft_cpu *c, const struct x86_row *row)
{
    return row->mnemonic == X86_MN_SYSRET &&
           (!(c->s.efer & X86_EFER_SCE) || (c->mode != X86_MODE_LONG && c->sys.model->intel));
}

static bool known(struct soft_cpu *c, const struct x86_insn *in, const struct x86_row *row)
{
    uint64_t cr4 = cr4_needed(row->mnemonic);

    if (!x86_cpuid_has(c->sys.model, row->feature) || (cr4 & c->s.cr4) != cr4 ||
        is_gone_register(c, in, row) || is_gone_sysret(c, row))
        return soft_raise(c, VEC_UD);
    /* The one privileged pair that raises #UD elsewhere. */
    if ((row->mnemonic == X86_MN_CLAC || row->mnemonic == X86_MN_STAC) && c->cpl != 0)
        return soft_raise(c, VEC_UD);
    return true;
}

/* ---- x87, MMX, SSE, AVX ---------------------------------------------------------------------- */

static bool names_xmm(const struct x86_row *row)
{
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        unsigned kind = x86_opnd_types[row->operand[i]].kind;

        if (kind >= X86_OPK_XREG && kind <= X86_OPK_XMM0)
            return true;
    }
    return false;
}

static unsigned needs_of(const struct soft_cpu *c, const struct x86_insn *in,
                         const struct x86_row *row)
{
    unsigned needs = unit_needs[row->exception][in->flags & X86_INSN_VEX ? 1 : 0];

    if (row->exception == X86_EXC_MMX && names_xmm(row)) /* MOVQ2DQ, MOVDQ2Q */
        needs |= UD_OSFXSR;
    /* SDM 3A, table "Action Taken By x87 FPU Instructions": WAIT looks at MP, not at EM. */
    if (row->mnemonic == X86_MN_FWAIT)
        needs = c->s.cr0 & X86_CR0_MP ? NM_TS : 0;
    return needs;
}

static bool unit_enabled(struct soft_cpu *c, const struct x86_insn *in, const struct x86_row *row)
{
    unsigned needs = needs_of(c, in, row);

    if ((needs & UD_EM && c->s.cr0 & X86_CR0_EM) ||
        (needs & UD_OSFXSR && !(c->s.cr4 & X86_CR4_OSFXSR)) ||
        (needs & UD_OSXSAVE && !(c->s.cr4 & X86_CR4_OSXSAVE)) ||
        (needs & UD_AVX && (!x86_cpuid_has(c->sys.model, X86_FEATURE_AVX) ||
                            (c->s.xcr0 & XCR0_SSE_AVX) != XCR0_SSE_AVX)))
        return soft_raise(c, VEC_UD);
    if ((needs & NM_EM && c->s.cr0 & X86_CR0_EM) || (needs & NM_TS && c->s.cr0 & X86_CR0_TS))
        return soft_raise(c, VEC_NM);
    return true;
}

/* ---- privilege ------------------------------------------------------------------------------- */

static bool privileged(const struct soft_cpu *c, const struct x86_insn *in,
                       const struct x86_row *row)
{
    switch ((enum x86_privilege)row->privilege) {
    case X86_PRIV_CPL0:
        return c->cpl == 0;
    case X86_PRIV_IOPL_VM:
        return c->mode != X86_MODE_VM86 || (c->s.rflags & X86_RFLAGS_IOPL) == X86_RFLAGS_IOPL ||
               (in->opsize == 2 && soft_vme(c));
    case X86_PRIV_UMIP:
        return c->cpl == 0 || !(c->s.cr4 & X86_CR4_UMIP);
    case X86_PRIV_TSD:
        return c->cpl == 0 || !(c->s.cr4 & X86_CR4_TSD);
    case X86_PRIV_PCE:
        return c->cpl == 0 || c->s.cr4 & X86_CR4_PCE;
    case X86_PRIV_NONE:
    case X86_PRIV_IOPL: /* ports: io.c; CLI and STI see to it themselves */
        break;
    }
    return true;
}

/* ---- all of it ------------------------------------------------------------------------------- */

uint16_t soft_offered_op(const struct soft_cpu *c, uint16_t op)
{
    const struct x86_row *row = &x86_rows[op];

    if (row->otherwise == 0 || x86_cpuid_has(c->sys.model, row->feature))
        return op;
    return row->otherwise;
}

bool soft_allowed(struct soft_cpu *c, const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    if (!(row->feature | row->privilege | row->exception | (row->props & X86_ROW_NOREAL) |
          (in->flags & X86_INSN_VEX)))
        return true; /* most of them, quickly */
    if (!mode_allows(c, in, row) || !known(c, in, row) || !unit_enabled(c, in, row))
        return false;
    return privileged(c, in, row) || soft_raise_error(c, VEC_GP, 0);
}
