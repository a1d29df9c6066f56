/* SPDX-License-Identifier: MIT */
/*
 * flat.h - what SYSCALL, SYSRET, SYSENTER and SYSEXIT load without looking at any descriptor
 *
 * Source: SDM 2, the pages of the four. Used by the interpreter (syscall.c) and by translated code (trans/fast.c).
 */
#ifndef ENGINE_SOFT_FLAT_H
#define ENGINE_SOFT_FLAT_H

#include "engine/soft/segment.h"

/* Of R11, what SYSRET takes into RFLAGS. */
#define SOFT_SYSRET_FLAGS UINT64_C(0x3c7fd7)

/* Selectors from the one in IA32_STAR. */
enum { SOFT_SS_AFTER_CS = 8, SOFT_SYSRET_CS64 = 16 };

static inline struct x86_seg soft_flat_code(uint16_t selector, unsigned dpl, bool is64)
{
    return (struct x86_seg){
        .selector = selector,
        .limit = UINT32_MAX,
        .type = TYPE_CODE | TYPE_READ | TYPE_ACCESSED,
        .s = true,
        .dpl = (uint8_t)dpl,
        .present = true,
        .l = is64,
        .db = !is64,
        .g = true,
    };
}

static inline struct x86_seg soft_flat_stack(uint16_t selector, unsigned dpl)
{
    return (struct x86_seg){
        .selector = selector,
        .limit = UINT32_MAX,
        .type = TYPE_WRITE | TYPE_ACCESSED,
        .s = true,
        .dpl = (uint8_t)dpl,
        .present = true,
        .db = true,
        .g = true,
    };
}

#endif
