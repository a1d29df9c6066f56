/* SPDX-License-Identifier: MIT */
/*
 * fuzz_irqchips.c - the interrupt chips of a PC, wired as on the board, under random use
 *
 * Input: steps of an operation byte and its arguments (fuzz_take), zero when it ends in the middle. Each step is something
 * that a guest or a device can do: an access, a pin, an acknowledge, an MSR, a message, time. Held after each step: a CPU
 * is asked for an interrupt exactly while its local APIC has one for it; and timers run a bounded number of times.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "dev/i8254.h"
#include "dev/i8259.h"
#include "dev/ioapic.h"
#include "dev/lapic.h"
#include "fuzz.h"
#include "moved_time.h"
#include "stub_engine.h"

enum { NCPUS = 3, STEPS_MAX = 4096, TICK_MIN_NS = 20000 };

struct board {
    struct stub stub;
    struct machine *m;
    struct dev *pic, *pit, *ioapic, *lapic;
    uint64_t base[NCPUS]; /* IA32_APIC_BASE */
    struct fuzz_input in;
};

static uint64_t take(struct board *b, unsigned bytes)
{
    return fuzz_take(&b->in, bytes);
}

/* ---- the board --------------------------------------------------------------------------------- */

static void pic_out(void *ctx, unsigned pin, bool level)
{
    struct board *b = ctx;

    lapic_lint(b->lapic, LAPIC_LINT0, level);
    ioapic_set(b->ioapic, pin, level);
}

static int ack_pic(void *ctx)
{
    int vector = i8259_ack(((struct board *)ctx)->pic);

    CHECK(vector >= 0 && vector <= 0xff);
    return vector;
}

static void eoi(void *ctx, uint8_t vector)
{
    ioapic_eoi(((struct board *)ctx)->ioapic, vector);
}

static void pit_out(void *ctx, unsigned pin, bool level)
{
    struct board *b = ctx;

    i8259_set(b->pic, pin, level);
    ioapic_set(b->ioapic, 2, level);
}

static void route_changed(void *ctx, unsigned pin)
{
    uint64_t addr;
    uint32_t data;

    ioapic_route(((struct board *)ctx)->ioapic, pin, &addr, &data);
    CHECK(addr >> 20 == 0xfee && data >> 16 == 0);
}

static void attach(struct bus *bus, uint64_t base, uint64_t len, struct dev *dev)
{
    if (bus_add(bus, base, len, dev, NULL) < 0)
        abort();
}

static void own(struct board *b, struct dev *dev)
{
    if (dev == NULL || machine_add_dev(b->m, dev, NULL) < 0)
        abort();
}

static void build(struct board *b)
{
    struct lapic_wires wires = { ack_pic, b, eoi, b };
    struct irq_line to_lint0 = { pic_out, b, 0 }, to_irq0 = { pit_out, b, 0 };
    struct ioapic_config cfg = { .id = NCPUS, .changed = route_changed, .ctx = b };

    time_reset();
    b->m = stub_machine(&b->stub, NCPUS);
    own(b, b->lapic = lapic_new(b->m, &wires));
    cfg.msi = (struct msi_sink){ lapic_msi, b->lapic };
    own(b, b->ioapic = ioapic_new(&cfg));
    own(b, b->pic = i8259_new(&to_lint0));
    own(b, b->pit = i8254_new(b->m, &to_irq0));
    attach(&b->m->mmio, LAPIC_MMIO, LAPIC_LEN, b->lapic);
    attach(&b->m->mmio, IOAPIC_MMIO, IOAPIC_LEN, b->ioapic);
    attach(&b->m->pio, I8259_MASTER_PORT, I8259_PART_LEN, i8259_part(b->pic, I8259_MASTER));
    attach(&b->m->pio, I8259_SLAVE_PORT, I8259_PART_LEN, i8259_part(b->pic, I8259_SLAVE));
    attach(&b->m->pio, I8259_ELCR_PORT, I8259_PART_LEN, i8259_part(b->pic, I8259_ELCR));
    attach(&b->m->pio, I8254_COUNTERS_PORT, I8254_COUNTERS_LEN, b->pit);
    attach(&b->m->pio, I8254_PORT_B_PORT, I8254_PORT_B_LEN, i8254_part(b->pit, I8254_PORT_B));
    for (unsigned i = 0; i < NCPUS; i++) {
        lapic_plug(b->lapic, b->m->cpu[i]);
        b->base[i] = LAPIC_MMIO | BIT(11) | (i == 0 ? BIT(8) : 0);
    }
}

/* ---- steps ------------------------------------------------------------------------------------- */

static const struct intc *intc_of(const struct board *b, unsigned cpu)
{
    return &b->m->cpu[cpu]->intc;
}

static void access(struct board *b, struct bus *bus, uint64_t addr)
{
    uint64_t how = take(b, 1);
    unsigned width = 1u << (how & 3);

    b->m->accessing = how & 0x40 ? NULL : b->m->cpu[(how >> 4 & 3) % NCPUS];
    if (how & 0x80)
        CHECK((bus_read(bus, addr, width) & ~ones(width)) == 0);
    else
        bus_write(bus, addr, width, take(b, width));
    b->m->accessing = NULL;
}

static void do_port(struct board *b, unsigned cpu)
{
    static const uint16_t ports[] = { 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1, 0x40,
                                      0x41, 0x42, 0x43, 0x43, 0x61,  0x20,  0xa0 };

    (void)cpu;
    access(b, &b->m->pio, ports[take(b, 1) % ARRAY_LEN(ports)]);
}

/* Whole registers, which random widths and places seldom are. */
static void do_lapic(struct board *b, unsigned cpu)
{
    uint64_t reg = take(b, 1);

    b->m->accessing = b->m->cpu[cpu];
    if (reg & 0x80)
        bus_read(&b->m->mmio, LAPIC_MMIO + (reg & 0x7f) * 16, 4);
    else
        bus_write(&b->m->mmio, LAPIC_MMIO + reg * 16, 4, take(b, 4));
    b->m->accessing = NULL;
}

static void do_ioapic(struct board *b, unsigned cpu)
{
    (void)cpu;
    bus_write(&b->m->mmio, IOAPIC_MMIO, 4, take(b, 1));
    bus_write(&b->m->mmio, IOAPIC_MMIO + 0x10, 4, take(b, 4));
}

static void do_mmio(struct board *b, unsigned cpu)
{
    (void)cpu;
    access(b, &b->m->mmio, (take(b, 1) & 1 ? LAPIC_MMIO : IOAPIC_MMIO) + (take(b, 2) & 0xfff));
}

static void do_pin(struct board *b, unsigned cpu)
{
    uint64_t pin = take(b, 1);
    bool level = pin & 0x80;

    (void)cpu;
    pin &= 31;
    if (pin == 31)
        lapic_lint(b->lapic, LAPIC_LINT1, level);
    if (pin < I8259_PINS)
        i8259_set(b->pic, (unsigned)pin, level);
    if (pin < IOAPIC_PINS)
        ioapic_set(b->ioapic, (unsigned)pin, level);
}

static void do_time(struct board *b, unsigned cpu)
{
    uint64_t ns = take(b, 2) << (take(b, 1) & 15), runs;

    (void)cpu;
    runs = time_advance(&b->m->timers, ns);
    CHECK(runs <= (NCPUS + 1) * (ns / TICK_MIN_NS + 2));
}

static unsigned pending(const struct board *b, unsigned cpu)
{
    return atomic_load(&b->m->cpu[cpu]->requests);
}

static void do_ack(struct board *b, unsigned cpu)
{
    bool asked = pending(b, cpu) & VCPU_INTR;
    int vector = intc_of(b, cpu)->ops->ack(intc_of(b, cpu)->ctx);

    CHECK((vector >= 0) == asked);
    CHECK(vector <= 0xff);
}

static void do_msr(struct board *b, unsigned cpu)
{
    const struct intc *i = intc_of(b, cpu);
    uint64_t index = take(b, 1), val;

    index = index == 0xff ? 0x6e0 : 0x800 + (index & 0x7f);
    if (i->ops->rdmsr(i->ctx, (uint32_t)index, &val))
        CHECK(index == 0x6e0 || (b->base[cpu] & 0xc00) == 0xc00);
    i->ops->wrmsr(i->ctx, (uint32_t)index, take(b, 8), 2 * time_now());
}

/* The engine lets only these through. */
static void do_base(struct board *b, unsigned cpu)
{
    const struct intc *i = intc_of(b, cpu);
    uint64_t old = b->base[cpu] & 0xc00, now = take(b, 1) << 10 & 0xc00;

    if (now == 0x400 || (old == 0xc00 && now == 0x800) || (old == 0 && now == 0xc00))
        return;
    b->base[cpu] = (b->base[cpu] & ~UINT64_C(0xc00)) | now;
    i->ops->set_base(i->ctx, b->base[cpu]);
}

static void do_msi(struct board *b, unsigned cpu)
{
    uint64_t dest = take(b, 2);

    (void)cpu;
    lapic_msi(b->lapic, LAPIC_MMIO | (dest & 0xff) << 12 | (dest >> 8 & 0xc), (uint32_t)take(b, 2));
}

static void do_rest(struct board *b, unsigned cpu)
{
    const struct intc *i = intc_of(b, cpu);
    struct dev *chips[] = { b->pic, b->pit, b->ioapic, b->lapic };
    uint8_t regs[INTC_REGS_BYTES];
    uint64_t what = take(b, 1);

    switch (what & 7) {
    case 0:
        i->ops->set_cr8(i->ctx, (uint8_t)(what >> 4));
        CHECK(i->ops->cr8(i->ctx) == what >> 4);
        break;
    case 1:
        i->ops->init(i->ctx);
        break;
    case 2:
        i->ops->get(i->ctx, regs);
        for (unsigned n = 0; n < what >> 4; n++)
            regs[take(b, 2) % sizeof(regs)] = (uint8_t)take(b, 1);
        i->ops->set(i->ctx, regs);
        break;
    case 3:
        chips[what >> 4 & 3]->ops->reset(chips[what >> 4 & 3]);
        for (unsigned n = 0; chips[what >> 4 & 3] == b->lapic && n < NCPUS; n++)
            b->base[n] = LAPIC_MMIO | BIT(11);
        break;
    default: /* the CPU does what it was asked for */
        vcpu_withdraw(b->m->cpu[cpu], VCPU_NMI | VCPU_INIT | VCPU_SIPI);
        break;
    }
}

static void (*const steps[])(struct board *b, unsigned cpu) = {
    do_port, do_port, do_lapic, do_lapic, do_ioapic, do_mmio, do_pin,  do_pin,
    do_time, do_ack,  do_ack,   do_msr,   do_base,   do_msi,  do_rest, do_lapic,
};

/* ---- what must hold ---------------------------------------------------------------------------- */

static int top(const uint8_t *regs, unsigned first)
{
    for (int v = 255; v >= 0; v--) {
        if (regs[first + (unsigned)v / 32 * 16 + (unsigned)v % 32 / 8] >> (v % 8) & 1)
            return v;
    }
    return -1;
}

/* The registers alone say that something is to be delivered; the i8259's part is seen by do_ack. */
static void check_cpu(const struct board *b, unsigned cpu)
{
    const struct intc *i = intc_of(b, cpu);
    uint8_t regs[INTC_REGS_BYTES];
    int irr;

    i->ops->get(i->ctx, regs);
    irr = top(regs, 0x200);
    CHECK(irr < 0 || irr >= 16);
    CHECK(regs[0xa0] >> 4 >= regs[0x80] >> 4);
    if (b->base[cpu] & BIT(11) && irr >> 4 > regs[0xa0] >> 4)
        CHECK(pending(b, cpu) & VCPU_INTR);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct board *b = calloc(1, sizeof(*b));
    struct dev_reg rows[DEV_REGS_MAX];

    if (b == NULL)
        return 0;
    build(b);
    b->in = (struct fuzz_input){ data, size };
    for (unsigned n = 0; n < STEPS_MAX && b->in.left > 0; n++) {
        uint64_t op = take(b, 1);

        steps[op & 15](b, (unsigned)(op >> 4 & 3) % NCPUS);
        for (unsigned cpu = 0; cpu < NCPUS; cpu++)
            check_cpu(b, cpu);
    }
    for (unsigned i = 0; i < b->m->ndevs; i++)
        CHECK(b->m->dev[i]->ops->regs(b->m->dev[i], rows) <= DEV_REGS_MAX);
    for (unsigned cpu = 0; cpu < NCPUS; cpu++)
        do_ack(b, cpu);
    machine_free(b->m);
    free(b);
    return 0;
}
