/* SPDX-License-Identifier: MIT */
/*
 * exchange.c - XCHG, XADD and compare-and-exchange
 *
 * Source: SDM 2, instruction pages XCHG XADD CMPXCHG CMPXCHG8B/CMPXCHG16B; SDM 3A "Locked Atomic
 * Operations". Value functions are made atomic by operand.c. The others always use soft_cas, which is
 * more than is asked for without LOCK.
 */
#include "engine/soft/ops_int.h"

bool val_xchg(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    uint64_t a = o->v[0];

    (void)c;
    (void)in;
    o->v[0] = o->v[1];
    o->v[1] = a;
    return true;
}

bool val_xadd(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    uint64_t a = o->v[0];

    val_add(c, in, o);
    o->v[1] = a;
    return true;
}

/* The accumulator against the destination; memory is written in either case. */
static bool exchange_memory(struct soft_cpu *c, const struct x86_insn *in,
                            const struct soft_vals *o, bool equal, bool *same)
{
    uint64_t expected[2] = { o->v[0] }, val[2] = { equal ? o->v[1] : o->v[0] };

    return soft_cas(c, in->seg, soft_ea(c, in), o->width[0], expected, val, same);
}

bool op_cmpxchg(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t rflags = c->s.rflags;
    struct soft_vals o, cmp;
    bool equal, same = true, memory = in->flags & X86_INSN_MEM;

    do {
        if (!soft_load_operands(c, in, &o))
            return false;
        cmp = (struct soft_vals){ .v = { soft_gpr(c, X86_RAX, o.width[0]), o.v[0] },
                                  .width = { o.width[0], o.width[0] } };
        equal = cmp.v[0] == cmp.v[1];
        if (memory && !exchange_memory(c, in, &o, equal, &same))
            return false;
    } while (!same);
    c->s.rflags = rflags;
    val_cmp(c, in, &cmp);
    if (!equal)
        soft_set_gpr(c, X86_RAX, o.width[0], o.v[0]);
    else if (!memory && o.width[0] == 1)
        soft_set_reg8(c, in, in->rm, o.v[1]);
    else if (!memory)
        soft_set_gpr(c, in->rm, o.width[0], o.v[1]);
    return true;
}

/* rDX:rAX or rCX:rBX as memory has them: one word of 8 bytes, or two. */
static void pair(const struct soft_cpu *c, unsigned half, unsigned lo, unsigned hi, uint64_t out[2])
{
    out[0] = half == 8 ? c->s.gpr[lo] : soft_gpr(c, hi, 4) << 32 | soft_gpr(c, lo, 4);
    out[1] = half == 8 ? c->s.gpr[hi] : 0;
}

/* CMPXCHG8B with halves of 4 bytes, CMPXCHG16B with 8. */
static bool compare_pairs(struct soft_cpu *c, const struct x86_insn *in, unsigned half)
{
    uint64_t ea = soft_ea(c, in), expected[2], old[2] = { 0 }, val[2];
    bool equal, same;

    pair(c, half, X86_RAX, X86_RDX, expected);
    do {
        if (!soft_can_write(c, in->seg, ea, 2 * half) ||
            !soft_load_block(c, in->seg, ea, old, 2 * half))
            return false;
        equal = old[0] == expected[0] && old[1] == expected[1];
        if (equal)
            pair(c, half, X86_RBX, X86_RCX, val);
        else
            val[0] = old[0], val[1] = old[1];
        if (!soft_cas(c, in->seg, ea, 2 * half, (uint64_t[2]){ old[0], old[1] }, val, &same))
            return false;
    } while (!same);
    c->s.rflags &= ~(uint64_t)X86_RFLAGS_ZF;
    if (equal) {
        c->s.rflags |= X86_RFLAGS_ZF;
    } else {
        soft_set_gpr(c, X86_RAX, half, old[0]);
        soft_set_gpr(c, X86_RDX, half, half == 8 ? old[1] : old[0] >> 32);
    }
    return true;
}

bool op_cmpxchg8b(struct soft_cpu *c, const struct x86_insn *in)
{
    return compare_pairs(c, in, 4);
}

bool op_cmpxchg16b(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t linear;

    if (!soft_linear(c, in->seg, soft_ea(c, in), 16, true, &linear))
        return false;
    if (linear % 16 != 0)
        return soft_raise_error(c, VEC_GP, 0);
    return compare_pairs(c, in, 8);
}
