/* SPDX-License-Identifier: MIT */
/*
 * vme.c - virtual-8086 mode extensions: the flags that a program sees, and its own interrupt table
 *
 * Sources: SDM 3B, "Interrupt and Exception Handling in Virtual-8086 Mode" ("Class 2: Maskable Hardware Interrupt
 * Handling in Virtual-8086 Mode Using the Virtual Interrupt Mechanism"; "Class 3: Software Interrupt Handling in
 * Virtual-8086 Mode", table "Software Interrupt Handling Methods While in Virtual-8086 Mode"), "Protected-Mode Virtual
 * Interrupts"; SDM 2, PUSHF, POPF, IRET, INT n. CLI and STI are in system.c.
 *
 * The manual does not say with whose rights the program's table is read: here with the supervisor's, as the TSS is.
 */
#include "engine/soft/vme.h"

#include "engine/soft/far.h"
#include "engine/soft/mem.h"

enum { TSS_MAP_BASE = 0x66, TSS_MIN_LIMIT = 0x67, TSS_386 = 9, TSS_386_BUSY = 11 };
enum { REDIRECTION_BYTES = 32, IVT_ENTRY = 4 };

/* CF PF AF ZF SF TF DF OF NT. */
#define FLAGS_ANY UINT64_C(0x4dd5)

bool soft_vme(const struct soft_cpu *c)
{
    return c->mode == X86_MODE_VM86 && c->s.cr4 & X86_CR4_VME &&
           (~c->s.rflags & X86_RFLAGS_IOPL) != 0;
}

uint16_t soft_vme_flags(const struct soft_cpu *c)
{
    uint64_t flags = c->s.rflags & ~(uint64_t)X86_RFLAGS_IF;

    return (uint16_t)(flags | X86_RFLAGS_IOPL | (flags & X86_RFLAGS_VIF ? X86_RFLAGS_IF : 0));
}

bool soft_vme_load(struct soft_cpu *c, uint64_t image)
{
    uint64_t change = FLAGS_ANY | X86_RFLAGS_VIF;

    if (image & X86_RFLAGS_TF || (image & X86_RFLAGS_IF && c->s.rflags & X86_RFLAGS_VIP))
        return soft_raise_error(c, VEC_GP, 0);
    image = (image & FLAGS_ANY) | (image & X86_RFLAGS_IF ? X86_RFLAGS_VIF : 0);
    c->s.rflags = (c->s.rflags & ~change) | image;
    return true;
}

/* A bit each vector, in the 32 bytes below the I/O bitmap; set: not redirected. */
bool soft_vme_redirects(struct soft_cpu *c, unsigned vector, bool *redirected)
{
    const struct x86_seg *tr = &c->s.tr;
    uint8_t raw[2];
    uint64_t at;

    if (tr->unusable || !tr->present || (tr->type != TSS_386 && tr->type != TSS_386_BUSY) ||
        tr->limit < TSS_MIN_LIMIT)
        return soft_raise_error(c, VEC_GP, 0);
    if (!soft_sys_load(c, tr->base + TSS_MAP_BASE, raw, 2))
        return false;
    at = le_get(raw, 2) + vector / 8u;
    if (at < REDIRECTION_BYTES || at - REDIRECTION_BYTES > tr->limit)
        return soft_raise_error(c, VEC_GP, 0);
    if (!soft_sys_load(c, tr->base + at - REDIRECTION_BYTES, raw, 1))
        return false;
    *redirected = !(raw[0] >> vector % 8u & 1);
    return true;
}

bool soft_vme_interrupt(struct soft_cpu *c, unsigned vector)
{
    bool virtual = soft_vme(c);
    const uint64_t frame[] = { virtual ? soft_vme_flags(c) : (uint16_t)c->s.rflags,
                               c->s.seg[X86_CS].selector, c->next_rip };
    struct soft_stack st;
    uint8_t entry[IVT_ENTRY];

    soft_stack_current(c, &st);
    if (!soft_sys_load(c, vector * IVT_ENTRY, entry, sizeof(entry)) ||
        !soft_stack_push_all(c, &st, 2, frame, ARRAY_LEN(frame)) ||
        !soft_enter_plain(c, (uint16_t)le_get(entry + 2, 2), le_get(entry, 2)))
        return false;
    soft_stack_commit(c, &st);
    c->s.rflags &= ~(uint64_t)(X86_RFLAGS_TF | (virtual ? X86_RFLAGS_VIF : X86_RFLAGS_IF));
    c->no_step = true;
    return true;
}
