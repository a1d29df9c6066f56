/* SPDX-License-Identifier: MIT */
/*
 * lapic.c - local APICs: the device on the memory bus, the plug into each vCPU, power-up state
 *
 * Source: SDM 3A, "Advanced Programmable Interrupt Controller (APIC)", for a processor of the P6 family on
 * the system bus with x2APIC and TSC deadline; version 0x14 with six LVT entries. Without: EOI broadcast suppression,
 * the CMCI entry, SMI (a message that asks for one is counted as refused). Nothing here has a thermal or
 * performance source: these entries of the LVT are kept and never fire. A pin's level is "asserted or not", so the
 * polarity bits are kept and have no effect. The APIC ID cannot be changed.
 *
 * GAP: a local APIC that IA32_APIC_BASE has moved over guest memory is not seen there: the memory is; views show it
 * where it was at first.
 */
#include "dev/lapic_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t base_addr = UINT64_C(0x000ffffffffff000);

/* ---- state ----------------------------------------------------------------------------------- */

/* The ID as the mode shows it; in x2APIC mode the logical one is derived from it. */
static void show_id(struct lapic_cpu *a)
{
    if (lapic_x2(a)) {
        a->reg[LAPIC_ID] = a->id;
        a->reg[LAPIC_LDR] = a->id >> 4 << 16 | 1u << (a->id & 15);
    } else {
        a->reg[LAPIC_ID] = a->id << 24;
    }
}

/* SDM 3A, "Local APIC State After Power-Up or Reset"; also after INIT and when it is switched off. */
void lapic_power_up(struct lapic_cpu *a)
{
    lapic_timer_stop(a);
    memset(a->reg, 0, sizeof(a->reg));
    a->reg[LAPIC_DFR] = UINT32_MAX;
    a->reg[LAPIC_SVR] = 0xff;
    for (unsigned i = LAPIC_LVT_TIMER; i <= LAPIC_LVT_ERROR; i++)
        a->reg[i] = LAPIC_LVT_MASKED;
    a->errors = 0;
    a->error_told = false;
    a->extint = false;
    show_id(a);
    lapic_update(a);
}

static void set_base(void *ctx, uint64_t base)
{
    const uint64_t modes = lapic_base_en | lapic_base_extd;
    struct lapic_cpu *a = ctx;
    uint64_t was = a->base & modes;

    a->base = base;
    if ((base & modes) == was)
        return;
    if (!(base & lapic_base_en)) {
        lapic_power_up(a);
        return;
    }
    if (!(was & lapic_base_extd) && base & lapic_base_extd)
        a->reg[LAPIC_ICR_HI] = 0;
    show_id(a);
    lapic_update(a);
}

static uint64_t place(void *ctx, uint64_t gpa)
{
    const struct lapic_cpu *a = ctx;
    uint64_t base = a->base & base_addr;

    if (base == LAPIC_MMIO || !lapic_on(a) || lapic_x2(a))
        return gpa;
    if (gpa - base < LAPIC_LEN)
        return LAPIC_MMIO + (gpa - base);
    return gpa - LAPIC_MMIO < LAPIC_LEN ? INTC_NOWHERE : gpa;
}

static void init(void *ctx)
{
    lapic_power_up(ctx);
}

static uint8_t cr8(void *ctx)
{
    return (uint8_t)(((struct lapic_cpu *)ctx)->reg[LAPIC_TPR] >> 4);
}

static void set_cr8(void *ctx, uint8_t val)
{
    struct lapic_cpu *a = ctx;

    a->reg[LAPIC_TPR] = (val & 15u) << 4;
    lapic_update(a);
}

static const struct intc_ops intc_ops = {
    .ack = lapic_ack,
    .cr8 = cr8,
    .set_cr8 = set_cr8,
    .rdmsr = lapic_rdmsr,
    .wrmsr = lapic_wrmsr,
    .set_base = set_base,
    .place = place,
    .init = init,
    .get = lapic_get,
    .set = lapic_set,
};

/* ---- the device ------------------------------------------------------------------------------- */

/* Whose registers the access is for; NULL: they are not in memory, or it was no vCPU that asked. */
static struct lapic_cpu *accessed(struct lapic *l)
{
    struct lapic_cpu *a = l->m->accessing != NULL ? &l->cpu[l->m->accessing->idx] : NULL;

    return a != NULL && lapic_on(a) && !lapic_x2(a) ? a : NULL;
}

/* Each register is the first 4 of 16 bytes, the other 12 read 0. */
static uint64_t mmio_read(struct dev *dev, uint64_t off, unsigned width)
{
    struct lapic *l = (struct lapic *)dev;
    struct lapic_cpu *a = accessed(l);

    if (a == NULL || off % width != 0) {
        dev->refused++;
        return ones(width);
    }
    if (off % 16 >= 4)
        return 0;
    if (off / 16 >= LAPIC_NREGS) {
        lapic_error(a, LAPIC_ILLEGAL_REGISTER);
        return 0;
    }
    return lapic_read(a, (unsigned)(off / 16)) >> (8 * (off % 4));
}

/* Only whole registers are written. */
static void mmio_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct lapic *l = (struct lapic *)dev;
    struct lapic_cpu *a = accessed(l);

    if (a == NULL || width != W32 || off % 16 != 0)
        dev->refused++;
    else if (off / 16 >= LAPIC_NREGS)
        lapic_error(a, LAPIC_ILLEGAL_REGISTER);
    else
        lapic_write(a, (unsigned)(off / 16), (uint32_t)val);
}

static void lapic_reset(struct dev *dev)
{
    struct lapic *l = (struct lapic *)dev;

    l->last_lowest = 0;
    for (unsigned i = 0; i < CPUS_MAX; i++) {
        l->cpu[i].base = LAPIC_MMIO | lapic_base_en | (i == 0 ? lapic_base_bsp : 0);
        lapic_power_up(&l->cpu[i]);
    }
}

static void lapic_free(struct dev *dev)
{
    struct lapic *l = (struct lapic *)dev;

    for (unsigned i = 0; i < CPUS_MAX; i++)
        timer_cancel(&l->cpu[i].timer);
    free(l);
}

static const struct dev_ops lapic_ops = {
    .name = "lapic",
    .widths = W8 | W16 | W32,
    .read = mmio_read,
    .write = mmio_write,
    .reset = lapic_reset,
    .bytes = sizeof(struct lapic),
    .free = lapic_free,
    .regs = lapic_regs,
};

struct dev *lapic_new(struct machine *m, const struct lapic_wires *wires)
{
    struct lapic *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    l->dev.ops = &lapic_ops;
    l->m = m;
    l->wires = *wires;
    for (unsigned i = 0; i < CPUS_MAX; i++) {
        l->cpu[i].set = l;
        l->cpu[i].id = i;
        timer_init(&l->cpu[i].timer, &m->timers, lapic_timer_due, &l->cpu[i]);
    }
    lapic_reset(&l->dev);
    return &l->dev;
}

void lapic_plug(struct dev *dev, struct vcpu *cpu)
{
    struct lapic *l = (struct lapic *)dev;

    assert(cpu->idx < CPUS_MAX);
    l->cpu[cpu->idx].vcpu = cpu;
    cpu->intc = (struct intc){ &intc_ops, &l->cpu[cpu->idx] };
    lapic_update(&l->cpu[cpu->idx]);
}

void lapic_virtual_wire(struct dev *dev)
{
    struct lapic_cpu *a = &((struct lapic *)dev)->cpu[0];

    lapic_write(a, LAPIC_SVR, LAPIC_SVR_ENABLE | 0xff);
    lapic_write(a, LAPIC_LVT_LINT0, LAPIC_EXTINT << 8);
    lapic_write(a, LAPIC_LVT_LINT1, LAPIC_NMI << 8);
}
