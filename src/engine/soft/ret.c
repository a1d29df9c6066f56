/* SPDX-License-Identifier: MIT */
/*
 * ret.c - far returns: RETF, and what IRET shares with it
 *
 * Sources: SDM 2, RET ("Far Return") and IRET; SDM 3A, "Returning from a Called Procedure". The order
 * of checks is that of the pseudocode there.
 */
#include "engine/soft/far.h"

#include "engine/soft/ops_far.h"

bool soft_check_return(struct soft_cpu *c, uint16_t selector, struct soft_return *r)
{
    const struct x86_seg *cs = &r->cs.seg;

    r->cpl = soft_rpl(selector);
    if (soft_null(selector))
        return soft_raise_error(c, VEC_GP, 0);
    if (!soft_read_desc(c, selector, VEC_GP, &r->cs))
        return false;
    if (!soft_is_code(cs) || r->cpl < c->cpl ||
        (soft_is_conforming(cs) ? cs->dpl > r->cpl : cs->dpl != r->cpl))
        return soft_raise_selector(c, VEC_GP, selector);
    if (!soft_check_long_code(c, cs))
        return false;
    if (!cs->present)
        return soft_raise_selector(c, VEC_NP, selector);
    return true;
}

bool soft_check_return_stack(struct soft_cpu *c, uint16_t selector, struct soft_return *r)
{
    r->has_ss = true;
    if (soft_null(selector) && soft_long(c) && r->cs.seg.l && r->cpl != 3) {
        r->ss.seg = soft_null_seg(selector, r->cpl);
        return true;
    }
    return soft_stack_desc(c, selector, r->cpl, VEC_GP, &r->ss);
}

/*
 * SDM 2, RET: data segments that the outer ring may not use become null. FS and GS keep their bases, as
 * the hidden parts do that 64-bit code uses.
 */
static void drop_segments(struct soft_cpu *c, unsigned cpl)
{
    static const uint8_t data[] = { X86_ES, X86_DS, X86_FS, X86_GS };

    for (unsigned i = 0; i < ARRAY_LEN(data); i++) {
        struct x86_seg *s = &c->s.seg[data[i]];
        uint64_t base = s->base;

        if (s->unusable || s->dpl >= cpl || soft_is_conforming(s))
            continue;
        *s = soft_null_seg(0, 0);
        s->base = base;
    }
}

/* A 16-bit stack segment takes only SP from what was popped; the rest of RSP stays. */
static void set_stack(struct soft_cpu *c, const struct soft_return *r)
{
    bool to_long = soft_long(c) && r->cs.seg.l;
    unsigned width = to_long ? 8 : r->ss.seg.db ? 4 : 2;

    soft_set_gpr(c, X86_RSP, width, r->sp);
    c->s.seg[X86_SS] = r->ss.seg;
    c->s.seg[X86_SS].dpl = (uint8_t)r->cpl;
}

void soft_take_return(struct soft_cpu *c, const struct soft_return *r)
{
    bool outer = r->cpl > c->cpl;

    if (r->has_ss)
        set_stack(c, r);
    soft_enter(c, &r->cs.seg, r->cpl, r->rip);
    if (outer)
        drop_segments(c, r->cpl);
}

/* ---- RETF ------------------------------------------------------------------------------------ */

static bool retf_plain(struct soft_cpu *c, struct soft_stack *st, unsigned width, unsigned drop)
{
    uint64_t frame[2];

    if (!soft_stack_pop_all(c, st, width, frame, 2) ||
        !soft_enter_plain(c, (uint16_t)frame[1], frame[0]))
        return false;
    soft_stack_drop(st, drop);
    soft_stack_commit(c, st);
    return true;
}

static bool retf_outer(struct soft_cpu *c, struct soft_stack *st, unsigned width, unsigned drop,
                       struct soft_return *r)
{
    struct soft_stack outer = { .bits = 64 };
    uint64_t frame[2];

    soft_stack_drop(st, drop);
    if (!soft_stack_pop_all(c, st, width, frame, 2) ||
        !soft_check_return_stack(c, (uint16_t)frame[1], r) ||
        !soft_check_rip(c, &r->cs.seg, r->rip) || !soft_mark_accessed(c, &r->cs))
        return false;
    /* The parameters are dropped from the outer stack too. */
    if (!(soft_long(c) && r->cs.seg.l))
        outer.bits = r->ss.seg.db ? 32 : 16;
    outer.sp = frame[0];
    soft_stack_drop(&outer, drop);
    r->sp = outer.sp;
    soft_take_return(c, r);
    return true;
}

bool op_retf(struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned drop = x86_insn_row(in)->imm == X86_IMM_NONE ? 0 : (uint16_t)in->imm;
    struct soft_return r = { 0 };
    struct soft_stack st;
    uint64_t frame[2];

    soft_stack_current(c, &st);
    if (soft_plain(c))
        return retf_plain(c, &st, in->opsize, drop);
    if (!soft_stack_pop_all(c, &st, in->opsize, frame, 2) ||
        !soft_check_return(c, (uint16_t)frame[1], &r))
        return false;
    r.rip = frame[0];
    if (r.cpl > c->cpl)
        return retf_outer(c, &st, in->opsize, drop, &r);
    if (!soft_check_rip(c, &r.cs.seg, r.rip) || !soft_mark_accessed(c, &r.cs))
        return false;
    soft_stack_drop(&st, drop);
    soft_stack_commit(c, &st);
    soft_take_return(c, &r);
    return true;
}
