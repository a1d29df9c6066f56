/* SPDX-License-Identifier: MIT */
/*
 * segment.c - descriptors: reading, checking, loading into segment registers
 *
 * Sources: SDM 3A "Segment Descriptors", "Privilege Level Checking When Accessing Data Segments",
 * "Privilege Level Checking when Loading the SS Register"; SDM 2, MOV and LAR.
 */
#include "engine/soft/segment.h"

#include "engine/soft/ops.h"
#include "x86/canonical.h"

bool soft_raise_selector(struct soft_cpu *c, enum soft_vector vector, uint16_t selector)
{
    return soft_raise_error(c, vector, selector & 0xfffc);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static bool table_linear(struct soft_cpu *c, uint64_t *linear, unsigned len)
{
    if (!soft_long(c)) {
        *linear = (uint32_t)*linear;
        return true;
    }
    if (!x86_canonical(*linear) || !x86_canonical(*linear + len - 1))
        return soft_raise_error(c, VEC_GP, 0);
    return true;
}

bool soft_table_load(struct soft_cpu *c, uint64_t linear, void *dst, unsigned len)
{
    return table_linear(c, &linear, len) && soft_sys_load(c, linear, dst, len);
}

bool soft_table_store(struct soft_cpu *c, uint64_t linear, const void *src, unsigned len)
{
    return table_linear(c, &linear, len) && soft_sys_store(c, linear, src, len);
}

/* ---- parsing --------------------------------------------------------------------------------- */

void soft_parse_desc(uint64_t raw, uint16_t selector, struct x86_seg *out)
{
    *out = x86_seg_of_desc(raw, selector);
}

/*
 *  63            48 47 46 45 44 43  40 39 37 36    32 31        16 15            0
 *   offset 31:16     P  DPL  0   type    0    count    selector     offset 15:0
 *                                              (IST: bits 34:32)
 */
void soft_parse_gate(uint64_t raw, uint64_t high, struct soft_gate *out)
{
    *out = (struct soft_gate){
        .type = raw >> 40 & 0x1f, /* with S, which no gate has */
        .dpl = raw >> 45 & 3,
        .present = raw >> 47 & 1,
        .count = raw >> 32 & 0x1f,
        .ist = raw >> 32 & 7,
        .selector = raw >> 16 & 0xffff,
        .offset = (raw & 0xffff) | (raw >> 32 & 0xffff0000) | high << 32,
    };
    if (!(out->type & SYS_32))
        out->offset &= 0xffff;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool place_of(const struct soft_cpu *c, uint16_t selector, unsigned len, uint64_t *linear)
{
    const struct x86_seg *ldt = &c->s.ldtr;
    uint64_t base = c->s.gdtr.base;
    uint32_t limit = c->s.gdtr.limit, at = selector & 0xfff8;

    if (selector & SEL_TI) {
        if (ldt->unusable || !ldt->present)
            return false;
        base = ldt->base;
        limit = ldt->limit;
    }
    *linear = base + at;
    return at + len - 1 <= limit;
}

static bool read_half(struct soft_cpu *c, uint64_t linear, uint64_t *out)
{
    uint8_t buf[8];

    if (!soft_table_load(c, linear, buf, sizeof(buf)))
        return false;
    *out = le_get(buf, 8);
    return true;
}

bool soft_peek_desc(struct soft_cpu *c, uint16_t selector, bool *there, struct soft_desc *out)
{
    *out = (struct soft_desc){ 0 };
    *there = !soft_null(selector) && place_of(c, selector, 8, &out->linear);
    if (!*there)
        return true;
    if (!read_half(c, out->linear, &out->raw))
        return false;
    soft_parse_desc(out->raw, selector, &out->seg);
    return true;
}

bool soft_read_desc(struct soft_cpu *c, uint16_t selector, enum soft_vector outside,
                    struct soft_desc *out)
{
    uint64_t linear;
    bool there;

    if (!soft_peek_desc(c, selector, &there, out))
        return false;
    if (!there)
        return soft_raise_selector(c, outside, selector);
    /* SDM 3A, "Segment Descriptor Tables in IA-32e Mode": system descriptors have 16 bytes. */
    if (!soft_long(c) || out->seg.s)
        return true;
    if (!place_of(c, selector, 16, &linear))
        return soft_raise_selector(c, outside, selector);
    if (!read_half(c, linear + 8, &out->high))
        return false;
    out->seg.base |= out->high << 32;
    return true;
}

/* ---- bits in the table ----------------------------------------------------------------------- */

/* The byte that holds type, S, DPL and P. */
enum { ACCESS_BYTE = 5 };

bool soft_mark_accessed(struct soft_cpu *c, struct soft_desc *d)
{
    uint8_t byte = (uint8_t)(d->raw >> 40 | TYPE_ACCESSED);

    if (d->seg.type & TYPE_ACCESSED)
        return true;
    if (!soft_table_store(c, d->linear + ACCESS_BYTE, &byte, 1))
        return false;
    d->seg.type |= TYPE_ACCESSED;
    d->raw |= (uint64_t)TYPE_ACCESSED << 40;
    return true;
}

bool soft_mark_busy(struct soft_cpu *c, uint64_t linear, bool busy)
{
    uint8_t byte;

    if (!soft_table_load(c, linear + ACCESS_BYTE, &byte, 1))
        return false;
    byte = (uint8_t)(busy ? byte | SYS_BUSY : byte & ~SYS_BUSY);
    return soft_table_store(c, linear + ACCESS_BYTE, &byte, 1);
}

/* ---- checks ---------------------------------------------------------------------------------- */

bool soft_data_desc(struct soft_cpu *c, uint16_t selector, unsigned cpl, enum soft_vector bad,
                    struct soft_desc *out)
{
    const struct x86_seg *s = &out->seg;

    if (!soft_read_desc(c, selector, bad, out))
        return false;
    if (!s->s || (s->type & TYPE_CODE && !(s->type & TYPE_READ)))
        return soft_raise_selector(c, bad, selector);
    if (!soft_is_conforming(s) && (soft_rpl(selector) > s->dpl || cpl > s->dpl))
        return soft_raise_selector(c, bad, selector);
    if (!s->present)
        return soft_raise_selector(c, VEC_NP, selector);
    return soft_mark_accessed(c, out);
}

bool soft_stack_desc(struct soft_cpu *c, uint16_t selector, unsigned cpl, enum soft_vector bad,
                     struct soft_desc *out)
{
    const struct x86_seg *s = &out->seg;

    if (soft_null(selector))
        return soft_raise_error(c, bad, 0);
    if (!soft_read_desc(c, selector, bad, out))
        return false;
    if (soft_rpl(selector) != cpl || !s->s || s->type & TYPE_CODE || !(s->type & TYPE_WRITE) ||
        s->dpl != cpl)
        return soft_raise_selector(c, bad, selector);
    if (!s->present)
        return soft_raise_selector(c, VEC_SS, selector);
    return soft_mark_accessed(c, out);
}

/* ---- loading --------------------------------------------------------------------------------- */

/* SDM 3A, "Real-Address Mode": limit and attributes stay as they were; "8086 Emulation": they do not. */
struct x86_seg soft_plain_seg(const struct x86_seg *old, uint16_t selector, bool vm86)
{
    struct x86_seg s = *old;

    if (vm86)
        s = (struct x86_seg){ .limit = 0xffff, .dpl = 3, .type = TYPE_WRITE | TYPE_ACCESSED };
    s.selector = selector;
    s.base = (uint64_t)selector << 4;
    s.s = true;
    s.present = true;
    s.unusable = false;
    return s;
}

struct x86_seg soft_null_seg(uint16_t selector, unsigned dpl)
{
    return (struct x86_seg){ .selector = selector, .dpl = (uint8_t)dpl, .unusable = true };
}

static bool load_stack(struct soft_cpu *c, uint16_t selector)
{
    struct soft_desc d;

    if (c->mode == X86_MODE_LONG && soft_null(selector) && c->cpl != 3 &&
        soft_rpl(selector) == c->cpl) {
        c->s.seg[X86_SS] = soft_null_seg(selector, c->cpl);
    } else {
        if (!soft_stack_desc(c, selector, c->cpl, VEC_GP, &d))
            return false;
        c->s.seg[X86_SS] = d.seg;
    }
    soft_mode_changed(c);
    return true;
}

bool soft_load_segment(struct soft_cpu *c, unsigned seg, uint16_t selector)
{
    struct soft_desc d;

    if (soft_plain(c)) {
        c->s.seg[seg] = soft_plain_seg(&c->s.seg[seg], selector, c->mode == X86_MODE_VM86);
        return true;
    }
    if (seg == X86_SS)
        return load_stack(c, selector);
    if (soft_null(selector)) {
        c->s.seg[seg] = soft_null_seg(selector, 0);
        return true;
    }
    if (!soft_data_desc(c, selector, c->cpl, VEC_GP, &d))
        return false;
    c->s.seg[seg] = d.seg;
    return true;
}
