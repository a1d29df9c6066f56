/* SPDX-License-Identifier: MIT */
/*
 * gate.c - far JMP and CALL through a call gate
 *
 * Sources: SDM 2, CALL and JMP ("CALL-GATE"); SDM 3A, "Accessing a Code Segment Through a Call Gate",
 * "Stack Switching", "IA-32e Mode Call Gates".
 */
#include "engine/soft/far.h"

enum { PARAMS_MAX = 31, UPPER_TYPE_SHIFT = 40, UPPER_TYPE = 0x1f };

static bool check_gate(struct soft_cpu *c, uint16_t selector, const struct soft_desc *d,
                       const struct soft_gate *gate)
{
    /* In long mode the second half repeats the place of the type, which must be 0 there. */
    if (d->high >> UPPER_TYPE_SHIFT & UPPER_TYPE)
        return soft_raise_selector(c, VEC_GP, selector);
    if (!gate->present)
        return soft_raise_selector(c, VEC_NP, selector);
    if (soft_null(gate->selector))
        return soft_raise_error(c, VEC_GP, 0);
    return true;
}

/* *inner: the code runs in a ring further in. */
static bool check_target(struct soft_cpu *c, const struct soft_far *f, const struct x86_seg *cs,
                         bool *inner)
{
    *inner = f->call && !soft_is_conforming(cs) && cs->dpl < c->cpl;
    if (!soft_is_code(cs) || cs->dpl > c->cpl ||
        (!*inner && !soft_is_conforming(cs) && cs->dpl != c->cpl) ||
        (soft_long(c) && (!cs->l || cs->db)))
        return soft_raise_selector(c, VEC_GP, cs->selector);
    if (!cs->present)
        return soft_raise_selector(c, VEC_NP, cs->selector);
    return true;
}

/* The caller's parameters, the deepest first. */
static bool copy_params(struct soft_cpu *c, struct soft_stack *to, unsigned width, unsigned count)
{
    uint64_t params[PARAMS_MAX];
    struct soft_stack old;

    soft_stack_current(c, &old);
    if (!soft_stack_pop_all(c, &old, width, params, count))
        return false;
    while (count-- > 0) {
        if (!soft_stack_push(c, to, width, params[count]))
            return false;
    }
    return true;
}

/* SDM 2, CALL: "MORE-PRIVILEGE". */
static bool push_inner(struct soft_cpu *c, const struct soft_gate *gate, unsigned width,
                       unsigned cpl, struct soft_stack *st)
{
    const uint64_t old[] = { c->s.seg[X86_SS].selector, c->s.gpr[X86_RSP] };
    unsigned count = soft_long(c) ? 0 : gate->count;

    return soft_stack_inner(c, cpl, 0, st) &&
           soft_stack_push_all(c, st, width, old, ARRAY_LEN(old)) &&
           copy_params(c, st, width, count);
}

bool soft_through_call_gate(struct soft_cpu *c, const struct soft_far *f, const struct soft_desc *d)
{
    const uint64_t frame[] = { c->s.seg[X86_CS].selector, c->next_rip };
    unsigned width, cpl = c->cpl;
    struct soft_stack st;
    struct soft_desc cs;
    struct soft_gate gate;
    bool inner = false;

    soft_parse_gate(d->raw, d->high, &gate);
    width = soft_long(c) ? 8 : gate.type & SYS_32 ? 4 : 2;
    if (!check_gate(c, f->selector, d, &gate) || !soft_read_desc(c, gate.selector, VEC_GP, &cs) ||
        !check_target(c, f, &cs.seg, &inner))
        return false;
    soft_stack_current(c, &st);
    if (inner) {
        cpl = cs.seg.dpl;
        if (!push_inner(c, &gate, width, cpl, &st))
            return false;
    } else if (soft_long(c)) {
        st.bits = 64; /* the target is 64-bit code, whatever the caller was */
    }
    if ((f->call && !soft_stack_push_all(c, &st, width, frame, ARRAY_LEN(frame))) ||
        !soft_check_rip(c, &cs.seg, gate.offset) || !soft_mark_accessed(c, &cs))
        return false;
    if (f->call)
        soft_stack_commit(c, &st);
    soft_enter(c, &cs.seg, cpl, gate.offset);
    return true;
}
