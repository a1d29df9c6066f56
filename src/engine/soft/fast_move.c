/* SPDX-License-Identifier: MIT */
/*
 * fast_move.c - fast handlers of what moves data and sets no flags
 *
 * Source: SDM 2, instruction pages MOV MOVZX MOVSX MOVSXD LEA CMOVcc SETcc CBW CWD NOP.
 */
#include "base/bits.h"
#include "engine/soft/fast_impl.h"

#define HANDLER(name) static bool name(struct soft_cpu *c, const struct soft_fast *f)

/* ---- MOV ------------------------------------------------------------------------------------- */

#define MOVES(bits)                                                \
    HANDLER(mov_rr_##bits)                                         \
    {                                                              \
        set_##bits(c, f->dst, reg_##bits(c, f->src));              \
        return fast_done(c, f);                                    \
    }                                                              \
    HANDLER(mov_ri_##bits)                                         \
    {                                                              \
        set_##bits(c, f->dst, (uint##bits##_t)f->imm);             \
        return fast_done(c, f);                                    \
    }                                                              \
    HANDLER(mov_rm_##bits)                                         \
    {                                                              \
        const uint8_t *p = fast_place(c, f, (bits) / 8, HOW_READ); \
                                                                   \
        if (p == NULL)                                             \
            return false;                                          \
        set_##bits(c, f->dst, get_##bits(p));                      \
        return fast_done(c, f);                                    \
    }                                                              \
    HANDLER(mov_mr_##bits)                                         \
    {                                                              \
        uint8_t *p = fast_place(c, f, (bits) / 8, HOW_WRITE);      \
                                                                   \
        if (p == NULL)                                             \
            return false;                                          \
        put_##bits(p, reg_##bits(c, f->src));                      \
        return fast_done(c, f);                                    \
    }                                                              \
    HANDLER(mov_mi_##bits)                                         \
    {                                                              \
        uint8_t *p = fast_place(c, f, (bits) / 8, HOW_WRITE);      \
                                                                   \
        if (p == NULL)                                             \
            return false;                                          \
        put_##bits(p, (uint##bits##_t)f->imm);                     \
        return fast_done(c, f);                                    \
    }

MOVES(8)
MOVES(16)
MOVES(32)
MOVES(64)

static const struct fast_family mov_family = {
    .fn[FAST_REG][FAST_REG] = { mov_rr_8, mov_rr_16, mov_rr_32, mov_rr_64 },
    .fn[FAST_REG][FAST_IMM] = { mov_ri_8, mov_ri_16, mov_ri_32, mov_ri_64 },
    .fn[FAST_REG][FAST_MEM] = { mov_rm_8, mov_rm_16, mov_rm_32, mov_rm_64 },
    .fn[FAST_MEM][FAST_REG] = { mov_mr_8, mov_mr_16, mov_mr_32, mov_mr_64 },
    .fn[FAST_MEM][FAST_IMM] = { mov_mi_8, mov_mi_16, mov_mi_32, mov_mi_64 },
};

/* ---- from a smaller one ---------------------------------------------------------------------- */

/* `type` is the source's, signed or not; the conversion extends it. */
#define EXTEND(name, from, to, type)                                    \
    HANDLER(name##_rr_##from##_##to)                                    \
    {                                                                   \
        set_##to(c, f->dst, (uint##to##_t)(type)reg_##from(c, f->src)); \
        return fast_done(c, f);                                         \
    }                                                                   \
    HANDLER(name##_rm_##from##_##to)                                    \
    {                                                                   \
        const uint8_t *p = fast_place(c, f, (from) / 8, HOW_READ);      \
                                                                        \
        if (p == NULL)                                                  \
            return false;                                               \
        set_##to(c, f->dst, (uint##to##_t)(type)get_##from(p));         \
        return fast_done(c, f);                                         \
    }

#define EXTENSION(name, from, type)                                                             \
    EXTEND(name, from, 32, type)                                                                \
    EXTEND(name, from, 64, type)                                                                \
    static const struct fast_family name##_##from##_family = {                                  \
        .fn[FAST_REG][FAST_REG] = { [2] = name##_rr_##from##_32, [3] = name##_rr_##from##_64 }, \
        .fn[FAST_REG][FAST_MEM] = { [2] = name##_rm_##from##_32, [3] = name##_rm_##from##_64 }, \
    };

EXTENSION(movzx, 8, uint8_t)
EXTENSION(movzx, 16, uint16_t)
EXTENSION(movsx, 8, int8_t)
EXTENSION(movsx, 16, int16_t)
EXTENSION(movsx, 32, int32_t)

HANDLER(cwde)
{
    set_32(c, X86_RAX, (uint32_t)(int16_t)reg_16(c, X86_RAX));
    return fast_done(c, f);
}

HANDLER(cdqe)
{
    set_64(c, X86_RAX, (uint64_t)(int32_t)reg_32(c, X86_RAX));
    return fast_done(c, f);
}

HANDLER(cdq)
{
    set_32(c, X86_RDX, (int32_t)reg_32(c, X86_RAX) < 0 ? UINT32_MAX : 0);
    return fast_done(c, f);
}

HANDLER(cqo)
{
    set_64(c, X86_RDX, (int64_t)reg_64(c, X86_RAX) < 0 ? UINT64_MAX : 0);
    return fast_done(c, f);
}

static const struct fast_family accumulator_family = { .fn[FAST_NONE][FAST_NONE] = {
                                                           [2] = cwde, [3] = cdqe } };
static const struct fast_family sign_family = { .fn[FAST_NONE][FAST_NONE] = {
                                                    [2] = cdq, [3] = cqo } };

/* ---- LEA, NOP -------------------------------------------------------------------------------- */

HANDLER(lea_32)
{
    set_32(c, f->dst, (uint32_t)fast_ea(c, f));
    return fast_done(c, f);
}

HANDLER(lea_64)
{
    set_64(c, f->dst, fast_ea(c, f));
    return fast_done(c, f);
}

static const struct fast_family lea_family = { .fn[FAST_REG][FAST_MEM] = {
                                                   [2] = lea_32, [3] = lea_64 } };

HANDLER(nop)
{
    return fast_done(c, f);
}

static const struct fast_family nop_family = {
    .fn[FAST_NONE][FAST_NONE] = { nop, nop, nop, nop },
    .fn[FAST_REG][FAST_NONE] = { nop, nop, nop, nop },
    .fn[FAST_MEM][FAST_NONE] = { nop, nop, nop, nop },
};

/* ---- conditions ------------------------------------------------------------------------------ */

/* Without the condition the destination is written back: 32 bits of it clear the upper half. */
#define CMOV(cc, code, bits)                                                                   \
    HANDLER(cmov##cc##_rr_##bits)                                                              \
    {                                                                                          \
        set_##bits(c, f->dst, reg_##bits(c, fast_holds(c->s.rflags, code) ? f->src : f->dst)); \
        return fast_done(c, f);                                                                \
    }                                                                                          \
    HANDLER(cmov##cc##_rm_##bits)                                                              \
    {                                                                                          \
        const uint8_t *p = fast_place(c, f, (bits) / 8, HOW_READ);                             \
                                                                                               \
        if (p == NULL)                                                                         \
            return false;                                                                      \
        set_##bits(c, f->dst,                                                                  \
                   fast_holds(c->s.rflags, code) ? get_##bits(p) : reg_##bits(c, f->dst));     \
        return fast_done(c, f);                                                                \
    }

#define CONDITION(cc, code)                              \
    CMOV(cc, code, 32)                                   \
    CMOV(cc, code, 64)                                   \
    HANDLER(set##cc##_r)                                 \
    {                                                    \
        set_8(c, f->dst, fast_holds(c->s.rflags, code)); \
        return fast_done(c, f);                          \
    }

FAST_CONDITIONS(CONDITION)

/* By condition, then whether the source is memory, then whether there are 64 bits. */
#define CMOVS(cc, code) \
    [code] = { { cmov##cc##_rr_32, cmov##cc##_rr_64 }, { cmov##cc##_rm_32, cmov##cc##_rm_64 } },
static soft_fast_fn *const cmov[16][2][2] = { FAST_CONDITIONS(CMOVS) };
#undef CMOVS

#define SETS(cc, code) [code] = set##cc##_r,
static soft_fast_fn *const set[16] = { FAST_CONDITIONS(SETS) };
#undef SETS

static soft_fast_fn *cmov_of(unsigned code, const struct fast_form *form)
{
    bool memory = form->second == FAST_MEM;

    return form->first == FAST_REG && (memory || form->second == FAST_REG) && form->size >= 2
               ? cmov[code][memory][form->size - 2]
               : NULL;
}

/* ---- all ------------------------------------------------------------------------------------- */

static const struct fast_family *family_of(const struct x86_row *row, unsigned from)
{
    switch (row->mnemonic) {
    case X86_MN_MOV:
        return &mov_family;
    case X86_MN_MOVZX:
        return from == 1 ? &movzx_8_family : &movzx_16_family;
    case X86_MN_MOVSX:
        return from == 1 ? &movsx_8_family : &movsx_16_family;
    case X86_MN_MOVSXD:
        return &movsx_32_family;
    case X86_MN_LEA:
        return &lea_family;
    case X86_MN_NOP:
        return &nop_family;
    case X86_MN_CWDE:
    case X86_MN_CDQE:
        return &accumulator_family;
    case X86_MN_CDQ:
    case X86_MN_CQO:
        return &sign_family;
    default:
        return NULL;
    }
}

soft_fast_fn *fast_move_fn(const struct x86_row *row, const struct fast_form *form)
{
    const struct fast_family *family = family_of(row, form->second_bytes);

    if (family != NULL)
        return fast_of_family(family, form);
    switch (row->mnemonic) {
#define CMOV_OF(cc, code) \
    case X86_MN_CMOV##cc: \
        return cmov_of(code, form);
#define SET_OF(cc, code) \
    case X86_MN_SET##cc: \
        return form->first == FAST_REG ? set[code] : NULL;
        FAST_CONDITIONS(CMOV_OF)
        FAST_CONDITIONS(SET_OF)
#undef CMOV_OF
#undef SET_OF
    default:
        return NULL;
    }
}
