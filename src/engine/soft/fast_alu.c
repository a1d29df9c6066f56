/* SPDX-License-Identifier: MIT */
/*
 * fast_alu.c - fast handlers of what computes and sets flags
 *
 * Source: SDM 2, instruction pages ADD OR ADC SBB AND SUB XOR CMP TEST INC DEC NEG NOT SHL SHR SAR
 * IMUL. Results and flags, also the undefined ones, come from the same host instructions as those
 * of alu.c, shift.c and muldiv.c.
 */
#include "base/bits.h"
#include "engine/soft/fast_impl.h"
#include "engine/soft/host_alu.h"

static inline bool done_flags(struct soft_cpu *c, const struct soft_fast *f, uint32_t ax)
{
    c->s.rflags = host_flags_into(c->s.rflags, ax);
    return fast_done(c, f);
}

/* ---- two operands ---------------------------------------------------------------------------- */

/* a = op(A, B), once PLACE has found memory; STORE keeps the result, or not. */
#define TWO(name, host, bits, kinds, PLACE, A, B, STORE)                               \
    static bool name##_##kinds##_##bits(struct soft_cpu *c, const struct soft_fast *f) \
    {                                                                                  \
        uint32_t ax = host_flags_of(c->s.rflags);                                      \
        uint##bits##_t a;                                                              \
        PLACE;                                                                         \
        a = host_##host##_##bits(A, B, &ax);                                           \
        STORE;                                                                         \
        return done_flags(c, f, ax);                                                   \
    }

#define IN_REGS (void)0
#define IN_MEM(bits, how)                           \
    uint8_t *p = fast_place(c, f, (bits) / 8, how); \
    if (p == NULL)                                  \
    return false

#define WRITING(name, host, bits)                                                             \
    TWO(name, host, bits, rr, IN_REGS, reg_##bits(c, f->dst), reg_##bits(c, f->src),          \
        set_##bits(c, f->dst, a))                                                             \
    TWO(name, host, bits, ri, IN_REGS, reg_##bits(c, f->dst), (uint##bits##_t)f->imm,         \
        set_##bits(c, f->dst, a))                                                             \
    TWO(name, host, bits, rm, IN_MEM(bits, HOW_READ), reg_##bits(c, f->dst), get_##bits(p),   \
        set_##bits(c, f->dst, a))                                                             \
    TWO(name, host, bits, mr, IN_MEM(bits, HOW_WRITE), get_##bits(p), reg_##bits(c, f->src),  \
        put_##bits(p, a))                                                                     \
    TWO(name, host, bits, mi, IN_MEM(bits, HOW_WRITE), get_##bits(p), (uint##bits##_t)f->imm, \
        put_##bits(p, a))

#define TESTING(name, host, bits)                                                              \
    TWO(name, host, bits, rr, IN_REGS, reg_##bits(c, f->dst), reg_##bits(c, f->src), (void)a)  \
    TWO(name, host, bits, ri, IN_REGS, reg_##bits(c, f->dst), (uint##bits##_t)f->imm, (void)a) \
    TWO(name, host, bits, rm, IN_MEM(bits, HOW_READ), reg_##bits(c, f->dst), get_##bits(p),    \
        (void)a)                                                                               \
    TWO(name, host, bits, mr, IN_MEM(bits, HOW_READ), get_##bits(p), reg_##bits(c, f->src),    \
        (void)a)                                                                               \
    TWO(name, host, bits, mi, IN_MEM(bits, HOW_READ), get_##bits(p), (uint##bits##_t)f->imm,   \
        (void)a)

#define ROW4(name, kinds)                                                                 \
    {                                                                                     \
        name##_##kinds##_8, name##_##kinds##_16, name##_##kinds##_32, name##_##kinds##_64 \
    }

#define FAMILY2(name)                                 \
    static const struct fast_family name##_family = { \
        .fn[FAST_REG][FAST_REG] = ROW4(name, rr),     \
        .fn[FAST_REG][FAST_IMM] = ROW4(name, ri),     \
        .fn[FAST_REG][FAST_MEM] = ROW4(name, rm),     \
        .fn[FAST_MEM][FAST_REG] = ROW4(name, mr),     \
        .fn[FAST_MEM][FAST_IMM] = ROW4(name, mi),     \
    };

#define SIZES(FORMS, name, host) \
    FORMS(name, host, 8) FORMS(name, host, 16) FORMS(name, host, 32) FORMS(name, host, 64)

#define BINARY(FORMS, name, host) SIZES(FORMS, name, host) FAMILY2(name)

BINARY(WRITING, add, add)
BINARY(WRITING, or, or)
BINARY(WRITING, adc, adc)
BINARY(WRITING, sbb, sbb)
BINARY(WRITING, and, and)
BINARY(WRITING, sub, sub)
BINARY(WRITING, xor, xor)
BINARY(TESTING, cmp, sub)
BINARY(TESTING, test, and)

/* ---- shifts: the count is CL or in the instruction ------------------------------------------- */

#define SHIFTS(name, host, bits)                                                       \
    TWO(name, host, bits, rr, IN_REGS, reg_##bits(c, f->dst), reg_8(c, f->src),        \
        set_##bits(c, f->dst, a))                                                      \
    TWO(name, host, bits, ri, IN_REGS, reg_##bits(c, f->dst), (uint8_t)f->imm,         \
        set_##bits(c, f->dst, a))                                                      \
    TWO(name, host, bits, mi, IN_MEM(bits, HOW_WRITE), get_##bits(p), (uint8_t)f->imm, \
        put_##bits(p, a))

#define SHIFT(name)                                   \
    SIZES(SHIFTS, name, name)                         \
    static const struct fast_family name##_family = { \
        .fn[FAST_REG][FAST_REG] = ROW4(name, rr),     \
        .fn[FAST_REG][FAST_IMM] = ROW4(name, ri),     \
        .fn[FAST_MEM][FAST_IMM] = ROW4(name, mi),     \
    };

SHIFT(shl)
SHIFT(shr)
SHIFT(sar)

/* ---- IMUL with two and three operands -------------------------------------------------------- */

#define MULTIPLY(name, host, bits)                                                            \
    TWO(name, host, bits, rr, IN_REGS, reg_##bits(c, f->dst), reg_##bits(c, f->src),          \
        set_##bits(c, f->dst, a))                                                             \
    TWO(name, host, bits, rm, IN_MEM(bits, HOW_READ), reg_##bits(c, f->dst), get_##bits(p),   \
        set_##bits(c, f->dst, a))                                                             \
    TWO(name, host, bits, rri, IN_REGS, reg_##bits(c, f->src), (uint##bits##_t)f->imm,        \
        set_##bits(c, f->dst, a))                                                             \
    TWO(name, host, bits, rmi, IN_MEM(bits, HOW_READ), get_##bits(p), (uint##bits##_t)f->imm, \
        set_##bits(c, f->dst, a))

MULTIPLY(imul, imul, 32)
MULTIPLY(imul, imul, 64)

static const struct fast_family imul_family = {
    .fn[FAST_REG][FAST_REG] = { [2] = imul_rr_32, [3] = imul_rr_64 },
    .fn[FAST_REG][FAST_MEM] = { [2] = imul_rm_32, [3] = imul_rm_64 },
};
static const struct fast_family imul3_family = {
    .fn[FAST_REG][FAST_REG] = { [2] = imul_rri_32, [3] = imul_rri_64 },
    .fn[FAST_REG][FAST_MEM] = { [2] = imul_rmi_32, [3] = imul_rmi_64 },
};

/* ---- one operand ----------------------------------------------------------------------------- */

#define ONE(name, bits)                                                          \
    static bool name##_r_##bits(struct soft_cpu *c, const struct soft_fast *f)   \
    {                                                                            \
        uint32_t ax = host_flags_of(c->s.rflags);                                \
                                                                                 \
        set_##bits(c, f->dst, host_##name##_##bits(reg_##bits(c, f->dst), &ax)); \
        return done_flags(c, f, ax);                                             \
    }                                                                            \
    static bool name##_m_##bits(struct soft_cpu *c, const struct soft_fast *f)   \
    {                                                                            \
        uint32_t ax = host_flags_of(c->s.rflags);                                \
        IN_MEM(bits, HOW_WRITE);                                                 \
        put_##bits(p, host_##name##_##bits(get_##bits(p), &ax));                 \
        return done_flags(c, f, ax);                                             \
    }

#define UNARY(name)                                   \
    ONE(name, 8)                                      \
    ONE(name, 16)                                     \
    ONE(name, 32)                                     \
    ONE(name, 64)                                     \
    static const struct fast_family name##_family = { \
        .fn[FAST_REG][FAST_NONE] = ROW4(name, r),     \
        .fn[FAST_MEM][FAST_NONE] = ROW4(name, m),     \
    };

UNARY(inc)
UNARY(dec)
UNARY(neg)

#define NOT(bits)                                                           \
    static bool not_r_##bits(struct soft_cpu *c, const struct soft_fast *f) \
    {                                                                       \
        set_##bits(c, f->dst, (uint##bits##_t) ~reg_##bits(c, f->dst));     \
        return fast_done(c, f);                                             \
    }

NOT(32)
NOT(64)

static const struct fast_family not_family = {
    .fn[FAST_REG][FAST_NONE] = { [2] = not_r_32, [3] = not_r_64 },
};

/* ---- all ------------------------------------------------------------------------------------- */

static const struct fast_family *family_of(const struct x86_row *row)
{
    switch (row->mnemonic) {
    case X86_MN_ADD:
        return &add_family;
    case X86_MN_OR:
        return &or_family;
    case X86_MN_ADC:
        return &adc_family;
    case X86_MN_SBB:
        return &sbb_family;
    case X86_MN_AND:
        return &and_family;
    case X86_MN_SUB:
        return &sub_family;
    case X86_MN_XOR:
        return &xor_family;
    case X86_MN_CMP:
        return &cmp_family;
    case X86_MN_TEST:
        return &test_family;
    case X86_MN_SHL:
        return &shl_family;
    case X86_MN_SHR:
        return &shr_family;
    case X86_MN_SAR:
        return &sar_family;
    case X86_MN_INC:
        return &inc_family;
    case X86_MN_DEC:
        return &dec_family;
    case X86_MN_NEG:
        return &neg_family;
    case X86_MN_NOT:
        return &not_family;
    case X86_MN_IMUL:
        return row->operand[2] != 0 ? &imul3_family : &imul_family;
    default:
        return NULL;
    }
}

soft_fast_fn *fast_alu_fn(const struct x86_row *row, const struct fast_form *form)
{
    const struct fast_family *family = family_of(row);

    return family != NULL ? fast_of_family(family, form) : NULL;
}
