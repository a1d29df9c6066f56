/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - stacks other than the one in use, and where execution goes on
 *
 * Sources: SDM 3A "Stack Switching", "Stack Switching in IA-32e Mode", "Limit Checking"; SDM 1,
 * "Procedure Stack".
 */
#include "engine/soft/far.h"

#include "engine/soft/ops.h"
#include "x86/canonical.h"

/* ---- stacks ---------------------------------------------------------------------------------- */

void soft_stack_current(const struct soft_cpu *c, struct soft_stack *st)
{
    *st = (struct soft_stack){
        .ss = c->s.seg[X86_SS],
        .sp = c->s.gpr[X86_RSP],
        .bits = c->stack_bits,
        .cpl = c->cpl,
    };
}

static bool inner_long(struct soft_cpu *c, unsigned cpl, unsigned ist, struct soft_stack *st)
{
    unsigned at = ist != 0 ? 0x24 + 8 * (ist - 1) : 4 + 8 * cpl;
    uint8_t buf[8];

    if (at + 7 > c->s.tr.limit)
        return soft_raise_selector(c, VEC_TS, c->s.tr.selector);
    if (!soft_table_load(c, c->s.tr.base + at, buf, 8))
        return false;
    *st = (struct soft_stack){
        .ss = soft_null_seg((uint16_t)cpl, cpl),
        .sp = le_get(buf, 8),
        .bits = 64,
        .cpl = (uint8_t)cpl,
    };
    return true;
}

/* SDM 3A, "Task-State Segment (TSS)" and "16-Bit Task-State Segment (TSS)": where SSn:ESPn lie. */
bool soft_stack_inner(struct soft_cpu *c, unsigned cpl, unsigned ist, struct soft_stack *st)
{
    unsigned width = c->s.tr.type & SYS_32 ? 4 : 2;
    unsigned at = width + 2 * width * cpl;
    struct soft_desc ss;
    uint8_t buf[6];
    uint16_t selector;

    if (soft_long(c))
        return inner_long(c, cpl, ist, st);
    if (at + width + 1 > c->s.tr.limit)
        return soft_raise_selector(c, VEC_TS, c->s.tr.selector);
    if (!soft_table_load(c, c->s.tr.base + at, buf, width + 2))
        return false;
    selector = (uint16_t)le_get(buf + width, 2);
    if (!soft_stack_desc(c, selector, cpl, VEC_TS, &ss))
        return false;
    *st = (struct soft_stack){
        .ss = ss.seg,
        .sp = le_get(buf, width),
        .bits = ss.seg.db ? 32 : 16,
        .cpl = (uint8_t)cpl,
        .error = selector,
    };
    return true;
}

static bool in_stack(const struct soft_cpu *c, const struct soft_stack *st, uint64_t off,
                     unsigned width)
{
    uint64_t last = off + width - 1;

    if (soft_plain(c) && st->error == 0)
        return last <= st->ss.limit;
    if (st->ss.unusable || !st->ss.present || !(st->ss.type & TYPE_WRITE))
        return false;
    if (st->ss.type & TYPE_DOWN)
        return off > st->ss.limit && last <= (st->ss.db ? UINT32_MAX : 0xffff);
    return last <= st->ss.limit;
}

/* The offset, as wide as the stack pointer, to linear. */
static bool stack_linear(struct soft_cpu *c, const struct soft_stack *st, uint64_t off,
                         unsigned width, uint64_t *linear)
{
    if (st->bits == 64) {
        *linear = off;
        if (!x86_canonical(off) || !x86_canonical(off + width - 1))
            return soft_raise_selector(c, VEC_SS, st->error);
    } else {
        if (!in_stack(c, st, off, width))
            return soft_raise_selector(c, VEC_SS, st->error);
        *linear = (uint32_t)(st->ss.base + off);
    }
    if (st->cpl == 3 && *linear % width != 0 && c->s.rflags & X86_RFLAGS_AC &&
        c->s.cr0 & X86_CR0_AM)
        return soft_raise_error(c, VEC_AC, 0);
    return true;
}

static enum soft_bank bank_of(const struct soft_cpu *c, const struct soft_stack *st)
{
    if (st->cpl == 3)
        return BANK_USER;
    return c->s.rflags & X86_RFLAGS_AC ? BANK_SUPER_AC : BANK_SUPER;
}

static void move_sp(struct soft_stack *st, uint64_t by)
{
    uint64_t mask = ones(st->bits / 8);

    st->sp = (st->sp & ~mask) | ((st->sp + by) & mask);
}

bool soft_stack_push(struct soft_cpu *c, struct soft_stack *st, unsigned width, uint64_t val)
{
    uint64_t off = (st->sp - width) & ones(st->bits / 8), linear = 0;
    uint8_t buf[8];

    le_put(buf, width, val);
    if (!stack_linear(c, st, off, width, &linear) ||
        !soft_store_linear(c, linear, bank_of(c, st), buf, width))
        return false;
    move_sp(st, -(uint64_t)width);
    return true;
}

bool soft_stack_push_all(struct soft_cpu *c, struct soft_stack *st, unsigned width,
                         const uint64_t *vals, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!soft_stack_push(c, st, width, vals[i]))
            return false;
    }
    return true;
}

bool soft_stack_pop(struct soft_cpu *c, struct soft_stack *st, unsigned width, uint64_t *val)
{
    uint64_t off = st->sp & ones(st->bits / 8), linear = 0;
    uint8_t buf[8];

    if (!stack_linear(c, st, off, width, &linear) ||
        !soft_load_linear(c, linear, bank_of(c, st), buf, width))
        return false;
    *val = le_get(buf, width);
    move_sp(st, width);
    return true;
}

bool soft_stack_pop_all(struct soft_cpu *c, struct soft_stack *st, unsigned width, uint64_t *vals,
                        unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!soft_stack_pop(c, st, width, &vals[i]))
            return false;
    }
    return true;
}

void soft_stack_drop(struct soft_stack *st, uint64_t bytes)
{
    move_sp(st, bytes);
}

void soft_stack_commit(struct soft_cpu *c, const struct soft_stack *st)
{
    c->s.seg[X86_SS] = st->ss;
    c->s.gpr[X86_RSP] = st->bits == 32 ? (uint32_t)st->sp : st->sp;
}

/* ---- code ------------------------------------------------------------------------------------ */

bool soft_check_rip(struct soft_cpu *c, const struct x86_seg *cs, uint64_t rip)
{
    if (soft_long(c) && cs->l ? x86_canonical(rip) : rip <= cs->limit)
        return true;
    return soft_raise_error(c, VEC_GP, 0);
}

void soft_enter(struct soft_cpu *c, const struct x86_seg *cs, unsigned cpl, uint64_t rip)
{
    c->s.seg[X86_CS] = *cs;
    c->s.seg[X86_CS].selector = (uint16_t)((cs->selector & ~3u) | cpl);
    c->next_rip = rip;
    soft_mode_changed(c);
}

bool soft_enter_plain(struct soft_cpu *c, uint16_t selector, uint64_t rip)
{
    struct x86_seg cs = soft_plain_seg(&c->s.seg[X86_CS], selector, c->mode == X86_MODE_VM86);

    if (!soft_check_rip(c, &cs, rip))
        return false;
    c->s.seg[X86_CS] = cs;
    c->next_rip = rip;
    return true;
}

bool soft_check_long_code(struct soft_cpu *c, const struct x86_seg *cs)
{
    if (soft_long(c) && cs->l && cs->db)
        return soft_raise_selector(c, VEC_GP, cs->selector);
    return true;
}
