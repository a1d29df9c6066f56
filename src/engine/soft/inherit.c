/* SPDX-License-Identifier: MIT */
/*
 * inherit.c - events that the engine before this one had begun to deliver (x86_events of a state)
 *
 * Sources: "KVM_GET_VCPU_EVENTS" in the kernel's KVM API document: injected events were on their way into
 * the guest; a pending exception has not changed CR2 or DR6 yet, its payload says what they get. What an
 * instruction raises itself (INT n, INT3, INTO) is not delivered here: rip is still that instruction's,
 * and it does so again.
 */
#include "engine/soft/far.h"
#include "engine/soft/ops.h"
#include "engine/soft/soft_priv.h"

bool soft_has_inherited(const struct x86_state *s)
{
    const struct x86_events *e = &s->events;

    return e->exception_injected || e->exception_pending || e->interrupt_injected ||
           e->nmi_injected || e->nmi_pending || e->triple_fault_pending;
}

static bool inherit_exception(struct soft_cpu *c, const struct x86_events *e)
{
    soft_raise(c, (enum soft_vector)e->exception_vector);
    c->stop.has_error = e->exception_has_error;
    c->stop.error = e->exception_error;
    c->stop.cr2 = e->exception_has_payload ? e->exception_payload : c->s.cr2;
    c->stop.dr6 = e->exception_has_payload ? e->exception_payload : 0;
    return soft_deliver(c);
}

static void request_nmi(struct soft_cpu *c)
{
    pthread_mutex_lock(&c->vcpu->m->lock);
    vcpu_request(c->vcpu, VCPU_NMI);
    pthread_mutex_unlock(&c->vcpu->m->lock);
}

bool soft_inherit(struct soft_cpu *c)
{
    struct x86_events e = c->s.events;

    c->s.events = (struct x86_events){ .shadow = e.shadow, .nmi_masked = e.nmi_masked };
    if (e.nmi_pending)
        request_nmi(c);
    if (e.triple_fault_pending)
        return soft_shut_down(c, "the engine before had met it");
    if (e.exception_injected || e.exception_pending)
        return e.exception_vector == VEC_BP || e.exception_vector == VEC_OF ||
               inherit_exception(c, &e);
    if (e.nmi_injected)
        return soft_interrupt(c, VEC_NMI);
    return !e.interrupt_injected || e.interrupt_soft || soft_interrupt(c, e.interrupt_vector);
}
