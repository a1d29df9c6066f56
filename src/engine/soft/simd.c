/* SPDX-License-Identifier: MIT */
/*
 * simd.c - MMX, SSE and AVX instructions on the host CPU
 *
 * Operands are fetched from the guest's state and memory into fixed registers, the one-instruction thunk
 * of the row runs, results go back. Numeric exceptions: simd_numeric.c. Source: SDM 2, the instruction
 * pages.
 */
#include <string.h>

#include "engine/soft/fpu.h"
#include "engine/soft/ops_simd.h"
#include "engine/soft/simd.h"
#include "x86/operand.h"

/* ---- registers ------------------------------------------------------------------------------- */

void soft_vec_get(struct soft_cpu *c, unsigned reg, uint8_t dst[32])
{
    const struct soft_fx *fx = soft_fx(c, FX_SSE | FX_AVX);

    memcpy(dst, fx->xmm[reg], 16);
    memcpy(dst + 16, fx->ymm_high[reg], 16);
}

void soft_vec_set(struct soft_cpu *c, unsigned reg, const uint8_t src[32])
{
    struct soft_fx *fx = soft_fx(c, FX_SSE | FX_AVX);

    memcpy(fx->xmm[reg], src, 16);
    memcpy(fx->ymm_high[reg], src + 16, 16);
}

static void put_vector(struct soft_cpu *c, const struct x86_row *row, unsigned reg,
                       const uint8_t *src)
{
    if (row->klass == X86_CLASS_AVX)
        soft_vec_set(c, reg, src);
    else
        memcpy(soft_fx(c, FX_SSE)->xmm[reg], src, 16); /* the rest of YMM keeps its value */
}

/* MMX registers are the physical x87 registers; the image begins with the top of the stack. */
static uint8_t *mmx_place(struct soft_fx *fx, unsigned reg)
{
    return fx->st[(reg - (fx->fsw >> FSW_TOP_SHIFT)) & 7];
}

static void put_mmx(struct soft_cpu *c, unsigned reg, uint64_t val)
{
    uint8_t *st = soft_fx(c, FX_X87)->st[reg];

    memcpy(st, &val, 8);
    memset(st + 8, 0xff, 2);
}

/* ---- operands -------------------------------------------------------------------------------- */

static unsigned access_of(const struct x86_row *row, unsigned i)
{
    return row->access >> (2 * i) & 3;
}

static const struct x86_opnd_type *type_of(const struct x86_row *row, unsigned i)
{
    return &x86_opnd_types[row->operand[i]];
}

static bool is_vector_rm(unsigned kind)
{
    return kind == X86_OPK_RM || kind == X86_OPK_XRM || kind == X86_OPK_MMRM;
}

/* Number of the register behind operand i, and its kind: REG for general, MMREG, XREG; or NONE. */
static unsigned register_of(const struct vec *v, unsigned i, unsigned *number)
{
    const struct x86_insn *in = v->in;

    switch (type_of(v->row, i)->kind) {
    case X86_OPK_RM:
        *number = in->rm;
        return X86_OPK_REG;
    case X86_OPK_REG:
        *number = in->reg;
        return X86_OPK_REG;
    case X86_OPK_MMREG:
        *number = in->reg & 7;
        return X86_OPK_MMREG;
    case X86_OPK_MMRM:
        *number = in->rm & 7;
        return X86_OPK_MMREG;
    case X86_OPK_XREG:
        *number = in->reg;
        return X86_OPK_XREG;
    case X86_OPK_XRM:
        *number = in->rm;
        return X86_OPK_XREG;
    case X86_OPK_XVVVV:
        *number = in->vvvv;
        return X86_OPK_XREG;
    case X86_OPK_XIS4:
        *number = in->is4;
        return X86_OPK_XREG;
    case X86_OPK_XMM0:
        *number = 0;
        return X86_OPK_XREG;
    default:
        return X86_OPK_NONE;
    }
}

/* Where a thunk has operand i. */
static uint8_t *slot_of(struct vec *v, unsigned i)
{
    switch (type_of(v->row, i)->kind) {
    case X86_OPK_RM:
        return (uint8_t *)&v->r.rax;
    case X86_OPK_MMRM:
        return (uint8_t *)&v->r.m[i + 1];
    default:
        return v->r.v[i + 1];
    }
}

static void load_register(struct soft_cpu *c, struct vec *v, unsigned i)
{
    unsigned number = 0, slot = type_of(v->row, i)->kind == X86_OPK_XMM0 ? 0 : i + 1;

    switch (register_of(v, i, &number)) {
    case X86_OPK_REG:
        v->r.rax = c->s.gpr[number];
        break;
    case X86_OPK_MMREG:
        memcpy(&v->r.m[slot], mmx_place(soft_fx(c, FX_X87), number), 8);
        v->touches_mmx = true;
        break;
    case X86_OPK_XREG:
        if (v->row->klass == X86_CLASS_AVX)
            soft_vec_get(c, number, v->r.v[slot]);
        else
            memcpy(v->r.v[slot], soft_fx(c, FX_SSE)->xmm[number], 16);
        break;
    default:
        break;
    }
}

/* Between memory and where the thunk has it. Half-precision conversions have no alignment check. */
static bool move_memory(struct soft_cpu *c, struct vec *v, bool write)
{
    uint8_t *at = v->mem_thunk ? v->r.mem : slot_of(v, v->mem_at);
    bool block = v->row->exception == X86_EXC_11;

    if (write)
        return (block ? soft_store_block : soft_fx_store)(c, v->in->seg, v->ea, at, v->mem_len);
    return (block ? soft_load_block : soft_fx_load)(c, v->in->seg, v->ea, at, v->mem_len);
}

static bool load_memory(struct soft_cpu *c, struct vec *v)
{
    bool write = access_of(v->row, v->mem_at) & X86_ACCESS_W;

    if (!soft_fx_address(c, v->in, v->mem_len, write, &v->ea))
        return false;
    return write || move_memory(c, v, false);
}

/* An MMX register as operand waits for the x87; CVTPI2PS and CVTPI2PD from memory have none. */
static bool find_operands(struct soft_cpu *c, struct vec *v)
{
    v->mem_at = 4;
    for (unsigned i = 0; i < 4 && v->row->operand[i] != X86_OPND_NONE; i++) {
        const struct x86_opnd_type *type = type_of(v->row, i);

        if (is_vector_rm(type->kind) && v->in->flags & X86_INSN_MEM) {
            v->mem_at = i;
            v->mem_len = x86_size_bytes(type->mem_size, v->in);
            v->mem_thunk = v->thunk->mem[v->variant] != 0;
        } else {
            load_register(c, v, i);
        }
    }
    return !v->touches_mmx || soft_x87_wait(c);
}

static bool load_operands(struct soft_cpu *c, struct vec *v)
{
    return find_operands(c, v) && (v->mem_at == 4 || load_memory(c, v));
}

/* ---- results --------------------------------------------------------------------------------- */

static void store_register(struct soft_cpu *c, struct vec *v, unsigned i)
{
    unsigned number = 0;

    switch (register_of(v, i, &number)) {
    case X86_OPK_REG:
        soft_set_gpr(c, number, x86_size_bytes(type_of(v->row, i)->reg_size, v->in), v->r.rax);
        break;
    case X86_OPK_MMREG:
        put_mmx(c, number, v->r.m[i + 1]);
        break;
    case X86_OPK_XREG:
        put_vector(c, v->row, number, v->r.v[i + 1]);
        break;
    default:
        break;
    }
}

static void store_flags(struct soft_cpu *c, const struct vec *v)
{
    uint64_t mask = v->row->flags_written | v->row->flags_undefined;

    c->s.rflags = (c->s.rflags & ~mask) | (v->r.rflags & mask);
}

static bool store_memory(struct soft_cpu *c, struct vec *v)
{
    if (v->mem_at == 4 || !(access_of(v->row, v->mem_at) & X86_ACCESS_W) || move_memory(c, v, true))
        return true;
    if (v->touches_mmx && c->stop.kind == SOFT_FAULT) /* so do CPUs */
        soft_x87_set_top(soft_fx(c, FX_X87), 0);
    return false;
}

static bool store_results(struct soft_cpu *c, struct vec *v)
{
    if (!store_memory(c, v))
        return false;
    if (v->touches_mmx)
        soft_x87_to_mmx(soft_fx(c, FX_X87));
    for (unsigned i = 0; i < 4 && v->row->operand[i] != X86_OPND_NONE; i++)
        if (i != v->mem_at && access_of(v->row, i) & X86_ACCESS_W)
            store_register(c, v, i);
    if (v->row->sets & BIT(X86_RCX))
        c->s.gpr[X86_RCX] = v->r.rcx;
    if (v->row->props & X86_ROW_XMM0)
        put_vector(c, v->row, 0, v->r.v[0]);
    store_flags(c, v);
    return true;
}

/* ---- execution ------------------------------------------------------------------------------- */

void soft_vec_call(struct vec *v)
{
    uint32_t slot =
        v->mem_at < 4 && v->mem_thunk ? v->thunk->mem[v->variant] : v->thunk->reg[v->variant];
    const uint8_t *code;

    if (v->row->imm == X86_IMM_B && !(v->row->props & X86_ROW_IS4))
        slot += v->in->imm & 0xff;
    code = soft_thunk_code + (size_t)slot * SOFT_THUNK_SLOT;
    if (v->row->klass == X86_CLASS_AVX)
        soft_call_avx(&v->r, code);
    else if (v->row->klass == X86_CLASS_MMX)
        soft_call_mmx(&v->r, code);
    else
        soft_call_sse(&v->r, code);
}

/* PCMPESTRI and kin: lengths in RAX and RDX with W, in EAX and EDX without; the thunk takes the latter. */
static uint64_t string_length(const struct x86_insn *in, uint64_t reg)
{
    int64_t len = (int64_t)reg;

    if (!soft_fx_wide(in))
        return (uint32_t)reg;
    return (uint64_t)(len > 16 ? 16 : len < -16 ? -16 : len);
}

static bool run_vector(struct soft_cpu *c, struct vec *v)
{
    if (soft_vec_is_numeric(v->row))
        return soft_vec_run_numeric(c, v);
    v->r.mxcsr = MXCSR_INIT;
    soft_vec_call(v);
    return true;
}

static bool op_vector(struct soft_cpu *c, const struct x86_insn *in)
{
    struct vec v = { .in = in, .row = x86_insn_row(in), .thunk = &soft_thunks[in->op] };

    if (v.thunk->by == SOFT_THUNK_BY_L)
        v.variant = in->veclen == 32;
    else if (v.thunk->by == SOFT_THUNK_BY_W)
        v.variant = soft_fx_wide(in);
    if (v.row->uses & BIT(X86_RDX)) {
        v.r.rax = string_length(in, c->s.gpr[X86_RAX]);
        v.r.rdx = string_length(in, c->s.gpr[X86_RDX]);
    }
    return load_operands(c, &v) && run_vector(c, &v) && store_results(c, &v);
}

/* ---- instructions without operands, and MXCSR --------------------------------------------------- */

static bool op_emms(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    if (!soft_x87_wait(c))
        return false;
    soft_x87_set_top(soft_fx(c, FX_X87), 0);
    soft_fx(c, FX_X87)->ftw = 0;
    return true;
}

static bool op_vzero(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_fx *fx = soft_fx(c, FX_SSE | FX_AVX);
    unsigned n = soft_fx_64(in) ? 16 : 8;

    memset(fx->ymm_high, 0, n * 16);
    if (in->veclen == 32)
        memset(fx->xmm, 0, n * 16);
    return true;
}

static bool op_ldmxcsr(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t val;

    if (!soft_load(c, in->seg, soft_ea(c, in), 4, &val))
        return false;
    if (val & ~(uint64_t)MXCSR_MASK)
        return soft_raise_error(c, VEC_GP, 0);
    soft_fx(c, 0)->mxcsr = (uint32_t)val;
    return true;
}

static bool op_stmxcsr(struct soft_cpu *c, const struct x86_insn *in)
{
    return soft_store(c, in->seg, soft_ea(c, in), 4, soft_fx(c, 0)->mxcsr);
}

/* ---- the functions --------------------------------------------------------------------------- */

#define OWN(mn, fn)                                      \
    case X86_MN_##mn: {                                  \
        static const struct soft_op op = { .insn = fn }; \
        return &op;                                      \
    }

/* Of mnemonics that have one of their own; NULL: the others. */
static const struct soft_op *own_of(unsigned mnemonic)
{
    switch (mnemonic) {
        OWN(EMMS, op_emms)
        OWN(VZEROUPPER, op_vzero)
        OWN(VZEROALL, op_vzero)
        OWN(LDMXCSR, op_ldmxcsr)
        OWN(VLDMXCSR, op_ldmxcsr)
        OWN(STMXCSR, op_stmxcsr)
        OWN(VSTMXCSR, op_stmxcsr)
        OWN(MASKMOVQ, soft_op_maskmov)
        OWN(MASKMOVDQU, soft_op_maskmov)
        OWN(VMASKMOVDQU, soft_op_maskmov)
        OWN(VMASKMOVPS, soft_op_vmaskmov)
        OWN(VMASKMOVPD, soft_op_vmaskmov)
        OWN(VPMASKMOVD, soft_op_vmaskmov)
        OWN(VPMASKMOVQ, soft_op_vmaskmov)
        OWN(FWAIT, soft_op_fwait)
        OWN(FLDENV, soft_op_fldenv)
        OWN(FNSTENV, soft_op_fnstenv)
        OWN(FLDCW, soft_op_fldcw)
        OWN(FNSTCW, soft_op_fnstcw)
        OWN(FNSAVE, soft_op_fnsave)
        OWN(FRSTOR, soft_op_frstor)
        OWN(FNINIT, soft_op_fninit)
        OWN(FNCLEX, soft_op_fnclex)
        OWN(FNSTSW, soft_op_fnstsw)
        OWN(FENI, soft_op_x87_nop)
        OWN(FDISI, soft_op_x87_nop)
        OWN(FSETPM, soft_op_x87_nop)
        OWN(FXSAVE, soft_op_fxsave)
        OWN(FXSAVE64, soft_op_fxsave)
        OWN(FXRSTOR, soft_op_fxrstor)
        OWN(FXRSTOR64, soft_op_fxrstor)
        OWN(XSAVE, soft_op_xsave)
        OWN(XSAVE64, soft_op_xsave)
        OWN(XSAVEOPT, soft_op_xsaveopt)
        OWN(XSAVEOPT64, soft_op_xsaveopt)
        OWN(XSAVEC, soft_op_xsavec)
        OWN(XSAVEC64, soft_op_xsavec)
        OWN(XSAVES, soft_op_xsavec)
        OWN(XSAVES64, soft_op_xsavec)
        OWN(XRSTOR, soft_op_xrstor)
        OWN(XRSTOR64, soft_op_xrstor)
        OWN(XRSTORS, soft_op_xrstors)
        OWN(XRSTORS64, soft_op_xrstors)
    default:
        return NULL;
    }
}

const struct soft_op *soft_simd_op(const struct x86_row *row)
{
    static const struct soft_op none = { 0 }, vector = { .insn = op_vector },
                                x87 = { .insn = soft_op_x87 }, gather = { .insn = soft_op_gather };

    const struct soft_op *own = own_of(row->mnemonic);

    if (own != NULL)
        return own;
    if (row->props & X86_ROW_VSIB)
        return &gather;
    switch ((enum x86_class)row->klass) {
    case X86_CLASS_X87:
        return &x87;
    case X86_CLASS_MMX:
    case X86_CLASS_SSE:
    case X86_CLASS_AVX:
        return &vector;
    default:
        return &none;
    }
}
