/* SPDX-License-Identifier: MIT */
/*
 * lapic_accept.c - local APIC: what is requested, what is in service, what is delivered next
 *
 * Source: SDM 3A, "Handling Interrupts", "Interrupt, Task, and Processor Priority", "Error Handling" and "Local
 * Interrupts" of the APIC chapter. VCPU_INTR is kept equal to "lapic_ack would return a vector": everything
 * that changes the one ends in lapic_update.
 */
#include "dev/lapic_priv.h"

/* ---- vectors and priorities -------------------------------------------------------------------- */

static void set_bit(struct lapic_cpu *a, enum lapic_reg first, unsigned vector, bool on)
{
    uint32_t bit = 1u << (vector % 32), *word = &a->reg[first + vector / 32];

    *word = on ? *word | bit : *word & ~bit;
}

static bool bit_is_set(const struct lapic_cpu *a, enum lapic_reg first, unsigned vector)
{
    return a->reg[first + vector / 32] >> (vector % 32) & 1;
}

/* The highest vector of IRR or ISR; -1: none. */
int lapic_top(const struct lapic_cpu *a, enum lapic_reg first)
{
    for (int i = 7; i >= 0; i--) {
        uint32_t word = a->reg[(int)first + i];

        if (word != 0)
            return 32 * i + 31 - __builtin_clz(word);
    }
    return -1;
}

/* Of the highest vector, class in bits 7:4; 0 when there is none. */
static unsigned class_of(const struct lapic_cpu *a, enum lapic_reg first)
{
    int top = lapic_top(a, first);

    return top < 0 ? 0 : (unsigned)top & 0xf0;
}

unsigned lapic_ppr(const struct lapic_cpu *a)
{
    unsigned tpr = a->reg[LAPIC_TPR], isr = class_of(a, LAPIC_ISR);

    return (tpr & 0xf0) >= isr ? tpr : isr;
}

unsigned lapic_apr(const struct lapic_cpu *a)
{
    unsigned tpr = a->reg[LAPIC_TPR], class = tpr & 0xf0, irr = class_of(a, LAPIC_IRR),
             isr = class_of(a, LAPIC_ISR);

    if (class >= irr && class > isr)
        return tpr;
    return (class & isr) > irr ? class & isr : irr;
}

/* ---- towards the vCPU -------------------------------------------------------------------------- */

/* The vector that its priority lets through; -1: none. */
static int deliverable(const struct lapic_cpu *a)
{
    int top = lapic_on(a) ? lapic_top(a, LAPIC_IRR) : -1;

    return top >= 0 && ((unsigned)top & 0xf0) > (lapic_ppr(a) & 0xf0) ? top : -1;
}

/* The i8259 wants this CPU. Switched off, the pins are the CPU's INTR and NMI. */
static bool external(const struct lapic_cpu *a)
{
    uint32_t lvt = a->reg[LAPIC_LVT_LINT0];

    if (a->set->wires.ack_pic == NULL)
        return false;
    if (!lapic_on(a))
        return a->set->lint[LAPIC_LINT0];
    return a->extint || (a->set->lint[LAPIC_LINT0] && !(lvt & LAPIC_LVT_MASKED) &&
                         (lvt >> 8 & 7) == LAPIC_EXTINT);
}

void lapic_update(struct lapic_cpu *a)
{
    bool wanted = external(a) || deliverable(a) >= 0, asked;

    if (a->vcpu == NULL)
        return;
    asked = atomic_load_explicit(&a->vcpu->requests, memory_order_relaxed) & VCPU_INTR;
    if (wanted && !asked)
        vcpu_request(a->vcpu, VCPU_INTR);
    else if (!wanted && asked)
        vcpu_withdraw(a->vcpu, VCPU_INTR);
}

/* External interrupts go first and know no priority: the i8259 has its own. */
int lapic_ack(void *ctx)
{
    struct lapic_cpu *a = ctx;
    int vector;

    if (external(a)) {
        a->extint = false;
        vector = a->set->wires.ack_pic(a->set->wires.pic);
        lapic_update(a);
        return vector;
    }
    vector = deliverable(a);
    if (vector >= 0) {
        set_bit(a, LAPIC_IRR, (unsigned)vector, false);
        set_bit(a, LAPIC_ISR, (unsigned)vector, true);
    }
    lapic_update(a);
    return vector;
}

/* ---- from the sources -------------------------------------------------------------------------- */

void lapic_accept(struct lapic_cpu *a, unsigned vector, bool level)
{
    if (!lapic_on(a) || !(a->reg[LAPIC_SVR] & LAPIC_SVR_ENABLE))
        return;
    if (vector < 16) {
        lapic_error(a, LAPIC_RECEIVE_ILLEGAL_VECTOR);
        return;
    }
    set_bit(a, LAPIC_IRR, vector, true);
    set_bit(a, LAPIC_TMR, vector, level);
    lapic_update(a);
}

/* One interrupt for all errors until ESR is written: also an illegal vector in the error entry ends here. */
void lapic_error(struct lapic_cpu *a, enum lapic_error error)
{
    a->errors |= error;
    if (a->error_told)
        return;
    a->error_told = true;
    lapic_local(a, LAPIC_LVT_ERROR);
}

void lapic_local(struct lapic_cpu *a, enum lapic_reg lvt)
{
    if (!(a->reg[lvt] & LAPIC_LVT_MASKED))
        lapic_accept(a, a->reg[lvt] & 0xff, false);
}

/* A pin of mode Fixed with its level held: once in IRR, then again after each EOI. */
static void pin_fixed(struct lapic_cpu *a, uint32_t *lvt, bool level, bool rises)
{
    if (!(*lvt & LAPIC_LVT_LEVEL)) {
        if (rises)
            lapic_accept(a, *lvt & 0xff, false);
    } else if (level && !(*lvt & LAPIC_LVT_REMOTE_IRR)) {
        *lvt |= LAPIC_LVT_REMOTE_IRR;
        lapic_accept(a, *lvt & 0xff, true);
    }
}

void lapic_pin(struct lapic_cpu *a, unsigned pin, bool rises)
{
    uint32_t *lvt = &a->reg[LAPIC_LVT_LINT0 + pin];
    enum lapic_delivery mode = *lvt >> 8 & 7;

    if (a->vcpu == NULL)
        return;
    if (!lapic_on(a)) {
        if (pin == LAPIC_LINT1 && rises)
            vcpu_request(a->vcpu, VCPU_NMI);
    } else if (!(*lvt & LAPIC_LVT_MASKED)) {
        if (mode == LAPIC_FIXED)
            pin_fixed(a, lvt, a->set->lint[pin], rises);
        else if (rises && (mode == LAPIC_NMI || mode == LAPIC_INIT || mode == LAPIC_SMI))
            lapic_deliver(a, mode, 0, false);
    }
    lapic_update(a); /* ExtINT is a level */
}

void lapic_lint(void *ctx, unsigned pin, bool level)
{
    struct lapic *l = ctx;
    bool rises = level && !l->lint[pin];

    l->lint[pin] = level;
    for (unsigned i = 0; i < CPUS_MAX; i++)
        lapic_pin(&l->cpu[i], pin, rises);
}

void lapic_end(struct lapic_cpu *a)
{
    int vector = lapic_top(a, LAPIC_ISR);

    if (vector < 0)
        return;
    set_bit(a, LAPIC_ISR, (unsigned)vector, false);
    if (bit_is_set(a, LAPIC_TMR, (unsigned)vector) && a->set->wires.eoi != NULL)
        a->set->wires.eoi(a->set->wires.ioapic, (uint8_t)vector);
    for (unsigned pin = 0; pin < 2; pin++) {
        uint32_t *lvt = &a->reg[LAPIC_LVT_LINT0 + pin];

        if (*lvt & LAPIC_LVT_REMOTE_IRR && (*lvt & 0xff) == (unsigned)vector) {
            *lvt &= ~(uint32_t)LAPIC_LVT_REMOTE_IRR;
            lapic_pin(a, pin, false);
        }
    }
    lapic_update(a);
}
