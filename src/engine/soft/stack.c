/* SPDX-License-Identifier: MIT */
/*
 * stack.c - PUSH, POP and their relatives
 *
 * Sources: SDM 1 "Procedure Stack"; SDM 2, instruction pages PUSH POP PUSHA POPA PUSHF POPF ENTER LEAVE.
 * No register moves before all that can fault is done, but for POPA; PUSHA and ENTER may have stored.
 */
#include "engine/soft/ops_int.h"
#include "engine/soft/vme.h"

/* ---- the pointer ------------------------------------------------------------------------------ */

static unsigned stack_width(const struct soft_cpu *c)
{
    return c->stack_bits / 8u;
}

/* Offset in SS, that far from what the register says. */
static uint64_t at(const struct soft_cpu *c, unsigned reg, uint64_t distance)
{
    return (c->s.gpr[reg] + distance) & ones(stack_width(c));
}

/* 16 bits of the pointer leave its upper part alone. */
static void move_sp(struct soft_cpu *c, uint64_t distance)
{
    soft_set_gpr(c, X86_RSP, stack_width(c), c->s.gpr[X86_RSP] + distance);
}

bool soft_push(struct soft_cpu *c, unsigned width, uint64_t val)
{
    if (!soft_store(c, X86_SS, at(c, X86_RSP, -(uint64_t)width), width, val))
        return false;
    move_sp(c, -(uint64_t)width);
    return true;
}

bool soft_pop(struct soft_cpu *c, unsigned width, uint64_t *val)
{
    if (!soft_load(c, X86_SS, at(c, X86_RSP, 0), width, val))
        return false;
    move_sp(c, width);
    return true;
}

/* ---- PUSH, POP -------------------------------------------------------------------------------- */

static bool is_segment(const struct x86_insn *in)
{
    return x86_opnd_types[x86_insn_row(in)->operand[0]].kind == X86_OPK_SEG;
}

/* With 32-bit operands current CPUs write the selector alone; what is above it stays. */
static bool push_segment(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned seg = x86_opnd_types[x86_insn_row(in)->operand[0]].fixed;
    uint64_t distance = -(uint64_t)in->opsize;

    if (!soft_store(c, X86_SS, at(c, X86_RSP, distance), in->opsize == 4 ? 2 : in->opsize,
                    c->s.seg[seg].selector))
        return false;
    move_sp(c, distance);
    return true;
}

bool op_push(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_vals o;

    if (is_segment(in))
        return push_segment(c, in);
    return soft_load_operands(c, in, &o) && soft_push(c, in->opsize, o.v[0]);
}

static bool pop_segment(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned seg = x86_opnd_types[x86_insn_row(in)->operand[0]].fixed;
    unsigned width = stack_width(c); /* POP SS may change it */
    uint64_t val;

    if (!soft_load(c, X86_SS, at(c, X86_RSP, 0), in->opsize, &val) ||
        !soft_load_segment(c, seg, (uint16_t)val))
        return false;
    soft_set_gpr(c, X86_RSP, width, c->s.gpr[X86_RSP] + in->opsize);
    c->shadow_next = seg == X86_SS ? SHADOW_MOV_SS : 0;
    return true;
}

/* An address by rSP is that after the increment. */
static bool pop_memory(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t rsp = c->s.gpr[X86_RSP], val, ea;
    bool done;

    if (!soft_load(c, X86_SS, at(c, X86_RSP, 0), in->opsize, &val))
        return false;
    move_sp(c, in->opsize);
    ea = soft_ea(c, in);
    done = soft_store(c, in->seg, ea, in->opsize, val);
    if (!done)
        c->s.gpr[X86_RSP] = rsp;
    return done;
}

bool op_pop(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t val;

    if (is_segment(in))
        return pop_segment(c, in);
    if (in->flags & X86_INSN_MEM)
        return pop_memory(c, in);
    if (!soft_pop(c, in->opsize, &val))
        return false;
    soft_set_gpr(c, in->rm, in->opsize, val); /* POP rSP: what was read wins */
    return true;
}

/* ---- all registers ---------------------------------------------------------------------------- */

/* A fault leaves what was stored before it, below where rSP still points: as CPUs do. */
bool op_pusha(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t width = in->opsize;

    for (unsigned reg = X86_RAX; reg <= X86_RDI; reg++) {
        if (!soft_store(c, X86_SS, at(c, X86_RSP, -width * (reg + 1)), in->opsize, c->s.gpr[reg]))
            return false;
    }
    move_sp(c, -width * 8);
    return true;
}

/*
 * Registers are loaded one by one, so that a fault leaves those before it loaded, as CPUs do: rSP has not
 * moved, and a second execution loads them again. The place of rSP is read too.
 */
bool op_popa(struct soft_cpu *c, const struct x86_insn *in)
{
    for (unsigned i = 0; i < 8; i++) {
        unsigned reg = 7 - i;
        uint64_t val;

        if (!soft_load(c, X86_SS, at(c, X86_RSP, (uint64_t)i * in->opsize), in->opsize, &val))
            return false;
        if (reg != X86_RSP)
            soft_set_gpr(c, reg, in->opsize, val);
    }
    move_sp(c, 8u * in->opsize);
    return true;
}

/* ---- flags ------------------------------------------------------------------------------------ */

/* In virtual-8086 mode the row has asked for IOPL 3, or for CR4.VME and 16 bits. */
bool op_pushf(struct soft_cpu *c, const struct x86_insn *in)
{
    if (soft_vme(c))
        return soft_push(c, in->opsize, soft_vme_flags(c));
    return soft_push(c, in->opsize, c->s.rflags & ~(uint64_t)(X86_RFLAGS_RF | X86_RFLAGS_VM));
}

/* SDM 2, "POPF", table "Effect of POPF/POPFD on the EFLAGS Register": what may be changed. */
static uint64_t popped_flags(const struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t change = X86_RFLAGS_CF | X86_RFLAGS_PF | X86_RFLAGS_AF | X86_RFLAGS_ZF |
                      X86_RFLAGS_SF | X86_RFLAGS_TF | X86_RFLAGS_DF | X86_RFLAGS_OF | X86_RFLAGS_NT;

    if (in->opsize > 2)
        change |= X86_RFLAGS_AC | X86_RFLAGS_ID;
    if (c->cpl <= (c->s.rflags & X86_RFLAGS_IOPL) >> 12)
        change |= X86_RFLAGS_IF;
    if (c->cpl == 0)
        change |= X86_RFLAGS_IOPL;
    return change;
}

bool op_popf(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t change = popped_flags(c, in), old = c->s.rflags, rsp = c->s.gpr[X86_RSP], val;

    if (!soft_pop(c, in->opsize, &val))
        return false;
    if (soft_vme(c)) {
        if (soft_vme_load(c, val))
            return true;
        c->s.gpr[X86_RSP] = rsp;
        return false;
    }
    c->s.rflags = (old & ~change) | (val & change);
    if ((old ^ c->s.rflags) & X86_RFLAGS_AC)
        soft_mode_changed(c);
    return true;
}

/* ---- frames ----------------------------------------------------------------------------------- */

/* The frame pointers of `level` - 1 outer procedures, then that of this one. */
static bool push_display(struct soft_cpu *c, unsigned width, unsigned level, uint64_t frame)
{
    uint64_t val;

    for (unsigned i = 1; i < level; i++) {
        if (!soft_load(c, X86_SS, at(c, X86_RBP, -(uint64_t)width * i), width, &val) ||
            !soft_push(c, width, val))
            return false;
    }
    return level == 0 || soft_push(c, width, frame);
}

/*
 * A fault leaves the registers alone, but not what was pushed before it, as on CPUs. The last check is that
 * of a write at the new top of the stack (SDM 2, "ENTER", #PF).
 */
bool op_enter(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t alloc = in->imm & 0xffff, rsp = c->s.gpr[X86_RSP], frame;
    unsigned width = in->opsize;
    bool good;

    good = soft_push(c, width, c->s.gpr[X86_RBP]);
    frame = c->s.gpr[X86_RSP];
    good = good && push_display(c, width, in->imm2 & 31, frame) &&
           soft_can_write(c, X86_SS, at(c, X86_RSP, -alloc), width);
    if (!good) {
        c->s.gpr[X86_RSP] = rsp;
        return false;
    }
    soft_set_gpr(c, X86_RBP, width, frame);
    move_sp(c, -alloc);
    return true;
}

bool op_leave(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t val;

    if (!soft_load(c, X86_SS, at(c, X86_RBP, 0), in->opsize, &val))
        return false;
    soft_set_gpr(c, X86_RSP, stack_width(c), c->s.gpr[X86_RBP] + in->opsize);
    soft_set_gpr(c, X86_RBP, in->opsize, val);
    return true;
}
