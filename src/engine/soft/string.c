/* SPDX-License-Identifier: MIT */
/*
 * string.c - MOVS CMPS SCAS LODS STOS INS OUTS, alone and repeated
 *
 * Sources: SDM 2, instruction pages and "REP/REPE/REPZ/REPNE/REPNZ"; SDM 1 "String Operations". One
 * execution is one iteration: it moves rSI and rDI, counts rCX down, and as long as there is more to do
 * goes on at the same rip. So a repeated instruction can be interrupted, faults with the registers of the
 * iteration that faulted, and is restarted by them.
 */
#include "engine/soft/ops_int.h"

enum { REPEATS = X86_INSN_F2 | X86_INSN_F3 };

/* Opcodes without the bit 0 are bytes; ports are at most 32 bits wide. */
static unsigned width_of(const struct x86_insn *in)
{
    return in->opcode & 1 ? in->opsize : 1;
}

static unsigned port_width(const struct x86_insn *in)
{
    return in->opcode & 1 ? (in->opsize == 2 ? 2 : 4) : 1;
}

/* The beginning of an iteration; false when there is none. */
static bool begin(struct soft_cpu *c, const struct x86_insn *in)
{
    if (!(in->flags & REPEATS))
        return true;
    /* 32-bit addresses in 64-bit mode: CPUs clear the upper half even when nothing is done, or it faults. */
    if (in->addrsize == 4)
        soft_set_gpr(c, X86_RCX, 4, c->s.gpr[X86_RCX]);
    return soft_gpr(c, X86_RCX, in->addrsize) != 0;
}

/* The same with the pointers that MOVS and STOS use, but no other instruction. */
static bool begin_fast(struct soft_cpu *c, const struct x86_insn *in, bool rsi)
{
    if (in->flags & REPEATS && in->addrsize == 4) {
        soft_set_gpr(c, X86_RDI, 4, c->s.gpr[X86_RDI]);
        if (rsi)
            soft_set_gpr(c, X86_RSI, 4, c->s.gpr[X86_RSI]);
    }
    return begin(c, in);
}

static uint64_t src(const struct soft_cpu *c, const struct x86_insn *in)
{
    return soft_gpr(c, X86_RSI, in->addrsize);
}

static uint64_t dst(const struct soft_cpu *c, const struct x86_insn *in)
{
    return soft_gpr(c, X86_RDI, in->addrsize);
}

static void advance(struct soft_cpu *c, const struct x86_insn *in, unsigned reg, unsigned width)
{
    uint64_t distance = c->s.rflags & X86_RFLAGS_DF ? -(uint64_t)width : width;

    soft_set_gpr(c, reg, in->addrsize, c->s.gpr[reg] + distance);
}

/* The end of an iteration; `enough` ends the repetition early. */
static bool count(struct soft_cpu *c, const struct x86_insn *in, bool enough)
{
    uint64_t left;

    if (!(in->flags & REPEATS))
        return true;
    left = (soft_gpr(c, X86_RCX, in->addrsize) - 1) & ones(in->addrsize);
    soft_set_gpr(c, X86_RCX, in->addrsize, left);
    if (left != 0 && !enough) {
        c->next_rip = c->s.rip;
        c->repeats = true;
    }
    return true;
}

bool op_movs(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned width = width_of(in);
    uint64_t val;

    if (!begin_fast(c, in, true))
        return true;
    if (!soft_load(c, in->seg, src(c, in), width, &val) ||
        !soft_store(c, X86_ES, dst(c, in), width, val))
        return false;
    advance(c, in, X86_RSI, width);
    advance(c, in, X86_RDI, width);
    return count(c, in, false);
}

bool op_stos(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned width = width_of(in);

    if (!begin_fast(c, in, false))
        return true;
    if (!soft_store(c, X86_ES, dst(c, in), width, soft_gpr(c, X86_RAX, width)))
        return false;
    advance(c, in, X86_RDI, width);
    return count(c, in, false);
}

bool op_lods(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned width = width_of(in);
    uint64_t val;

    if (!begin(c, in))
        return true;
    if (!soft_load(c, in->seg, src(c, in), width, &val))
        return false;
    soft_set_gpr(c, X86_RAX, width, val);
    advance(c, in, X86_RSI, width);
    return count(c, in, false);
}

/*
 * The end of an iteration that compares: REPE goes on while ZF is set, REPNE while it is not. Only the
 * last one leaves flags: "the EFLAGS value is restored to the state prior to the execution" (SDM 2, "REP").
 */
static bool compare(struct soft_cpu *c, const struct x86_insn *in, unsigned width, uint64_t a,
                    uint64_t b)
{
    struct soft_vals o = { .v = { a, b }, .width = { (uint8_t)width, (uint8_t)width } };
    uint64_t rflags = c->s.rflags;
    bool zf;

    val_cmp(c, in, &o);
    zf = c->s.rflags & X86_RFLAGS_ZF;
    count(c, in, in->flags & X86_INSN_F3 ? !zf : zf);
    if (c->next_rip == c->s.rip)
        c->s.rflags = rflags;
    return true;
}

/* The destination is read first: seen in which of two faults comes. */
bool op_cmps(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned width = width_of(in);
    uint64_t a, b;

    if (!begin(c, in))
        return true;
    if (!soft_load(c, X86_ES, dst(c, in), width, &b) ||
        !soft_load(c, in->seg, src(c, in), width, &a))
        return false;
    advance(c, in, X86_RSI, width);
    advance(c, in, X86_RDI, width);
    return compare(c, in, width, a, b);
}

bool op_scas(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned width = width_of(in);
    uint64_t b;

    if (!begin(c, in))
        return true;
    if (!soft_load(c, X86_ES, dst(c, in), width, &b))
        return false;
    advance(c, in, X86_RDI, width);
    return compare(c, in, width, soft_gpr(c, X86_RAX, width), b);
}

/* What a port has given is not lost: the destination is looked at first. */
bool op_ins(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned width = port_width(in);
    uint16_t port = (uint16_t)c->s.gpr[X86_RDX];
    uint64_t val = 0;

    if (!soft_port_allowed(c, port, width))
        return false;
    if (!begin(c, in))
        return true;
    if (!soft_can_write(c, X86_ES, dst(c, in), width) ||
        !soft_device(c, true, false, port, width, &val) ||
        !soft_store(c, X86_ES, dst(c, in), width, val))
        return false;
    advance(c, in, X86_RDI, width);
    return count(c, in, false);
}

bool op_outs(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned width = port_width(in);
    uint16_t port = (uint16_t)c->s.gpr[X86_RDX];
    uint64_t val;

    if (!soft_port_allowed(c, port, width))
        return false;
    if (!begin(c, in))
        return true;
    if (!soft_load(c, in->seg, src(c, in), width, &val) ||
        !soft_device(c, true, true, port, width, &val))
        return false;
    advance(c, in, X86_RSI, width);
    return count(c, in, false);
}
