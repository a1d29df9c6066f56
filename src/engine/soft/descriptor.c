/* SPDX-License-Identifier: MIT */
/*
 * descriptor.c - instructions that look at descriptors and load the table registers
 *
 * Source: SDM 2, the pages of LAR, LSL, VERR/VERW, ARPL, LLDT, LTR, SLDT, STR, LGDT/LIDT, SGDT, SIDT.
 * Mode and privilege (real mode, ring 0, UMIP) are conditions of the table's rows.
 */
#include "engine/soft/ops_far.h"
#include "engine/soft/segment.h"
#include "x86/canonical.h"

/* The row's operands, as for value functions. */
static bool with_operands(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o,
                          bool (*compute)(struct soft_cpu *c, struct soft_vals *o))
{
    return soft_load_operands(c, in, o) && compute(c, o) &&
           (o->no_write || soft_store_operands(c, in, o));
}

/* ---- LAR, LSL, VERR, VERW, ARPL -------------------------------------------------------------- */

/* Bit n: system type n is valid for the instruction. */
enum {
    LAR_TYPES = BIT(SYS_TSS16) | BIT(SYS_LDT) | BIT(SYS_TSS16_BUSY) | BIT(SYS_CALL16) |
                BIT(SYS_TASK) | BIT(SYS_TSS32) | BIT(SYS_TSS32_BUSY) | BIT(SYS_CALL32),
    LSL_TYPES =
        BIT(SYS_TSS16) | BIT(SYS_LDT) | BIT(SYS_TSS16_BUSY) | BIT(SYS_TSS32) | BIT(SYS_TSS32_BUSY),
    LAR_TYPES_LONG = BIT(SYS_LDT) | BIT(SYS_TSS32) | BIT(SYS_TSS32_BUSY) | BIT(SYS_CALL32),
    LSL_TYPES_LONG = BIT(SYS_LDT) | BIT(SYS_TSS32) | BIT(SYS_TSS32_BUSY),
};

enum {
    LAR_MASK = 0x00ffff00
}; /* with limit bits 19:16, undefined in the manual, as silicon gives them */

static void set_zf(struct soft_cpu *c, bool on)
{
    c->s.rflags = (c->s.rflags & ~(uint64_t)X86_RFLAGS_ZF) | (on ? X86_RFLAGS_ZF : 0);
}

/* Visible at this ring, with this RPL. */
static bool reachable(const struct soft_cpu *c, const struct x86_seg *s)
{
    return soft_is_conforming(s) || (s->dpl >= c->cpl && s->dpl >= soft_rpl(s->selector));
}

/* False on a fault; else ZF says whether *d may be looked at. */
static bool look(struct soft_cpu *c, uint16_t selector, unsigned types, struct soft_desc *d)
{
    bool there;

    if (!soft_peek_desc(c, selector, &there, d))
        return false;
    set_zf(c, there && reachable(c, &d->seg) && (d->seg.s || types >> d->seg.type & 1));
    return true;
}

static bool lar(struct soft_cpu *c, struct soft_vals *o)
{
    struct soft_desc d;

    if (!look(c, (uint16_t)o->v[1], soft_long(c) ? LAR_TYPES_LONG : LAR_TYPES, &d))
        return false;
    o->no_write = !(c->s.rflags & X86_RFLAGS_ZF);
    o->v[0] = d.raw >> 32 & LAR_MASK;
    return true;
}

static bool lsl(struct soft_cpu *c, struct soft_vals *o)
{
    struct soft_desc d;

    if (!look(c, (uint16_t)o->v[1], soft_long(c) ? LSL_TYPES_LONG : LSL_TYPES, &d))
        return false;
    o->no_write = !(c->s.rflags & X86_RFLAGS_ZF);
    o->v[0] = d.seg.limit;
    return true;
}

static bool verify(struct soft_cpu *c, uint16_t selector, bool write)
{
    struct soft_desc d;
    const struct x86_seg *s = &d.seg;

    if (!look(c, selector, 0, &d))
        return false;
    if (write)
        set_zf(c, c->s.rflags & X86_RFLAGS_ZF && !soft_is_code(s) && s->type & TYPE_WRITE);
    else
        set_zf(c, c->s.rflags & X86_RFLAGS_ZF && (!soft_is_code(s) || s->type & TYPE_READ));
    return true;
}

static bool verr(struct soft_cpu *c, struct soft_vals *o)
{
    return verify(c, (uint16_t)o->v[0], false);
}

static bool verw(struct soft_cpu *c, struct soft_vals *o)
{
    return verify(c, (uint16_t)o->v[0], true);
}

static bool arpl(struct soft_cpu *c, struct soft_vals *o)
{
    bool raise = (o->v[0] & 3) < (o->v[1] & 3);

    set_zf(c, raise);
    o->no_write = !raise;
    o->v[0] = (o->v[0] & ~UINT64_C(3)) | (o->v[1] & 3);
    return true;
}

bool op_lar(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_vals o;

    return with_operands(c, in, &o, lar);
}

bool op_lsl(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_vals o;

    return with_operands(c, in, &o, lsl);
}

bool op_verr(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_vals o;

    return with_operands(c, in, &o, verr);
}

bool op_verw(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_vals o;

    return with_operands(c, in, &o, verw);
}

bool op_arpl(struct soft_cpu *c, const struct x86_insn *in)
{
    uint64_t rflags = c->s.rflags;
    struct soft_vals o;

    if (with_operands(c, in, &o, arpl))
        return true;
    c->s.rflags = rflags;
    return false;
}

/* ---- LDTR and TR ----------------------------------------------------------------------------- */

enum { UPPER_TYPE_SHIFT = 40, UPPER_TYPE = 0x1f };

/* A system descriptor of the GDT with this type; in long mode the second half has none. */
static bool system_desc(struct soft_cpu *c, uint16_t selector, unsigned types, struct soft_desc *d)
{
    if (selector & SEL_TI)
        return soft_raise_selector(c, VEC_GP, selector);
    if (!soft_read_desc(c, selector, VEC_GP, d))
        return false;
    if (d->seg.s || !(types >> d->seg.type & 1) || d->high >> UPPER_TYPE_SHIFT & UPPER_TYPE)
        return soft_raise_selector(c, VEC_GP, selector);
    if (!d->seg.present)
        return soft_raise_selector(c, VEC_NP, selector);
    if (soft_long(c) && !x86_canonical(d->seg.base))
        return soft_raise_selector(c, VEC_GP, selector);
    return true;
}

static bool lldt(struct soft_cpu *c, struct soft_vals *o)
{
    uint16_t selector = (uint16_t)o->v[0];
    struct soft_desc d;

    if (soft_null(selector)) {
        c->s.ldtr = soft_null_seg(selector, 0);
        return true;
    }
    if (!system_desc(c, selector, BIT(SYS_LDT), &d))
        return false;
    c->s.ldtr = d.seg;
    return true;
}

static bool ltr(struct soft_cpu *c, struct soft_vals *o)
{
    uint16_t selector = (uint16_t)o->v[0];
    unsigned types = BIT(SYS_TSS32) | (soft_long(c) ? 0 : BIT(SYS_TSS16));
    struct soft_desc d;

    if (soft_null(selector))
        return soft_raise_error(c, VEC_GP, 0);
    if (!system_desc(c, selector, types, &d) || !soft_mark_busy(c, d.linear, true))
        return false;
    d.seg.type |= SYS_BUSY;
    c->s.tr = d.seg;
    return true;
}

static bool sldt(struct soft_cpu *c, struct soft_vals *o)
{
    o->v[0] = c->s.ldtr.selector;
    return true;
}

static bool str(struct soft_cpu *c, struct soft_vals *o)
{
    o->v[0] = c->s.tr.selector;
    return true;
}

bool op_lldt(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_vals o;

    return with_operands(c, in, &o, lldt);
}

bool op_ltr(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_vals o;

    return with_operands(c, in, &o, ltr);
}

bool op_sldt(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_vals o;

    return with_operands(c, in, &o, sldt);
}

bool op_str(struct soft_cpu *c, const struct x86_insn *in)
{
    struct soft_vals o;

    return with_operands(c, in, &o, str);
}

/* ---- GDTR and IDTR --------------------------------------------------------------------------- */

static bool load_table(struct soft_cpu *c, const struct x86_insn *in, struct x86_dtable *t)
{
    unsigned width = in->code == X86_CODE_64 ? 8 : 4;
    uint64_t ea = soft_ea(c, in), limit, base;

    if (!soft_load(c, in->seg, ea, 2, &limit) ||
        !soft_load(c, in->seg, (ea + 2) & ones(in->addrsize), width, &base))
        return false;
    if (in->opsize == 2)
        base &= 0xffffff;
    if (width == 8 && !x86_canonical(base))
        return soft_raise_error(c, VEC_GP, 0);
    *t = (struct x86_dtable){ .base = base, .limit = (uint16_t)limit };
    return true;
}

/* The operand size does not matter: a 32-bit processor stores all of the base. */
static bool store_table(struct soft_cpu *c, const struct x86_insn *in, const struct x86_dtable *t)
{
    unsigned width = in->code == X86_CODE_64 ? 8 : 4;
    uint64_t ea = soft_ea(c, in), base = (ea + 2) & ones(in->addrsize);

    return soft_can_write(c, in->seg, base, width) && soft_store(c, in->seg, ea, 2, t->limit) &&
           soft_store(c, in->seg, base, width, t->base);
}

bool op_lgdt(struct soft_cpu *c, const struct x86_insn *in)
{
    return load_table(c, in, &c->s.gdtr);
}

bool op_lidt(struct soft_cpu *c, const struct x86_insn *in)
{
    return load_table(c, in, &c->s.idtr);
}

bool op_sgdt(struct soft_cpu *c, const struct x86_insn *in)
{
    return store_table(c, in, &c->s.gdtr);
}

bool op_sidt(struct soft_cpu *c, const struct x86_insn *in)
{
    return store_table(c, in, &c->s.idtr);
}
