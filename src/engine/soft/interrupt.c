/* SPDX-License-Identifier: MIT */
/*
 * interrupt.c - from a vector to its handler, in every mode
 *
 * Sources: SDM 2, "INT n/INTO/INT3/INT1" (pseudocode); SDM 3A, "Interrupt and Exception Handling"
 * ("Exception- or Interrupt-Handler Procedures", "Interrupt Tasks", "64-Bit Mode IDT", "Interrupt Stack
 * Table"), "Handling Exceptions and Interrupts in Virtual-8086 Mode".
 *
 * EXT in error codes is added by the caller, who knows what the event is.
 */
#include "engine/soft/far.h"

enum {
    IVT_ENTRY = 4,
    LEGACY_GATE = 8,
    LONG_GATE = 16,
    ERROR_IDT = 2,
    FRAME_MAX = 10,
    GATE_TRAP = 1
};

static uint32_t idt_error(const struct soft_event *ev)
{
    return ev->vector * 8u | ERROR_IDT;
}

/* ---- real mode ------------------------------------------------------------------------------- */

static bool enter_real(struct soft_cpu *c, const struct soft_event *ev)
{
    const uint64_t frame[] = { ev->rflags, c->s.seg[X86_CS].selector, ev->rip };
    unsigned at = ev->vector * IVT_ENTRY;
    struct soft_stack st;
    uint8_t entry[IVT_ENTRY];

    if (at + IVT_ENTRY - 1 > c->s.idtr.limit)
        return soft_raise_error(c, VEC_GP, idt_error(ev));
    soft_stack_current(c, &st);
    if (!soft_table_load(c, c->s.idtr.base + at, entry, sizeof(entry)) ||
        !soft_stack_push_all(c, &st, 2, frame, ARRAY_LEN(frame)) ||
        !soft_enter_plain(c, (uint16_t)le_get(entry + 2, 2), le_get(entry, 2)))
        return false;
    soft_stack_commit(c, &st);
    c->s.rflags &= ~(uint64_t)(X86_RFLAGS_IF | X86_RFLAGS_TF | X86_RFLAGS_AC | X86_RFLAGS_RF);
    soft_mode_changed(c);
    return true;
}

/* ---- gates ----------------------------------------------------------------------------------- */

static bool read_gate(struct soft_cpu *c, const struct soft_event *ev, struct soft_gate *gate)
{
    unsigned len = soft_long(c) ? LONG_GATE : LEGACY_GATE, at = ev->vector * len;
    uint8_t raw[LONG_GATE] = { 0 };

    if (at + len - 1 > c->s.idtr.limit)
        return soft_raise_error(c, VEC_GP, idt_error(ev));
    if (!soft_table_load(c, c->s.idtr.base + at, raw, len))
        return false;
    soft_parse_gate(le_get(raw, 8), le_get(raw + 8, 8), gate);
    return true;
}

static bool check_gate(struct soft_cpu *c, const struct soft_event *ev,
                       const struct soft_gate *gate)
{
    static const uint32_t legacy =
        BIT(SYS_TASK) | BIT(SYS_INT16) | BIT(SYS_TRAP16) | BIT(SYS_INT32) | BIT(SYS_TRAP32);
    static const uint32_t longs = BIT(SYS_INT32) | BIT(SYS_TRAP32);

    if (!((soft_long(c) ? longs : legacy) >> gate->type & 1))
        return soft_raise_error(c, VEC_GP, idt_error(ev));
    if (ev->software && gate->dpl < c->cpl)
        return soft_raise_error(c, VEC_GP, idt_error(ev));
    if (!gate->present)
        return soft_raise_error(c, VEC_NP, idt_error(ev));
    return true;
}

/* *inner: the handler runs in a ring further in, on its own stack. */
static bool check_code(struct soft_cpu *c, const struct x86_seg *cs, bool *inner)
{
    bool vm86 = c->mode == X86_MODE_VM86;

    if (!soft_is_code(cs) || cs->dpl > c->cpl || (soft_long(c) && (!cs->l || cs->db)))
        return soft_raise_selector(c, VEC_GP, cs->selector);
    if (!cs->present)
        return soft_raise_selector(c, VEC_NP, cs->selector);
    *inner = !soft_is_conforming(cs) && cs->dpl < c->cpl;
    if (vm86 && (!*inner || cs->dpl != 0))
        return soft_raise_selector(c, VEC_GP, cs->selector);
    return true;
}

static bool handler_stack(struct soft_cpu *c, const struct soft_gate *gate, bool inner,
                          unsigned cpl, struct soft_stack *st)
{
    bool longs = soft_long(c);

    soft_stack_current(c, st);
    if (inner || (longs && gate->ist != 0)) {
        if (!soft_stack_inner(c, cpl, longs ? gate->ist : 0, st))
            return false;
        if (!inner)
            st->ss = c->s.seg[X86_SS]; /* an IST entry changes RSP alone */
    }
    if (longs) {
        st->bits = 64;
        st->sp &= ~UINT64_C(15);
    }
    return true;
}

/* Fills frame in the order of pushing. */
static unsigned build_frame(const struct soft_cpu *c, const struct soft_event *ev, bool inner,
                            uint64_t frame[FRAME_MAX])
{
    static const uint8_t vm86_order[] = { X86_GS, X86_FS, X86_DS, X86_ES };
    unsigned n = 0;

    for (unsigned i = 0; c->mode == X86_MODE_VM86 && i < ARRAY_LEN(vm86_order); i++)
        frame[n++] = c->s.seg[vm86_order[i]].selector;
    if (inner || soft_long(c)) {
        frame[n++] = c->s.seg[X86_SS].selector;
        frame[n++] = c->s.gpr[X86_RSP];
    }
    frame[n++] = ev->rflags;
    frame[n++] = c->s.seg[X86_CS].selector;
    frame[n++] = ev->rip;
    if (ev->has_error)
        frame[n++] = ev->error;
    return n;
}

static void handler_flags(struct soft_cpu *c, const struct soft_gate *gate)
{
    uint64_t gone = X86_RFLAGS_TF | X86_RFLAGS_NT | X86_RFLAGS_RF | X86_RFLAGS_VM;

    if (!(gate->type & GATE_TRAP))
        gone |= X86_RFLAGS_IF;
    c->s.rflags &= ~gone;
}

static void null_data_segments(struct soft_cpu *c)
{
    static const uint8_t data[] = { X86_ES, X86_DS, X86_FS, X86_GS };

    for (unsigned i = 0; i < ARRAY_LEN(data); i++)
        c->s.seg[data[i]] = soft_null_seg(0, 0);
}

static bool enter_procedure(struct soft_cpu *c, const struct soft_event *ev,
                            const struct soft_gate *gate)
{
    unsigned width = soft_long(c) ? 8 : gate->type & SYS_32 ? 4 : 2;
    bool from_vm86 = c->mode == X86_MODE_VM86, inner = false;
    uint64_t frame[FRAME_MAX];
    struct soft_stack st;
    struct soft_desc cs;
    unsigned cpl;

    if (soft_null(gate->selector))
        return soft_raise_error(c, VEC_GP, 0);
    if (!soft_read_desc(c, gate->selector, VEC_GP, &cs) || !check_code(c, &cs.seg, &inner))
        return false;
    cpl = inner ? cs.seg.dpl : c->cpl;
    if (!handler_stack(c, gate, inner, cpl, &st) ||
        !soft_stack_push_all(c, &st, width, frame, build_frame(c, ev, inner, frame)) ||
        !soft_check_rip(c, &cs.seg, gate->offset) || !soft_mark_accessed(c, &cs))
        return false;
    soft_stack_commit(c, &st);
    handler_flags(c, gate);
    if (from_vm86)
        null_data_segments(c);
    soft_enter(c, &cs.seg, cpl, gate->offset);
    return true;
}

/* ---- task gates ------------------------------------------------------------------------------ */

static bool enter_task(struct soft_cpu *c, const struct soft_event *ev,
                       const struct soft_gate *gate)
{
    struct soft_task_from from = { .why = TASK_EVENT, .rip = ev->rip, .rflags = ev->rflags };
    struct soft_stack st;
    struct soft_desc tss;

    if (!soft_task_desc(c, gate->selector, VEC_GP, false, &tss) ||
        !soft_switch_task(c, &tss, &from))
        return false;
    if (!ev->has_error)
        return true;
    soft_stack_current(c, &st);
    if (!soft_stack_push(c, &st, tss.seg.type & SYS_32 ? 4 : 2, ev->error))
        return false;
    soft_stack_commit(c, &st);
    return true;
}

bool soft_enter_handler(struct soft_cpu *c, const struct soft_event *ev)
{
    struct soft_gate gate;

    if (c->mode == X86_MODE_REAL)
        return enter_real(c, ev);
    if (!read_gate(c, ev, &gate) || !check_gate(c, ev, &gate))
        return false;
    return gate.type == SYS_TASK ? enter_task(c, ev, &gate) : enter_procedure(c, ev, &gate);
}
