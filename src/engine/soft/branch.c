/* SPDX-License-Identifier: MIT */
/*
 * branch.c - near jumps, calls, returns, loops, BOUND
 *
 * Sources: SDM 2, instruction pages Jcc JMP CALL RET LOOPcc BOUND; SDM 3A "Canonical Addressing".
 *
 * GAP: 66 before a near branch in 64-bit code is ignored on every host, as Intel's CPUs do; AMD's make the
 * branch 16 bits wide, length included. The decoder knows no vendor: docs/decisions/0005.
 */
#include "engine/soft/ops_int.h"
#include "x86/canonical.h"

/* A bad target faults at the jump, not at the target. */
bool soft_jump(struct soft_cpu *c, const struct x86_insn *in, uint64_t rip)
{
    rip &= ones(in->opsize);
    if (c->mode == X86_MODE_LONG) {
        if (!x86_canonical(rip))
            return soft_raise_error(c, VEC_GP, 0);
    } else if (rip > c->s.seg[X86_CS].limit) {
        return soft_raise_error(c, VEC_GP, 0);
    }
    c->next_rip = rip;
    return true;
}

static bool jump_by(struct soft_cpu *c, const struct x86_insn *in)
{
    return soft_jump(c, in, c->s.rip + in->len + in->imm);
}

bool op_jcc(struct soft_cpu *c, const struct x86_insn *in)
{
    return !soft_condition(c, in->opcode & 15) || jump_by(c, in);
}

/* The target of JMP and CALL: relative, or an absolute operand. */
static bool target(struct soft_cpu *c, const struct x86_insn *in, uint64_t *rip)
{
    struct soft_vals o;

    if (x86_opnd_types[x86_insn_row(in)->operand[0]].kind == X86_OPK_REL) {
        *rip = c->s.rip + in->len + in->imm;
        return true;
    }
    if (!soft_load_operands(c, in, &o))
        return false;
    *rip = o.v[0];
    return true;
}

bool op_jmp(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t rip;

    return target(c, in, &rip) && soft_jump(c, in, rip);
}

/* The return address is written even when the target turns out to be bad: CPUs do so. */
bool op_call(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t rsp = c->s.gpr[X86_RSP], rip;

    if (!target(c, in, &rip) || !soft_push(c, in->opsize, c->next_rip))
        return false;
    if (soft_jump(c, in, rip))
        return true;
    c->s.gpr[X86_RSP] = rsp;
    return false;
}

bool op_ret(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t rsp = c->s.gpr[X86_RSP], rip;
    unsigned width = c->stack_bits / 8u;

    if (!soft_pop(c, in->opsize, &rip))
        return false;
    if (!soft_jump(c, in, rip)) {
        c->s.gpr[X86_RSP] = rsp;
        return false;
    }
    if (x86_insn_row(in)->imm == X86_IMM_W)
        soft_set_gpr(c, X86_RSP, width, c->s.gpr[X86_RSP] + (in->imm & 0xffff));
    return true;
}

/* ---- loops ------------------------------------------------------------------------------------ */

/* LOOP, and while ZF is (LOOPE) or is not (LOOPNE) set. */
bool op_loop(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t left = (soft_gpr(c, X86_RCX, in->addrsize) - 1) & ones(in->addrsize);
    bool zf = c->s.rflags & X86_RFLAGS_ZF, again = left != 0;

    if (in->opcode == 0xe0)
        again = again && !zf;
    else if (in->opcode == 0xe1)
        again = again && zf;
    if (again && !jump_by(c, in))
        return false;
    soft_set_gpr(c, X86_RCX, in->addrsize, left);
    return true;
}

bool op_jcxz(struct soft_cpu *c, const struct x86_insn *in)
{
    return soft_gpr(c, X86_RCX, in->addrsize) != 0 || jump_by(c, in);
}

/* ---- BOUND ------------------------------------------------------------------------------------ */

/* The upper bound is not read when the lower one decides. */
bool op_bound(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned width = in->opsize, shift = 64 - 8 * width;
    int64_t idx = (int64_t)(soft_gpr(c, in->reg, width) << shift);
    uint64_t ea = soft_ea(c, in), bound;

    if (!soft_load(c, in->seg, ea, width, &bound))
        return false;
    if (idx < (int64_t)(bound << shift))
        return soft_raise(c, VEC_BR);
    if (!soft_load(c, in->seg, (ea + width) & ones(in->addrsize), width, &bound))
        return false;
    return idx <= (int64_t)(bound << shift) || soft_raise(c, VEC_BR);
}
