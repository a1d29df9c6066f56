/* SPDX-License-Identifier: MIT */
/* attend.h - interrupts from outside, and the software CPU's side of its local APIC. */
#ifndef ENGINE_SOFT_ATTEND_H
#define ENGINE_SOFT_ATTEND_H

#include "engine/soft/cpu.h"

/*
 * soft_attend - deliver an NMI or interrupt that is requested and may be taken now
 *
 * Between two instructions. False when delivery ended in the vCPU's exit (a triple fault).
 */
bool soft_attend(struct soft_cpu *c);

/* Whether soft_attend would do something now, but for an instruction that is half done. */
static inline bool soft_may_attend(const struct soft_cpu *c)
{
    unsigned requests = atomic_load_explicit(&c->vcpu->requests, memory_order_relaxed);

    return (requests & VCPU_NMI && !c->s.events.nmi_masked) ||
           (requests & VCPU_INTR && c->s.rflags & X86_RFLAGS_IF);
}

/* Registers of the local APIC. rdmsr and wrmsr: false where it is #GP, and without a local APIC. */
bool soft_intc_rdmsr(struct soft_cpu *c, uint32_t index, uint64_t *val);
bool soft_intc_wrmsr(struct soft_cpu *c, uint32_t index, uint64_t val);
void soft_intc_set_base(struct soft_cpu *c);
uint64_t soft_intc_cr8(struct soft_cpu *c);
void soft_intc_set_cr8(struct soft_cpu *c, uint64_t val);

/* Its part of a whole state, and what the vCPU is doing. */
void soft_intc_get(struct soft_cpu *c, struct x86_state *out);
void soft_intc_set(struct soft_cpu *c, const struct x86_state *in);

#endif
