/* SPDX-License-Identifier: MIT */
/*
 * muldiv.c - multiplication and division
 *
 * Source: SDM 2, instruction pages MUL IMUL MULX DIV IDIV. The host computes (host_alu.h), so that the
 * undefined flags are its own; whether a quotient fits is looked at first, because the host must not fault.
 */
#include "engine/soft/host_alu.h"
#include "engine/soft/ops_int.h"

/* ---- rDX:rAX by one operand ------------------------------------------------------------------- */

static void set_pair(struct soft_cpu *c, unsigned width, uint64_t lo, uint64_t hi)
{
    soft_set_gpr(c, X86_RAX, width, lo);
    soft_set_gpr(c, X86_RDX, width, hi);
}

bool op_mul(struct soft_cpu *c, const struct x86_insn *in)
{
    uint32_t ax = host_flags_of(c->s.rflags);
    struct soft_vals o;
    union {
        uint16_t w;
        uint32_t d;
        uint64_t q;
    } lo = { .q = c->s.gpr[X86_RAX] }, hi = { .q = 0 };

    if (!soft_load_operands(c, in, &o))
        return false;
    switch (o.width[0]) {
    case 1:
        soft_set_gpr(c, X86_RAX, 2, host_mul_8(lo.w, (uint8_t)o.v[0], &ax));
        break;
    case 2:
        host_mul_16(&lo.w, &hi.w, (uint16_t)o.v[0], &ax);
        set_pair(c, 2, lo.w, hi.w);
        break;
    case 4:
        host_mul_32(&lo.d, &hi.d, (uint32_t)o.v[0], &ax);
        set_pair(c, 4, lo.d, hi.d);
        break;
    default:
        host_mul_64(&lo.q, &hi.q, o.v[0], &ax);
        set_pair(c, 8, lo.q, hi.q);
    }
    c->s.rflags = host_flags_into(c->s.rflags, ax);
    return true;
}

/* The whole quotient fits in `width` bytes: n is the dividend's magnitude. SDM 2, "DIV", "IDIV". */
static bool quotient_fits(unsigned __int128 n, uint64_t d, unsigned width, bool is_signed,
                          bool negative)
{
    unsigned __int128 most = ones(width);

    if (is_signed)
        most = (ones(width) >> 1) + (negative ? 1 : 0);
    return d != 0 && n / d <= most;
}

static uint64_t sign_extend(uint64_t val, unsigned width)
{
    unsigned shift = 64 - 8 * width;

    return (uint64_t)((int64_t)(val << shift) >> shift);
}

/* Raises #DE when the quotient of rDX:rAX (AX for bytes) by d does not fit. */
static bool can_divide(struct soft_cpu *c, uint64_t d, unsigned width, bool is_signed)
{
    uint64_t hi = width == 1 ? soft_gpr(c, X86_RAX, 2) >> 8 : soft_gpr(c, X86_RDX, width);
    uint64_t lo = soft_gpr(c, X86_RAX, width);
    unsigned __int128 n;
    uint64_t low_part;
    bool n_negative, d_negative;

    if (is_signed) {
        hi = sign_extend(hi, width);
        d = sign_extend(d, width);
    }
    n_negative = is_signed && hi >> 63;
    d_negative = is_signed && d >> 63;
    low_part = width == 8 ? lo : hi << (8 * width) | lo;
    n = (unsigned __int128)(width == 8 ? hi : n_negative ? UINT64_MAX : 0) << 64 | low_part;
    if (n_negative)
        n = -n;
    if (d_negative)
        d = -d;
    return quotient_fits(n, d, width, is_signed, n_negative != d_negative) || soft_raise(c, VEC_DE);
}

#define DIVIDE(name, is_signed)                                                              \
    bool op_##name(struct soft_cpu *c, const struct x86_insn *in)                            \
    {                                                                                        \
        uint32_t ax = host_flags_of(c->s.rflags);                                            \
        struct soft_vals o;                                                                  \
        union {                                                                              \
            uint16_t w;                                                                      \
            uint32_t d;                                                                      \
            uint64_t q;                                                                      \
        } lo = { .q = c->s.gpr[X86_RAX] }, hi = { .q = c->s.gpr[X86_RDX] };                  \
                                                                                             \
        if (!soft_load_operands(c, in, &o) || !can_divide(c, o.v[0], o.width[0], is_signed)) \
            return false;                                                                    \
        switch (o.width[0]) {                                                                \
        case 1:                                                                              \
            soft_set_gpr(c, X86_RAX, 2, host_##name##_8(lo.w, (uint8_t)o.v[0], &ax));        \
            break;                                                                           \
        case 2:                                                                              \
            host_##name##_16(&lo.w, &hi.w, (uint16_t)o.v[0], &ax);                           \
            set_pair(c, 2, lo.w, hi.w);                                                      \
            break;                                                                           \
        case 4:                                                                              \
            host_##name##_32(&lo.d, &hi.d, (uint32_t)o.v[0], &ax);                           \
            set_pair(c, 4, lo.d, hi.d);                                                      \
            break;                                                                           \
        default:                                                                             \
            host_##name##_64(&lo.q, &hi.q, o.v[0], &ax);                                     \
            set_pair(c, 8, lo.q, hi.q);                                                      \
        }                                                                                    \
        c->s.rflags = host_flags_into(c->s.rflags, ax);                                      \
        return true;                                                                         \
    }

DIVIDE(div, false)
DIVIDE(idiv, true)

/* ---- IMUL ------------------------------------------------------------------------------------- */

static bool imul_pair(struct soft_cpu *c, const struct soft_vals *o)
{
    uint32_t ax = host_flags_of(c->s.rflags);
    union {
        uint16_t w;
        uint32_t d;
        uint64_t q;
    } lo = { .q = c->s.gpr[X86_RAX] }, hi = { .q = 0 };

    switch (o->width[0]) {
    case 1:
        soft_set_gpr(c, X86_RAX, 2, host_imul_8(lo.w, (uint8_t)o->v[0], &ax));
        break;
    case 2:
        host_imul1_16(&lo.w, &hi.w, (uint16_t)o->v[0], &ax);
        set_pair(c, 2, lo.w, hi.w);
        break;
    case 4:
        host_imul1_32(&lo.d, &hi.d, (uint32_t)o->v[0], &ax);
        set_pair(c, 4, lo.d, hi.d);
        break;
    default:
        host_imul1_64(&lo.q, &hi.q, o->v[0], &ax);
        set_pair(c, 8, lo.q, hi.q);
    }
    c->s.rflags = host_flags_into(c->s.rflags, ax);
    return true;
}

/* One operand: as MUL. Two or three: a register gets the product of the last two. */
bool op_imul(struct soft_cpu *c, const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);
    uint32_t ax = host_flags_of(c->s.rflags);
    struct soft_vals o;
    uint64_t a, b;

    if (!soft_load_operands(c, in, &o))
        return false;
    if (row->operand[1] == 0)
        return imul_pair(c, &o);
    a = row->operand[2] == 0 ? o.v[0] : o.v[1];
    b = row->operand[2] == 0 ? o.v[1] : o.v[2];
    switch (o.width[0]) {
    case 2:
        a = host_imul_16((uint16_t)a, (uint16_t)b, &ax);
        break;
    case 4:
        a = host_imul_32((uint32_t)a, (uint32_t)b, &ax);
        break;
    default:
        a = host_imul_64(a, b, &ax);
    }
    soft_set_gpr(c, in->reg, o.width[0], a);
    c->s.rflags = host_flags_into(c->s.rflags, ax);
    return true;
}

/* v[0] high half, v[1] low half of rDX times v[2]; no flags */
bool val_mulx(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    unsigned width = o->width[0];
    unsigned __int128 p = (unsigned __int128)soft_gpr(c, X86_RDX, width) * o->v[2];

    (void)in;
    o->v[0] = (uint64_t)(p >> (8 * width));
    o->v[1] = (uint64_t)p;
    return true;
}
