/* SPDX-License-Identifier: MIT */
/*
 * fast_segment.c - MOV and POP of DS, ES, FS and GS in flat 32-bit code
 *
 * Source: SDM 2, MOV and POP; SDM 3A, "Segment Registers". A null selector for FS and GS, and flat data segments of the
 * GDT, which are present and have been accessed; DS and ES must have no base. All others are the interpreter's.
 */
#include "engine/soft/trans/fast_ring.h"
#include "engine/soft/trans/flat32.h"

static bool data_segment(const struct soft_cpu *c, uint16_t selector, struct x86_seg *seg)
{
    return fast_descriptor(c, selector, seg) && flat32_data(seg) && seg->dpl >= c->cpl;
}

static void set(struct trans_frame *f, unsigned seg, const struct x86_seg *to)
{
    struct soft_cpu *c = f->trans->c;
    unsigned nth = seg == X86_GS;

    c->s.seg[seg] = *to;
    if (seg != X86_FS && seg != X86_GS)
        return;
    f->seg_base[nth] = to->base;
    f->seg_poison[nth] = flat32_poison(c, seg);
}

/* The selector is in frame.temp. */
bool trans_segment(struct trans_frame *f, const struct site *at)
{
    uint16_t selector = (uint16_t)f->temp;
    bool has_base = at->how == X86_FS || at->how == X86_GS;
    struct x86_seg seg;

    if (soft_null(selector) && has_base)
        seg = (struct x86_seg){ .selector = selector, .unusable = true };
    else if (!data_segment(f->trans->c, selector, &seg) || (seg.base != 0 && !has_base))
        return false;
    set(f, at->how, &seg);
    f->shadow = 0;
    return true;
}
