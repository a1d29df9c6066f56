/* SPDX-License-Identifier: MIT */
/*
 * task.c - the hardware task switch
 *
 * Source: SDM 3A, chapter "Task Management" ("Task Switching", "Task Linking", table "Exception
 * Conditions Checked During a Task Switch", "16-Bit Task-State Segment (TSS)").
 *
 * Memory is read and written before any register changes, so a fault on the way leaves the old task as
 * it was. From then on faults are the new task's: selectors are loaded one after the other, those not
 * reached yet being unusable. No device is asked then, since the old task's instruction cannot start
 * over: see soft_float_devices.
 */
#include "engine/soft/far.h"

#include "engine/soft/ops_sys.h"

/* Offsets of a TSS form; words are `width` bytes wide and gpr[0..7] follow flags. */
struct tss_form {
    uint8_t width, nsegs;
    uint8_t min_limit;
    uint8_t cr3, ip, flags, gpr, seg, ldt; /* cr3 0: the form has none */
    uint8_t seg_step;
};

static const struct tss_form form16 = {
    .width = 2,
    .nsegs = 4,
    .min_limit = 0x2b,
    .ip = 0x0e,
    .flags = 0x10,
    .gpr = 0x12,
    .seg = 0x22,
    .ldt = 0x2a,
    .seg_step = 2,
};

static const struct tss_form form32 = {
    .width = 4,
    .nsegs = 6,
    .min_limit = 0x67,
    .cr3 = 0x1c,
    .ip = 0x20,
    .flags = 0x24,
    .gpr = 0x28,
    .seg = 0x48,
    .ldt = 0x60,
    .seg_step = 4,
};

enum { TSS_MAX = 0x68, TSS_TRAP = 0x64, TSS_NGPR = 8, TSS_LINK = 2 };
enum { DR7_LOCAL = 0x155 }; /* L0..L3 and LE */

#define FLAGS_LOADED UINT64_C(0x3f7fd5) /* all that exist */

struct task {
    const struct tss_form *form;
    struct soft_desc tss;
    uint8_t image[TSS_MAX];
};

static const struct tss_form *form_of(unsigned type)
{
    return type & SYS_32 ? &form32 : &form16;
}

/* SDM 2, CALL "TASK-GATE" and IRET "TASK-RETURN". */
bool soft_task_desc(struct soft_cpu *c, uint16_t selector, enum soft_vector bad, bool busy,
                    struct soft_desc *out)
{
    unsigned want = busy ? SYS_BUSY : 0;

    if (selector & SEL_TI || soft_null(selector))
        return soft_raise_selector(c, bad, selector);
    if (!soft_read_desc(c, selector, bad, out))
        return false;
    if (out->seg.s || (out->seg.type & ~(unsigned)SYS_32) != (SYS_TSS16 | want))
        return soft_raise_selector(c, bad, selector);
    if (!out->seg.present)
        return soft_raise_selector(c, VEC_NP, selector);
    return true;
}

/* ---- the old task goes ----------------------------------------------------------------------- */

/* What is saved lies between the instruction pointer and the last selector. */
static bool save(struct soft_cpu *c, const struct soft_task_from *from)
{
    const struct tss_form *form = form_of(c->s.tr.type);
    unsigned end = form->seg + form->nsegs * form->seg_step;
    uint64_t rflags = from->rflags;
    uint8_t image[TSS_MAX];

    if (end - 1u > c->s.tr.limit)
        return soft_raise_selector(c, VEC_TS, c->s.tr.selector);
    if (from->why == TASK_IRET)
        rflags &= ~(uint64_t)X86_RFLAGS_NT;
    if (!soft_table_load(c, c->s.tr.base, image, end))
        return false;
    le_put(image + form->ip, form->width, from->rip);
    le_put(image + form->flags, form->width, rflags);
    for (unsigned i = 0; i < TSS_NGPR; i++)
        le_put(image + form->gpr + i * form->width, form->width, c->s.gpr[i]);
    for (unsigned i = 0; i < form->nsegs; i++)
        le_put(image + form->seg + i * form->seg_step, 2, c->s.seg[i].selector);
    return soft_table_store(c, c->s.tr.base + form->ip, image + form->ip, end - form->ip);
}

/* Busy bits and the back link. */
static bool link_tasks(struct soft_cpu *c, const struct task *t, enum soft_task_why why)
{
    uint64_t old = c->s.gdtr.base + (c->s.tr.selector & 0xfff8);
    uint8_t link[TSS_LINK];

    le_put(link, TSS_LINK, c->s.tr.selector);
    if ((why == TASK_CALL || why == TASK_EVENT) &&
        !soft_table_store(c, t->tss.seg.base, link, TSS_LINK))
        return false;
    if ((why == TASK_JMP || why == TASK_IRET) && !soft_mark_busy(c, old, false))
        return false;
    return why == TASK_IRET || soft_mark_busy(c, t->tss.linear, true);
}

/* ---- the new task comes ---------------------------------------------------------------------- */

static uint16_t segment_of(const struct task *t, unsigned i)
{
    const struct tss_form *form = t->form;

    return i < form->nsegs ? (uint16_t)le_get(t->image + form->seg + i * form->seg_step, 2) : 0;
}

static bool load_cr3(struct soft_cpu *c, const struct task *t)
{
    if (t->form->cr3 == 0 || !(c->s.cr0 & X86_CR0_PG))
        return true;
    return soft_set_cr3(c, le_get(t->image + t->form->cr3, 4));
}

/* All that cannot fail. Segments hold their selectors, and are not usable yet. */
static void load_registers(struct soft_cpu *c, const struct task *t, enum soft_task_why why)
{
    const struct tss_form *form = t->form;
    uint64_t rflags = le_get(t->image + form->flags, form->width) & FLAGS_LOADED;
    unsigned cpl = rflags & X86_RFLAGS_VM ? 3 : soft_rpl(segment_of(t, X86_CS));

    for (unsigned i = 0; i < TSS_NGPR; i++)
        c->s.gpr[i] = le_get(t->image + form->gpr + i * form->width, form->width);
    if (why == TASK_CALL || why == TASK_EVENT)
        rflags |= X86_RFLAGS_NT;
    c->s.rflags = rflags | X86_RFLAGS_FIXED;
    c->s.rip = le_get(t->image + form->ip, form->width);
    c->next_rip = c->s.rip;
    for (unsigned i = 0; i < X86_NSREG; i++)
        c->s.seg[i] = soft_null_seg(segment_of(t, i), cpl);
    c->s.ldtr = soft_null_seg((uint16_t)le_get(t->image + form->ldt, 2), 0);
    c->s.tr = t->tss.seg;
    c->s.tr.type |= SYS_BUSY;
    c->s.cr0 |= X86_CR0_TS;
    c->s.dr7 &= ~(uint64_t)DR7_LOCAL;
    c->keep_rf = true;
    c->no_step = true;
    soft_mode_changed(c);
}

static bool load_ldt(struct soft_cpu *c)
{
    uint16_t selector = c->s.ldtr.selector;
    struct soft_desc d;

    if (soft_null(selector))
        return true;
    if (selector & SEL_TI)
        return soft_raise_selector(c, VEC_TS, selector);
    if (!soft_read_desc(c, selector, VEC_TS, &d))
        return false;
    if (d.seg.s || d.seg.type != SYS_LDT || !d.seg.present)
        return soft_raise_selector(c, VEC_TS, selector);
    c->s.ldtr = d.seg;
    return true;
}

static bool load_code(struct soft_cpu *c, uint16_t selector)
{
    struct soft_desc d;
    const struct x86_seg *cs = &d.seg;
    unsigned rpl = soft_rpl(selector);

    if (soft_null(selector))
        return soft_raise_selector(c, VEC_TS, selector);
    if (!soft_read_desc(c, selector, VEC_TS, &d))
        return false;
    if (!soft_is_code(cs) || (soft_is_conforming(cs) ? cs->dpl > rpl : cs->dpl != rpl))
        return soft_raise_selector(c, VEC_TS, selector);
    if (!cs->present)
        return soft_raise_selector(c, VEC_NP, selector);
    if (!soft_mark_accessed(c, &d))
        return false;
    c->s.seg[X86_CS] = d.seg;
    return true;
}

static bool load_segments(struct soft_cpu *c)
{
    static const uint8_t data[] = { X86_DS, X86_ES, X86_FS, X86_GS };
    struct soft_desc d;

    if (c->s.rflags & X86_RFLAGS_VM) {
        for (unsigned i = 0; i < X86_NSREG; i++)
            c->s.seg[i] = soft_plain_seg(&c->s.seg[i], c->s.seg[i].selector, true);
        return load_ldt(c);
    }
    if (!load_ldt(c) || !load_code(c, c->s.seg[X86_CS].selector) ||
        !soft_stack_desc(c, c->s.seg[X86_SS].selector, c->cpl, VEC_TS, &d))
        return false;
    c->s.seg[X86_SS] = d.seg;
    for (unsigned i = 0; i < ARRAY_LEN(data); i++) {
        struct x86_seg *s = &c->s.seg[data[i]];

        if (soft_null(s->selector))
            continue;
        if (!soft_data_desc(c, s->selector, c->cpl, VEC_TS, &d))
            return false;
        *s = d.seg;
    }
    return true;
}

bool soft_switch_task(struct soft_cpu *c, const struct soft_desc *tss,
                      const struct soft_task_from *from)
{
    struct task t = { .form = form_of(tss->seg.type), .tss = *tss };
    bool loaded;

    if (tss->seg.limit < t.form->min_limit)
        return soft_raise_selector(c, VEC_TS, tss->seg.selector);
    if (!soft_table_load(c, tss->seg.base, t.image, t.form->min_limit + 1u) || !save(c, from) ||
        !link_tasks(c, &t, from->why) || !load_cr3(c, &t))
        return false;
    soft_float_devices(c);
    load_registers(c, &t, from->why);
    loaded = load_segments(c);
    soft_mode_changed(c);
    if (c->stop.kind == SOFT_EXIT)
        return soft_shut_down(c, "the descriptors of a new task lie in device memory");
    if (!loaded || !soft_check_rip(c, &c->s.seg[X86_CS], c->next_rip))
        return false;
    if (t.form == &form32 && t.image[TSS_TRAP] & 1)
        c->trap_dr6 |= X86_DR6_BT;
    return true;
}
