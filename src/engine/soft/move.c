/* SPDX-License-Identifier: MIT */
/*
 * move.c - data movement, conversion, conditions, flag bits
 *
 * Source: SDM 2, instruction pages MOV MOVZX MOVSX MOVSXD MOVNTI LEA CMOVcc
 * SETcc LDS/LES/LFS/LGS/LSS CBW CWD XLAT LAHF SAHF CLC STC CMC CLD STD; SALC is in AMD's list of opcodes.
 */
#include "engine/soft/ops_int.h"

/* ---- conditions ------------------------------------------------------------------------------- */

bool soft_condition(const struct soft_cpu *c, unsigned cc)
{
    uint64_t f = c->s.rflags;
    bool less = (f & X86_RFLAGS_SF) != 0 ? (f & X86_RFLAGS_OF) == 0 : (f & X86_RFLAGS_OF) != 0;
    bool yes = false;

    switch (cc >> 1 & 7) {
    case 0:
        yes = f & X86_RFLAGS_OF;
        break;
    case 1:
        yes = f & X86_RFLAGS_CF;
        break;
    case 2:
        yes = f & X86_RFLAGS_ZF;
        break;
    case 3:
        yes = f & (X86_RFLAGS_CF | X86_RFLAGS_ZF);
        break;
    case 4:
        yes = f & X86_RFLAGS_SF;
        break;
    case 5:
        yes = f & X86_RFLAGS_PF;
        break;
    case 6:
        yes = less;
        break;
    case 7:
        yes = less || f & X86_RFLAGS_ZF;
        break;
    }
    return cc & 1 ? !yes : yes;
}

bool val_cmov(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    /* Without the condition the destination is written back: 32 bits of it clear the upper half. */
    if (soft_condition(c, in->opcode & 15))
        o->v[0] = o->v[1];
    return true;
}

bool val_set(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    o->v[0] = soft_condition(c, in->opcode & 15);
    return true;
}

/* ---- moves ------------------------------------------------------------------------------------ */

bool val_mov(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    (void)c;
    (void)in;
    o->v[0] = o->v[1];
    return true;
}

bool op_mov_seg(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned seg = in->reg & 7;
    struct soft_vals o;

    if (!soft_load_operands(c, in, &o) || !soft_load_segment(c, seg, (uint16_t)o.v[1]))
        return false;
    c->shadow_next = seg == X86_SS ? SHADOW_MOV_SS : 0;
    return true;
}

/* LES LDS LSS LFS LGS: offset, then selector. */
bool op_load_far(struct soft_cpu *c, const struct x86_insn *in)
{
    static const uint8_t segs[] = { [2] = X86_SS, [4] = X86_FS, [5] = X86_GS };
    unsigned seg = in->opcode == 0xc4 ? X86_ES : in->opcode == 0xc5 ? X86_DS : segs[in->opcode & 7];
    uint64_t ea = soft_ea(c, in), offset, selector;

    if (!soft_load(c, in->seg, ea, in->opsize, &offset) ||
        !soft_load(c, in->seg, (ea + in->opsize) & ones(in->addrsize), 2, &selector) ||
        !soft_load_segment(c, seg, (uint16_t)selector))
        return false;
    soft_set_gpr(c, in->reg, in->opsize, offset);
    return true;
}

static uint64_t sign_extend(uint64_t val, unsigned width)
{
    unsigned shift = 64 - 8 * width;

    return (uint64_t)((int64_t)(val << shift) >> shift);
}

bool val_movsx(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    (void)c;
    (void)in;
    o->v[0] = sign_extend(o->v[1], o->width[1]);
    return true;
}

/* CBW, CWDE, CDQE: the lower half of rAX into all of it. */
bool op_cbw(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned half = in->opsize / 2u;

    soft_set_gpr(c, X86_RAX, in->opsize, sign_extend(soft_gpr(c, X86_RAX, half), half));
    return true;
}

/* CWD, CDQ, CQO: the sign of rAX into all of rDX. */
bool op_cwd(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t val = sign_extend(soft_gpr(c, X86_RAX, in->opsize), in->opsize);

    soft_set_gpr(c, X86_RDX, in->opsize, val >> 63 ? UINT64_MAX : 0);
    return true;
}

bool op_xlat(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t ea = (c->s.gpr[X86_RBX] + soft_gpr(c, X86_RAX, 1)) & ones(in->addrsize);
    uint64_t val;

    if (!soft_load(c, in->seg, ea, 1, &val))
        return false;
    soft_set_gpr(c, X86_RAX, 1, val);
    return true;
}

/* ---- flag bits -------------------------------------------------------------------------------- */

bool op_lahf(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t flags = (c->s.rflags & 0xd5) | X86_RFLAGS_FIXED;

    (void)in;
    c->s.gpr[X86_RAX] = (c->s.gpr[X86_RAX] & ~UINT64_C(0xff00)) | flags << 8;
    return true;
}

bool op_sahf(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    c->s.rflags = (c->s.rflags & ~UINT64_C(0xd5)) | (c->s.gpr[X86_RAX] >> 8 & 0xd5);
    return true;
}

bool op_salc(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    soft_set_gpr(c, X86_RAX, 1, c->s.rflags & X86_RFLAGS_CF ? 0xff : 0);
    return true;
}

bool op_clc(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    c->s.rflags &= ~(uint64_t)X86_RFLAGS_CF;
    return true;
}

bool op_stc(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    c->s.rflags |= X86_RFLAGS_CF;
    return true;
}

bool op_cmc(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    c->s.rflags ^= X86_RFLAGS_CF;
    return true;
}

bool op_cld(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    c->s.rflags &= ~(uint64_t)X86_RFLAGS_DF;
    return true;
}

bool op_std(struct soft_cpu *c, const struct x86_insn *in)
{
    (void)in;
    c->s.rflags |= X86_RFLAGS_DF;
    return true;
}
