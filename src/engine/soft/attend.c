/* SPDX-License-Identifier: MIT */
/*
 * attend.c - interrupts from outside, and the software CPU's side of its local APIC
 *
 * Sources: SDM 3A, "Priority Among Concurrent Events", "Handling Multiple NMIs", "Masking Maskable Hardware
 * Interrupts"; "Task Priority in IA-32e Mode" for CR8.
 */
#include "engine/soft/attend.h"

#include <assert.h>

#include "engine/soft/far.h"
#include "engine/soft/ops_sys.h"
#include "engine/soft/time.h"

static_assert((int)X86_LAPIC_BYTES == (int)INTC_REGS_BYTES, "one block of registers");

/* The local APIC, with the machine's lock held; NULL, without the lock, where there is none. */
static const struct intc *intc_get(struct soft_cpu *c)
{
    if (c->vcpu->intc.ops == NULL)
        return NULL;
    soft_time_end(c);
    pthread_mutex_lock(&c->vcpu->m->lock);
    return &c->vcpu->intc;
}

static void intc_put(struct soft_cpu *c)
{
    pthread_mutex_unlock(&c->vcpu->m->lock);
}

bool soft_attend(struct soft_cpu *c)
{
    unsigned requests = atomic_load_explicit(&c->vcpu->requests, memory_order_relaxed);
    const struct intc *intc;
    int vector;

    if (c->naccesses != 0 || c->s.events.shadow != 0)
        return true; /* an instruction is half done, or the one before holds interrupts off */
    if (requests & VCPU_NMI && !c->s.events.nmi_masked) {
        vcpu_withdraw(c->vcpu, VCPU_NMI);
        return soft_interrupt(c, VEC_NMI);
    }
    if (!(requests & VCPU_INTR) || !(c->s.rflags & X86_RFLAGS_IF) || (intc = intc_get(c)) == NULL)
        return true;
    vector = intc->ops->ack(intc->ctx);
    intc_put(c);
    return vector < 0 || soft_interrupt(c, (unsigned)vector);
}

bool soft_intc_rdmsr(struct soft_cpu *c, uint32_t index, uint64_t *val)
{
    const struct intc *intc = intc_get(c);
    bool ok;

    if (intc == NULL)
        return false;
    ok = intc->ops->rdmsr(intc->ctx, index, val);
    intc_put(c);
    return ok;
}

bool soft_intc_wrmsr(struct soft_cpu *c, uint32_t index, uint64_t val)
{
    const struct intc *intc = intc_get(c);
    bool ok;

    if (intc == NULL)
        return false;
    ok = intc->ops->wrmsr(intc->ctx, index, val, soft_tsc(c));
    intc_put(c);
    soft_time_limit(c); /* it may have armed a timer */
    return ok;
}

void soft_intc_set_base(struct soft_cpu *c)
{
    const struct intc *intc = intc_get(c);

    if (intc == NULL)
        return;
    intc->ops->set_base(intc->ctx, c->s.apic_base);
    intc_put(c);
}

uint64_t soft_intc_cr8(struct soft_cpu *c)
{
    const struct intc *intc = intc_get(c);
    uint64_t val = c->s.cr8;

    if (intc == NULL)
        return val;
    val = intc->ops->cr8(intc->ctx);
    intc_put(c);
    return val;
}

void soft_intc_set_cr8(struct soft_cpu *c, uint64_t val)
{
    const struct intc *intc = intc_get(c);

    c->s.cr8 = val;
    if (intc == NULL)
        return;
    intc->ops->set_cr8(intc->ctx, (uint8_t)val);
    intc_put(c);
}

void soft_intc_get(struct soft_cpu *c, struct x86_state *out)
{
    const struct intc *intc = intc_get(c);

    out->activity = c->vcpu->activity;
    out->lapic_valid = intc != NULL;
    if (intc == NULL)
        return;
    intc->ops->get(intc->ctx, out->lapic);
    intc_put(c);
}

void soft_intc_set(struct soft_cpu *c, const struct x86_state *in)
{
    const struct intc *intc = intc_get(c);

    c->vcpu->activity = in->activity;
    if (intc == NULL)
        return;
    if (in->lapic_valid)
        intc->ops->set(intc->ctx, in->lapic);
    intc_put(c);
}
