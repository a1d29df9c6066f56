/* SPDX-License-Identifier: MIT */
/*
 * far.c - far JMP and CALL
 *
 * Sources: SDM 2, JMP and CALL ("Far Jumps", "Far Calls"); SDM 3A, "Direct Calls or Jumps to Code
 * Segments" and "Task Switching".
 */
#include "engine/soft/far.h"

#include "engine/soft/ops_far.h"

static bool push_return(struct soft_cpu *c, const struct soft_far *f, struct soft_stack *st)
{
    const uint64_t frame[] = { c->s.seg[X86_CS].selector, c->next_rip };

    soft_stack_current(c, st);
    return soft_stack_push_all(c, st, f->width, frame, ARRAY_LEN(frame));
}

/* SDM 2, CALL: "REAL-ADDRESS MODE or VIRTUAL-8086 MODE". */
static bool far_plain(struct soft_cpu *c, const struct soft_far *f)
{
    struct soft_stack st;

    if (f->call && !push_return(c, f, &st))
        return false;
    if (!soft_enter_plain(c, f->selector, f->offset))
        return false;
    if (f->call)
        soft_stack_commit(c, &st);
    return true;
}

/* A call and a jump to code never change the ring: conforming code runs in that of its caller. */
static bool check_code(struct soft_cpu *c, uint16_t selector, const struct x86_seg *cs)
{
    bool allowed = soft_is_conforming(cs) ? cs->dpl <= c->cpl
                                          : soft_rpl(selector) <= c->cpl && cs->dpl == c->cpl;

    if (!soft_is_code(cs) || !allowed)
        return soft_raise_selector(c, VEC_GP, selector);
    if (!soft_check_long_code(c, cs))
        return false;
    if (!cs->present)
        return soft_raise_selector(c, VEC_NP, selector);
    return true;
}

static bool far_code(struct soft_cpu *c, const struct soft_far *f, struct soft_desc *d)
{
    struct soft_stack st;

    if (!check_code(c, f->selector, &d->seg) || (f->call && !push_return(c, f, &st)) ||
        !soft_check_rip(c, &d->seg, f->offset) || !soft_mark_accessed(c, d))
        return false;
    if (f->call)
        soft_stack_commit(c, &st);
    soft_enter(c, &d->seg, c->cpl, f->offset);
    return true;
}

static bool far_task(struct soft_cpu *c, const struct soft_far *f, const struct soft_desc *tss)
{
    struct soft_task_from from = {
        .why = f->call ? TASK_CALL : TASK_JMP,
        .rip = c->next_rip,
        .rflags = c->s.rflags & ~(uint64_t)X86_RFLAGS_RF,
    };

    return soft_switch_task(c, tss, &from);
}

/* SDM 2, CALL: "TASK-GATE". */
static bool far_task_gate(struct soft_cpu *c, const struct soft_far *f, const struct soft_desc *d)
{
    struct soft_desc tss;
    struct soft_gate gate;

    soft_parse_gate(d->raw, 0, &gate);
    if (!gate.present)
        return soft_raise_selector(c, VEC_NP, f->selector);
    return soft_task_desc(c, gate.selector, VEC_GP, false, &tss) && far_task(c, f, &tss);
}

/* System descriptors: gates and, outside long mode, tasks. */
static bool far_system(struct soft_cpu *c, const struct soft_far *f, const struct soft_desc *d)
{
    bool allowed = d->seg.dpl >= c->cpl && d->seg.dpl >= soft_rpl(f->selector);
    bool longs = soft_long(c);
    unsigned type = d->seg.type;

    if (!allowed)
        return soft_raise_selector(c, VEC_GP, f->selector);
    if (type == SYS_CALL32 || (type == SYS_CALL16 && !longs))
        return soft_through_call_gate(c, f, d);
    if (type == SYS_TASK && !longs)
        return far_task_gate(c, f, d);
    if ((type != SYS_TSS16 && type != SYS_TSS32) || f->selector & SEL_TI || longs)
        return soft_raise_selector(c, VEC_GP, f->selector);
    if (!d->seg.present)
        return soft_raise_selector(c, VEC_NP, f->selector);
    return far_task(c, f, d);
}

static bool far_transfer(struct soft_cpu *c, const struct soft_far *f)
{
    struct soft_desc d;

    if (soft_plain(c))
        return far_plain(c, f);
    if (soft_null(f->selector))
        return soft_raise_error(c, VEC_GP, 0);
    if (!soft_read_desc(c, f->selector, VEC_GP, &d))
        return false;
    return d.seg.s ? far_code(c, f, &d) : far_system(c, f, &d);
}

/* The pointer in the instruction, or in memory: the offset first. */
static bool far_operand(struct soft_cpu *c, const struct x86_insn *in, struct soft_far *f)
{
    uint64_t ea, selector;

    f->width = in->opsize;
    if (!(in->flags & X86_INSN_MEM)) {
        f->offset = in->imm;
        f->selector = in->imm2;
        return true;
    }
    ea = soft_ea(c, in);
    if (!soft_load(c, in->seg, ea, in->opsize, &f->offset) ||
        !soft_load(c, in->seg, (ea + in->opsize) & ones(in->addrsize), 2, &selector))
        return false;
    f->selector = (uint16_t)selector;
    return true;
}

bool op_jmpf(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_far f = { .call = false };

    return far_operand(c, in, &f) && far_transfer(c, &f);
}

bool op_callf(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_far f = { .call = true };

    return far_operand(c, in, &f) && far_transfer(c, &f);
}
