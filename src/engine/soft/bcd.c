/* SPDX-License-Identifier: MIT */
/*
 * bcd.c - decimal adjustments
 *
 * Sources: SDM 2, instruction pages DAA DAS AAA AAS AAM AAD; APM 3, the same. They do not exist in 64-bit
 * mode, so the host cannot be asked; undefined flags are those that CPUs of the model's vendor show (the
 * tests ask a 32-bit segment): AMD's are those of the addition or subtraction that is made, Intel's have
 * OF clear and the others of the result.
 */
#include "engine/soft/host_alu.h"
#include "engine/soft/ops_int.h"

static uint8_t reg_al(const struct soft_cpu *c)
{
    return (uint8_t)c->s.gpr[X86_RAX];
}

/* The six flags: of a byte result, and those given. */
static void set_flags(struct soft_cpu *c, uint8_t result, bool af, bool cf)
{
    uint64_t flags = (result & 0x80 ? X86_RFLAGS_SF : 0) | (result == 0 ? X86_RFLAGS_ZF : 0) |
                     (__builtin_parity(result) == 0 ? X86_RFLAGS_PF : 0) |
                     (af ? X86_RFLAGS_AF : 0) | (cf ? X86_RFLAGS_CF : 0);

    c->s.rflags = (c->s.rflags & ~(uint64_t)HOST_FLAGS) | flags;
}

static void set_overflow(struct soft_cpu *c, uint32_t host)
{
    if (!c->sys.model->intel)
        c->s.rflags |= host & 1 ? X86_RFLAGS_OF : 0;
}

/* AAA and AAS: AF and CF are defined, the others are of AL or, AMD's, of AX before AL is cut to a digit. */
static void set_digit_flags(struct soft_cpu *c, uint8_t al, uint32_t host, bool adjust)
{
    uint64_t carries = X86_RFLAGS_AF | X86_RFLAGS_CF;

    if (c->sys.model->intel)
        set_flags(c, al, adjust, adjust);
    else
        c->s.rflags = (host_flags_into(c->s.rflags, host) & ~carries) | (adjust ? carries : 0);
}

bool op_daa(struct soft_cpu *c, const struct x86_insn *in)
{
    uint8_t old = reg_al(c), al;
    bool cf = c->s.rflags & X86_RFLAGS_CF, af = c->s.rflags & X86_RFLAGS_AF;
    bool high = old > 0x99 || cf;
    uint32_t host;

    (void)in;
    af = (old & 15) > 9 || af;
    al = host_add_8(old, (uint8_t)((af ? 0x06 : 0) + (high ? 0x60 : 0)), &host);
    soft_set_gpr(c, X86_RAX, 1, al);
    set_flags(c, al, af, high);
    set_overflow(c, host);
    return true;
}

bool op_das(struct soft_cpu *c, const struct x86_insn *in)
{
    uint8_t old = reg_al(c), al;
    bool cf = c->s.rflags & X86_RFLAGS_CF, af = c->s.rflags & X86_RFLAGS_AF;
    bool high = old > 0x99 || cf;
    uint32_t host;

    (void)in;
    af = (old & 15) > 9 || af;
    al = host_sub_8(old, (uint8_t)((af ? 0x06 : 0) + (high ? 0x60 : 0)), &host);
    soft_set_gpr(c, X86_RAX, 1, al);
    set_flags(c, al, af, high || (af && old < 6));
    set_overflow(c, host);
    return true;
}

bool op_aaa(struct soft_cpu *c, const struct x86_insn *in)
{
    uint16_t ax = (uint16_t)c->s.gpr[X86_RAX];
    bool adjust = (ax & 15) > 9 || c->s.rflags & X86_RFLAGS_AF;
    uint32_t host;

    (void)in;
    ax = host_add_16(ax, adjust ? 0x106 : 0, &host) & 0xff0f;
    soft_set_gpr(c, X86_RAX, 2, ax);
    set_digit_flags(c, (uint8_t)ax, host, adjust);
    return true;
}

bool op_aas(struct soft_cpu *c, const struct x86_insn *in)
{
    uint16_t ax = (uint16_t)c->s.gpr[X86_RAX];
    bool adjust = (ax & 15) > 9 || c->s.rflags & X86_RFLAGS_AF;
    uint32_t host;

    (void)in;
    ax = host_sub_16(ax, adjust ? 0x106 : 0, &host) & 0xff0f;
    soft_set_gpr(c, X86_RAX, 2, ax);
    set_digit_flags(c, (uint8_t)ax, host, adjust);
    return true;
}

bool op_aam(struct soft_cpu *c, const struct x86_insn *in)
{
    uint8_t base = (uint8_t)in->imm, al = reg_al(c);

    if (base == 0)
        return soft_raise(c, VEC_DE);
    soft_set_gpr(c, X86_RAX, 2, (uint64_t)(al / base) << 8 | al % base);
    set_flags(c, al % base, false, false);
    return true;
}

bool op_aad(struct soft_cpu *c, const struct x86_insn *in)
{
    uint8_t ah = (uint8_t)(c->s.gpr[X86_RAX] >> 8);
    uint32_t ax = host_flags_of(c->s.rflags);
    uint8_t al = host_add_8(reg_al(c), (uint8_t)(ah * (uint8_t)in->imm), &ax);

    soft_set_gpr(c, X86_RAX, 2, al);
    c->s.rflags = host_flags_into(c->s.rflags, ax); /* CF, AF and OF are those of the addition */
    return true;
}
