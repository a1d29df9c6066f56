/* SPDX-License-Identifier: MIT */
/*
 * fast_flow.c - fast handlers of stack and branches
 *
 * Source: SDM 2, instruction pages PUSH POP CALL RET JMP Jcc LEAVE; SDM 3A "Canonical Addressing".
 * Only operands of 8 bytes: what else 64-bit mode allows is rare.
 */
#include "engine/soft/fast_impl.h"
#include "x86/canonical.h"

#define HANDLER(name) static bool name(struct soft_cpu *c, const struct soft_fast *f)

/* ---- stack ----------------------------------------------------------------------------------- */

static inline bool push(struct soft_cpu *c, uint64_t val)
{
    uint64_t rsp = c->s.gpr[X86_RSP] - 8;
    uint8_t *p = fast_linear(c, rsp, 8, HOW_WRITE);

    if (p == NULL)
        return false;
    put_64(p, val);
    c->s.gpr[X86_RSP] = rsp;
    return true;
}

HANDLER(push_r)
{
    return push(c, reg_64(c, f->dst)) && fast_done(c, f);
}

HANDLER(push_i)
{
    return push(c, f->imm) && fast_done(c, f);
}

HANDLER(push_m)
{
    const uint8_t *p = fast_place(c, f, 8, HOW_READ);

    return p != NULL && push(c, get_64(p)) && fast_done(c, f);
}

static const struct fast_family push_family = {
    .fn[FAST_REG][FAST_NONE] = { [3] = push_r },
    .fn[FAST_IMM][FAST_NONE] = { [3] = push_i },
    .fn[FAST_MEM][FAST_NONE] = { [3] = push_m },
};

HANDLER(pop_r)
{
    const uint8_t *p = fast_linear(c, c->s.gpr[X86_RSP], 8, HOW_READ);

    if (p == NULL)
        return false;
    c->s.gpr[X86_RSP] += 8;
    set_64(c, f->dst, get_64(p)); /* POP RSP: what was read wins */
    return fast_done(c, f);
}

static const struct fast_family pop_family = { .fn[FAST_REG][FAST_NONE] = { [3] = pop_r } };

HANDLER(leave)
{
    uint64_t rbp = c->s.gpr[X86_RBP];
    const uint8_t *p = fast_linear(c, rbp, 8, HOW_READ);

    if (p == NULL)
        return false;
    c->s.gpr[X86_RSP] = rbp + 8;
    c->s.gpr[X86_RBP] = get_64(p);
    return fast_done(c, f);
}

static const struct fast_family leave_family = { .fn[FAST_NONE][FAST_NONE] = { [3] = leave } };

/* ---- branches -------------------------------------------------------------------------------- */

static inline bool jump(struct soft_cpu *c, uint64_t rip)
{
    if (!x86_canonical(rip))
        return false;
    c->s.rip = rip;
    return true;
}

HANDLER(jmp_i)
{
    return jump(c, c->s.rip + f->len + f->imm);
}

HANDLER(jmp_r)
{
    return jump(c, reg_64(c, f->dst));
}

HANDLER(jmp_m)
{
    const uint8_t *p = fast_place(c, f, 8, HOW_READ);

    return p != NULL && jump(c, get_64(p));
}

static const struct fast_family jmp_family = {
    .fn[FAST_IMM][FAST_NONE] = { [3] = jmp_i },
    .fn[FAST_REG][FAST_NONE] = { [3] = jmp_r },
    .fn[FAST_MEM][FAST_NONE] = { [3] = jmp_m },
};

static inline bool call(struct soft_cpu *c, const struct soft_fast *f, uint64_t rip)
{
    if (!x86_canonical(rip) || !push(c, c->s.rip + f->len))
        return false;
    c->s.rip = rip;
    return true;
}

HANDLER(call_i)
{
    return call(c, f, c->s.rip + f->len + f->imm);
}

HANDLER(call_r)
{
    return call(c, f, reg_64(c, f->dst));
}

HANDLER(call_m)
{
    const uint8_t *p = fast_place(c, f, 8, HOW_READ);

    return p != NULL && call(c, f, get_64(p));
}

static const struct fast_family call_family = {
    .fn[FAST_IMM][FAST_NONE] = { [3] = call_i },
    .fn[FAST_REG][FAST_NONE] = { [3] = call_r },
    .fn[FAST_MEM][FAST_NONE] = { [3] = call_m },
};

HANDLER(ret)
{
    const uint8_t *p = fast_linear(c, c->s.gpr[X86_RSP], 8, HOW_READ);

    (void)f;
    if (p == NULL || !jump(c, get_64(p)))
        return false;
    c->s.gpr[X86_RSP] += 8;
    return true;
}

static const struct fast_family ret_family = { .fn[FAST_NONE][FAST_NONE] = { [3] = ret } };

#define JCC(cc, code)                               \
    HANDLER(j##cc)                                  \
    {                                               \
        if (!fast_holds(c->s.rflags, code))         \
            return fast_done(c, f);                 \
        return jump(c, c->s.rip + f->len + f->imm); \
    }

FAST_CONDITIONS(JCC)

/* ---- all ------------------------------------------------------------------------------------- */

static const struct fast_family *family_of(const struct x86_row *row)
{
    switch (row->mnemonic) {
    case X86_MN_PUSH:
        return &push_family;
    case X86_MN_POP:
        return &pop_family;
    case X86_MN_LEAVE:
        return &leave_family;
    case X86_MN_JMP:
        return &jmp_family;
    case X86_MN_CALL:
        return &call_family;
    case X86_MN_RET:
        return &ret_family;
    default:
        return NULL;
    }
}

soft_fast_fn *fast_flow_fn(const struct x86_row *row, const struct fast_form *form)
{
    const struct fast_family *family = family_of(row);

    if (family != NULL)
        return fast_of_family(family, form);
    switch (row->mnemonic) {
#define JCC_OF(cc, code) \
    case X86_MN_J##cc:   \
        return form->first == FAST_IMM && form->size == 3 ? j##cc : NULL;
        FAST_CONDITIONS(JCC_OF)
#undef JCC_OF
    default:
        return NULL;
    }
}
