/* SPDX-License-Identifier: MIT */
/* soft_int_amd.c - see soft_int_amd.h */
#include "soft_int_amd.h"

#include <string.h>

#include "soft_oracle.h"

enum { ARITHMETIC = 0x8d5, TF = 1 << 8 };

static const struct x86_row *row_of(const struct amd_case *a)
{
    return x86_insn_row(&a->k->in);
}

static void unchanged(const struct amd_case *a, unsigned vector, uint32_t error)
{
    uint64_t rflags = a->k->regs.rflags | TF;

    a->end->regs = a->k->regs;
    a->end->regs.rflags = rflags;
    a->end->vector = vector;
    a->end->error = error;
    memcpy(a->rig->data, a->before, WINDOW_DATA_LEN);
}

static bool is_far_pointer(unsigned mnemonic)
{
    return mnemonic == X86_MN_LGS || mnemonic == X86_MN_LFS || mnemonic == X86_MN_LSS;
}

/*
 * APM 3, "Instruction Encoding", "Near Branches in 64-Bit Mode": 66 makes them 16 bits wide, with a 16-bit
 * displacement and stack slot. SDM 2, JMP, CALL, RET, Jcc: it is ignored. REX.W wins in both.
 */
bool amd_other_insn(const struct x86_insn *in)
{
    /* APM 3, LFS, LGS, LSS: pointers of 16:16 and 16:32; SDM 2 has 16:64 as well. */
    if (is_far_pointer(x86_insn_row(in)->mnemonic) && in->rex & X86_REX_W)
        return true;
    return in->code == X86_CODE_64 && x86_insn_row(in)->klass == X86_CLASS_BRANCH &&
           in->flags & X86_INSN_66 && !(in->rex & X86_REX_W);
}

/* ---- PUSH of a segment register, 32 bits --------------------------------------------------------- */

static bool pushes_segment(const struct amd_case *a)
{
    return row_of(a)->mnemonic == X86_MN_PUSH && a->k->in.opsize == 4 &&
           x86_opnd_types[row_of(a)->operand[0]].kind == X86_OPK_SEG && a->end->vector == VEC_DB;
}

/* SDM 2, PUSH: "zero-extended or a 16-bit move"; APM 3, PUSH: zero-extended. */
static void zero_extend_slot(const struct amd_case *a)
{
    const struct x86_seg *ss = &a->rig->c->s.seg[X86_SS];
    uint64_t rsp = a->end->regs.gpr[X86_RSP] & (ss->db ? UINT32_MAX : 0xffff);
    uint64_t at = ss->base + rsp - WINDOW;

    for (unsigned i = 2; i < 4; i++) {
        if (at + i >= WINDOW_RO) {
            unchanged(a, VEC_PF, at + i < WINDOW_END ? PF_P | PF_W | PF_U : PF_W | PF_U);
            a->end->cr2 = WINDOW + at + i;
            return;
        }
        a->rig->data[at + i - WINDOW_DATA] = 0;
    }
}

/* ---- CALL to where there is nothing -------------------------------------------------------------- */

static bool calls_nowhere(const struct amd_case *a)
{
    return row_of(a)->mnemonic == X86_MN_CALL && a->end->vector == VEC_GP;
}

/* Both manuals check the target before they push; Intel's CPUs have pushed by then. */
static void pushes_nothing(const struct amd_case *a)
{
    memcpy(a->rig->data, a->before, WINDOW_DATA_LEN);
}

/* ---- REP ------------------------------------------------------------------------------------------ */

static bool no_round_done(const struct amd_case *a)
{
    const uint64_t *was = a->k->regs.gpr, *now = a->end->regs.gpr;

    return row_of(a)->klass == X86_CLASS_STRING && a->k->in.addrsize == 4 &&
           a->k->in.code == X86_CODE_64 && a->k->in.flags & (X86_INSN_F2 | X86_INSN_F3) &&
           (uint32_t)(was[X86_RCX] ^ now[X86_RCX]) == 0;
}

/* Without a round registers are left alone, where Intel's CPUs clear their upper halves. */
static void keeps_upper_halves(const struct amd_case *a)
{
    static const uint8_t used[] = { X86_RCX, X86_RSI, X86_RDI };

    for (unsigned i = 0; i < sizeof(used); i++)
        a->end->regs.gpr[used[i]] = a->k->regs.gpr[used[i]];
}

static bool compares_on(const struct amd_case *a)
{
    return row_of(a)->klass == X86_CLASS_STRING && row_of(a)->flags_written != 0 &&
           a->end->vector == VEC_DB && a->end->regs.rip == a->k->regs.rip;
}

/*
 * Between two rounds of REP CMPS and SCAS the flags are those of the last comparison; on Intel's CPUs they
 * are still those from before (SDM 2, REP). One round of the same without the prefix tells.
 */
static void has_flags_of_round(const struct amd_case *a)
{
    uint8_t *code = a->rig->code + GEN_CODE_AT;
    struct soft_cpu *c = a->rig->c;
    unsigned n = 0;

    for (unsigned i = 0; i < a->k->in.len; i++)
        if (a->k->bytes[i] != 0xf2 && a->k->bytes[i] != 0xf3)
            code[n++] = a->k->bytes[i];
    memcpy(c->s.gpr, a->k->regs.gpr, sizeof(a->k->regs.gpr));
    c->s.rip = a->k->regs.rip;
    if (rig_once(a->rig))
        a->end->regs.rflags =
            (a->end->regs.rflags & ~(uint64_t)ARITHMETIC) | (c->s.rflags & ARITHMETIC);
}

static bool compares_two(const struct amd_case *a)
{
    return row_of(a)->klass == X86_CLASS_STRING && row_of(a)->flags_written != 0 &&
           x86_opnd_types[row_of(a)->operand[0]].kind == X86_OPK_STRSRC && a->end->vector != VEC_DB;
}

/* CMPS reads rSI's operand first, Intel's CPUs rDI's; the manuals name no order. */
static void faults_at_source(const struct amd_case *a)
{
    struct soft_cpu *c = a->rig->c;
    uint64_t ea = a->k->regs.gpr[X86_RSI] & ones(a->k->in.addrsize), val;
    unsigned width = a->k->in.opcode & 1 ? a->k->in.opsize : 1;

    if (soft_load(c, a->k->in.seg, ea, width, &val))
        return;
    a->end->vector = c->stop.vector;
    a->end->error = c->stop.has_error ? c->stop.error : 0;
    a->end->cr2 = c->stop.cr2;
}

/* ---- order of accesses ---------------------------------------------------------------------------- */

static void faults_as_stopped(const struct amd_case *a)
{
    const struct soft_cpu *c = a->rig->c;

    unchanged(a, c->stop.vector, c->stop.has_error ? c->stop.error : 0);
    a->end->cr2 = c->stop.cr2;
}

static bool is_out_of_bounds(const struct amd_case *a)
{
    return row_of(a)->mnemonic == X86_MN_BOUND && a->end->vector == VEC_BR;
}

/* BOUND reads both bounds first; Intel's CPUs do not read the upper one when the lower one decides. */
static void reads_upper_bound(const struct amd_case *a)
{
    const struct x86_insn *in = &a->k->in;
    struct soft_cpu *c = a->rig->c;
    uint64_t val;

    memcpy(c->s.gpr, a->k->regs.gpr, sizeof(a->k->regs.gpr));
    if (!soft_load(c, in->seg, (soft_ea(c, in) + in->opsize) & ones(in->addrsize), in->opsize,
                   &val))
        faults_as_stopped(a);
}

static bool extends_word(const struct amd_case *a)
{
    return row_of(a)->mnemonic == X86_MN_MOVSXD && a->k->in.opsize == 2 &&
           a->k->in.flags & X86_INSN_MEM && a->end->vector == VEC_DB;
}

/* APM 3, MOVSXD: the source has 32 bits; SDM 2: 16, with an operand size of 16. */
static void reads_doubleword(const struct amd_case *a)
{
    const struct x86_insn *in = &a->k->in;
    struct soft_cpu *c = a->rig->c;
    uint64_t val;

    memcpy(c->s.gpr, a->k->regs.gpr, sizeof(a->k->regs.gpr));
    c->s.rip = a->k->regs.rip;
    if (!soft_load(c, in->seg, soft_ea(c, in), 4, &val))
        faults_as_stopped(a);
}

static bool arpl_faults(const struct amd_case *a)
{
    return row_of(a)->mnemonic == X86_MN_ARPL && a->end->vector != VEC_DB;
}

/* ARPL reads, and writes when it has something to write. */
static void arpl_reads_first(const struct amd_case *a)
{
    const struct x86_insn *in = &a->k->in;
    struct soft_cpu *c = a->rig->c;
    uint64_t val;

    if (!soft_load(c, in->seg, soft_ea(c, in), 2, &val)) {
        faults_as_stopped(a);
    } else if ((val & 3) >= (a->k->regs.gpr[in->reg] & 3)) {
        unchanged(a, VEC_DB, 0);
        a->end->regs.rflags &= ~(uint64_t)X86_RFLAGS_ZF;
        a->end->regs.rip += in->len;
    }
}

/* ---- bases ---------------------------------------------------------------------------------------- */

static bool keeps_some_base(const struct amd_case *a)
{
    return a->native->null_keeps_base && a->end->vector == VEC_DB;
}

/* APM 3, CPUID Fn8000_0021_EAX[NullSelectClearsBase]: without it a null selector leaves the base of FS and GS alone. */
static void keeps_base(const struct amd_case *a)
{
    if (oracle_loads_segment(row_of(a)) && (a->end->sel[X86_FS] & 0xfffc) == 0)
        a->end->fs_base = a->native->fs_base;
    if (oracle_loads_segment(row_of(a)) && (a->end->sel[X86_GS] & 0xfffc) == 0)
        a->end->gs_base = a->k->regs.gs_base;
}

/* ---- opcodes -------------------------------------------------------------------------------------- */

static bool is_register_prefetch(const struct amd_case *a)
{
    return a->k->in.op == X86_OP_NOP_Ev_0d_r;
}

/* APM 3, PREFETCH: memory only. SDM 2, "Opcode Map", 0F 0D: a NOP that is reserved. */
static void is_undefined(const struct amd_case *a)
{
    unchanged(a, VEC_UD, 0);
}

static bool is_pause_of_r8(const struct amd_case *a)
{
    return row_of(a)->mnemonic == X86_MN_PAUSE && a->k->in.rex & X86_REX_B;
}

/* F3 changes nothing about 90 with REX.B, which is XCHG of rAX and R8; Intel's CPUs have PAUSE. */
static void is_exchange(const struct amd_case *a)
{
    unsigned width = a->k->in.rex & X86_REX_W ? 8 : a->k->in.flags & X86_INSN_66 ? 2 : 4;
    uint64_t keep = width == 2 ? ~UINT64_C(0xffff) : 0, *gpr = a->end->regs.gpr;
    uint64_t rax = gpr[X86_RAX], r8 = gpr[X86_R8];

    gpr[X86_RAX] = (rax & keep) | (r8 & ones(width));
    gpr[X86_R8] = (r8 & keep) | (rax & ones(width));
}

static const struct rule {
    bool (*applies)(const struct amd_case *);
    void (*expect)(const struct amd_case *);
} rules[] = {
    { pushes_segment, zero_extend_slot },  { calls_nowhere, pushes_nothing },
    { no_round_done, keeps_upper_halves }, { compares_on, has_flags_of_round },
    { compares_two, faults_at_source },    { is_register_prefetch, is_undefined },
    { is_pause_of_r8, is_exchange },       { is_out_of_bounds, reads_upper_bound },
    { arpl_faults, arpl_reads_first },     { extends_word, reads_doubleword },
    { keeps_some_base, keeps_base },
};

void amd_expect(const struct amd_case *a)
{
    for (unsigned i = 0; i < ARRAY_LEN(rules); i++) {
        if (rules[i].applies(a))
            rules[i].expect(a);
    }
}
