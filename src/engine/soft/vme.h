/* SPDX-License-Identifier: MIT */
/* vme.h - virtual interrupts: virtual-8086 mode extensions and those of protected mode; used by the interpreter. */
#ifndef ENGINE_SOFT_VME_H
#define ENGINE_SOFT_VME_H

#include "engine/soft/cpu.h"

/* Virtual-8086 mode with IOPL below 3 and CR4.VME: VIF stands for IF in what the program sees of its flags. */
bool soft_vme(const struct soft_cpu *c);

/* FLAGS as PUSHF and INT n push them where soft_vme: IF is VIF, IOPL is 3. */
uint16_t soft_vme_flags(const struct soft_cpu *c);

/* POPF and IRET where soft_vme: takes an image, or raises #GP(0) when the monitor has to look at it. */
bool soft_vme_load(struct soft_cpu *c, uint64_t image);

/* INT n in virtual-8086 mode with CR4.VME: *redirected, whether the 8086 program's own table has the handler. */
bool soft_vme_redirects(struct soft_cpu *c, unsigned vector, bool *redirected);
/* Goes to that handler. */
bool soft_vme_interrupt(struct soft_cpu *c, unsigned vector);

/* Before an instruction: an interrupt is pending and virtual interrupts are on, which is #GP(0). */
static inline bool soft_virtual_due(const struct soft_cpu *c)
{
    const uint64_t due = X86_RFLAGS_VIF | X86_RFLAGS_VIP;
    uint64_t on = c->mode == X86_MODE_VM86 ? X86_CR4_VME : X86_CR4_PVI;

    return (c->s.rflags & due) == due && c->cpl == 3 && c->s.cr4 & on &&
           (~c->s.rflags & X86_RFLAGS_IOPL) != 0;
}

#endif
