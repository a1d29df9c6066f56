/* SPDX-License-Identifier: MIT */
/* descriptor.h - eight bytes of a descriptor table as a segment register; used by the software CPU and by the views. */
#ifndef X86_DESCRIPTOR_H
#define X86_DESCRIPTOR_H

#include "x86/state.h"

/*
 * Code and data, SDM 3A "Segment Descriptors":
 *
 *  63      56 55 54 53 52 51    48 47 46 45 44 43  40 39              16 15             0
 *  base 31:24  G D/B L AVL lim19:16  P  DPL  S  type      base 23:0          limit 15:0
 */
static inline struct x86_seg x86_seg_of_desc(uint64_t raw, uint16_t selector)
{
    uint32_t limit = (uint32_t)((raw & 0xffff) | (raw >> 32 & 0xf0000));
    bool g = raw >> 55 & 1;

    return (struct x86_seg){
        .base = (raw >> 16 & 0xffffff) | (raw >> 32 & 0xff000000),
        .limit = g ? limit << 12 | 0xfff : limit,
        .selector = selector,
        .type = raw >> 40 & 0xf,
        .s = raw >> 44 & 1,
        .dpl = raw >> 45 & 3,
        .present = raw >> 47 & 1,
        .avl = raw >> 52 & 1,
        .l = raw >> 53 & 1,
        .db = raw >> 54 & 1,
        .g = g,
    };
}

#endif
