/* SPDX-License-Identifier: MIT */
/* test_lapic.c - register scripts of the local APIC: registers, priorities, pins, errors, modes. SDM 3A, "APIC". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lapic_rig.h"

static void run(const struct step *steps, size_t n, unsigned ncpus)
{
    struct lapic_rig r;

    lapic_rig_make(&r, ncpus);
    steps_run(&r, steps, n);
    lapic_rig_free(&r);
}

#define SCRIPT(ncpus, ...)                                     \
    do {                                                       \
        static const struct step steps[] = { __VA_ARGS__ };    \
        run(steps, sizeof(steps) / sizeof(steps[0]), (ncpus)); \
    } while (0)

#define ON(cpu) STEP(wr, cpu, SVR, 0x1ff)

/* To itself, by shorthand. */
#define SELF(cpu, vector) STEP(wr, cpu, ICR_LO, 0x44000 | (vector))

static void power_up(void **state)
{
    (void)state;
    SCRIPT(2, STEP(rd, 0, ID, 0), STEP(rd, 1, ID, 0x01000000), STEP(rd, 0, VERSION, 0x00050014),
           STEP(rd, 0, TPR, 0), STEP(rd, 0, PPR, 0), STEP(rd, 0, LDR, 0),
           STEP(rd, 0, DFR, 0xffffffff), STEP(rd, 0, SVR, 0xff), STEP(rd, 0, ESR, 0),
           STEP(rd, 0, LVT_TIMER, 0x10000), STEP(rd, 0, LVT_THERMAL, 0x10000),
           STEP(rd, 0, LVT_PERF, 0x10000), STEP(rd, 0, LVT_LINT0, 0x10000),
           STEP(rd, 0, LVT_LINT1, 0x10000), STEP(rd, 0, LVT_ERROR, 0x10000), STEP(rd, 0, TMICT, 0),
           STEP(rd, 0, TMCCT, 0), STEP(rd, 0, TDCR, 0), STEP(intr, 0, 0), STEP(intr, 1, 0));
}

static void writable_bits(void **state)
{
    (void)state;
    SCRIPT(1, STEP(wr, 0, SVR, 0xffffffff), STEP(rd, 0, SVR, 0x3ff), STEP(wr, 0, ID, 0xffffffff),
           STEP(rd, 0, ID, 0), STEP(wr, 0, VERSION, 0), STEP(rd, 0, VERSION, 0x00050014),
           STEP(wr, 0, TPR, 0xffffffff), STEP(rd, 0, TPR, 0xff), STEP(wr, 0, LDR, 0xffffffff),
           STEP(rd, 0, LDR, 0xff000000), STEP(wr, 0, DFR, 0), STEP(rd, 0, DFR, 0x0fffffff),
           STEP(wr, 0, ICR_HI, 0xffffffff), STEP(rd, 0, ICR_HI, 0xff000000),
           STEP(wr, 0, LVT_TIMER, 0xffffffff), STEP(rd, 0, LVT_TIMER, 0x700ff),
           STEP(wr, 0, LVT_THERMAL, 0xffffffff), STEP(rd, 0, LVT_THERMAL, 0x107ff),
           STEP(wr, 0, LVT_PERF, 0xffffffff), STEP(rd, 0, LVT_PERF, 0x107ff),
           STEP(wr, 0, LVT_LINT0, 0xffffffff), STEP(rd, 0, LVT_LINT0, 0x1a7ff),
           STEP(wr, 0, LVT_LINT1, 0xffffffff), STEP(rd, 0, LVT_LINT1, 0x1a7ff),
           STEP(wr, 0, LVT_ERROR, 0xffffffff), STEP(rd, 0, LVT_ERROR, 0x100ff),
           STEP(wr, 0, TDCR, 0xffffffff), STEP(rd, 0, TDCR, 0xb), STEP(rd, 0, EOI, 0),
           STEP(wr, 0, IRR, 0xffffffff), STEP(rd, 0, IRR, 0), STEP(wr, 0, ISR, 0xffffffff),
           STEP(rd, 0, ISR, 0));
}

/* Switched off by software, the LVT is masked and stays so; what is requested already is still delivered. */
static void software_off(void **state)
{
    (void)state;
    SCRIPT(1, STEP(wr, 0, LVT_TIMER, 0x40), STEP(rd, 0, LVT_TIMER, 0x10040), ON(0),
           STEP(wr, 0, LVT_TIMER, 0x40), STEP(rd, 0, LVT_TIMER, 0x40), SELF(0, 0x50),
           STEP(wr, 0, SVR, 0xff), STEP(rd, 0, LVT_TIMER, 0x10040), SELF(0, 0x60),
           STEP(ack, 0, 0x50), STEP(ack, 0, NONE));
}

static void priorities(void **state)
{
    (void)state;
    SCRIPT(1, ON(0), SELF(0, 0x31), SELF(0, 0x45), SELF(0, 0x41), STEP(rd, 0, IRR + 0x10, 0x20000),
           STEP(rd, 0, IRR + 0x20, 0x22), STEP(ack, 0, 0x45), STEP(rd, 0, ISR + 0x20, 0x20),
           STEP(rd, 0, IRR + 0x20, 0x02), STEP(rd, 0, PPR, 0x40),
           STEP(ack, 0, NONE), /* 0x41 has the class that is in service */
           SELF(0, 0x52), STEP(ack, 0, 0x52), STEP(rd, 0, PPR, 0x50), STEP(wr, 0, EOI, 0),
           STEP(rd, 0, PPR, 0x40), STEP(intr, 0, 0), STEP(wr, 0, EOI, 0), STEP(ack, 0, 0x41),
           STEP(wr, 0, EOI, 0), STEP(wr, 0, TPR, 0x30), STEP(rd, 0, PPR, 0x30), STEP(intr, 0, 0),
           STEP(wr, 0, TPR, 0x2f), STEP(rd, 0, PPR, 0x2f), STEP(ack, 0, 0x31), STEP(wr, 0, EOI, 0),
           STEP(wr, 0, EOI, 0), /* nothing in service */
           STEP(rd, 0, PPR, 0x2f));
}

/* Twice requested is once delivered; in service and requested again is delivered again. */
static void one_bit_a_vector(void **state)
{
    (void)state;
    SCRIPT(1, ON(0), SELF(0, 0x80), SELF(0, 0x80), STEP(ack, 0, 0x80), SELF(0, 0x80),
           STEP(ack, 0, NONE), STEP(wr, 0, EOI, 0), STEP(ack, 0, 0x80), STEP(wr, 0, EOI, 0),
           STEP(ack, 0, NONE));
}

static void task_priority_by_cr8(void **state)
{
    (void)state;
    SCRIPT(1, ON(0), SELF(0, 0x95), STEP(intr, 0, 1), STEP(set_cr8, 0, 9), STEP(rd, 0, TPR, 0x90),
           STEP(intr, 0, 0), STEP(ack, 0, NONE), STEP(set_cr8, 0, 8), STEP(ack, 0, 0x95),
           STEP(wr, 0, TPR, 0x7f), STEP(cr8, 0, 7), STEP(set_cr8, 0, 15), STEP(rd, 0, TPR, 0xf0));
}

static void arbitration_priority(void **state)
{
    (void)state;
    SCRIPT(1, ON(0), STEP(wr, 0, TPR, 0x45), STEP(rd, 0, APR, 0x45), SELF(0, 0x72),
           STEP(rd, 0, APR, 0x70), STEP(ack, 0, 0x72), STEP(rd, 0, APR, 0x40), STEP(wr, 0, EOI, 0),
           STEP(rd, 0, APR, 0x45));
}

/* A level-triggered message: TMR, and an EOI that is told. */
static void level_and_eoi(void **state)
{
    (void)state;
    SCRIPT(1, ON(0), STEP(msi, 0xfee00000, 0xc0a1), STEP(rd, 0, TMR + 0x50, 2), SELF(0, 0xb0),
           STEP(ack, 0, 0xb0), STEP(wr, 0, EOI, 0), STEP(eois, 0, 0), STEP(ack, 0, 0xa1),
           STEP(wr, 0, EOI, 0), STEP(eois, 1, 0xa1),
           STEP(msi, 0xfee00000, 0x80a2), /* de-assert: nothing */
           STEP(intr, 0, 0), STEP(msi, 0xfee00000, 0x00a1), STEP(rd, 0, TMR + 0x50, 0),
           STEP(ack, 0, 0xa1), STEP(wr, 0, EOI, 0), STEP(eois, 1, 0xa1));
}

static void external_interrupts(void **state)
{
    (void)state;
    SCRIPT(2, ON(0), STEP(lint, LAPIC_LINT0, 1), STEP(intr, 0, 0), STEP(wr, 0, LVT_LINT0, 0x700),
           STEP(intr, 0, 1), STEP(intr, 1, 0), STEP(lint, LAPIC_LINT0, 0), STEP(ack, 0, NONE),
           STEP(lint, LAPIC_LINT0, 1), STEP(wr, 0, TPR, 0xff), /* knows no priority */
           STEP(ack, 0, 0x31), STEP(rd, 0, ISR + 0x10, 0), STEP(intr, 0, 1),
           STEP(wr, 0, LVT_LINT0, 0x10700), STEP(intr, 0, 0),
           STEP(msi, 0xfee01000, 0x700), /* a message, to an APIC that is not enabled */
           STEP(ack, 1, 0x31), STEP(ack, 1, NONE));
}

/* Without its APIC the CPU has the pins INTR and NMI. */
static void globally_off(void **state)
{
    (void)state;
    SCRIPT(1, ON(0), SELF(0, 0x50), STEP(wr, 0, TPR, 0x20), STEP(base, 0, 0xfee00100),
           STEP(intr, 0, 0), STEP(rd, 0, VERSION, 0xffffffff), STEP(msi, 0xfee00000, 0x60),
           STEP(msi, 0xfee00000, 0x400), STEP(requests, 0, 0), STEP(lint, LAPIC_LINT0, 1),
           STEP(ack, 0, 0x31), STEP(lint, LAPIC_LINT0, 0), STEP(intr, 0, 0),
           STEP(lint, LAPIC_LINT1, 1), STEP(requests, 0, VCPU_NMI), STEP(base, 0, 0xfee00900),
           STEP(rd, 0, SVR, 0xff), STEP(rd, 0, TPR, 0), STEP(rd, 0, VERSION, 0x00050014),
           STEP(ack, 0, NONE), STEP(base, 0, 0xfed00900), /* its registers have been moved */
           STEP(rd, 0, VERSION, 0xffffffff));
}

/* IA32_APIC_BASE moves the registers of one CPU, to where another device is too; at the old place nobody is. */
static void moved(void **state)
{
    (void)state;
    SCRIPT(2, ON(0), ON(1), STEP(base, 0, 0xfd000900), STEP(rd_at, 0, 0xfd000030, 0x00050014),
           STEP(wr_at, 0, 0xfd000080, 0x20), STEP(rd_at, 0, 0xfd000080, 0x20),
           STEP(rd_at, 0, 0xfee00080, 0xffffffff), STEP(wr_at, 0, 0xfee00080, 0x30),
           STEP(rd_at, 0, 0xfd001030, 0xffffffff), STEP(rd_at, 0, 0xfcfff030, 0xffffffff),
           STEP(rd_at, 1, 0xfd000030, 0xffffffff), STEP(rd_at, 1, 0xfee00080, 0),
           STEP(wr_at, 1, 0xfee00300, 0x50), STEP(intr, 0, 1), STEP(ack, 0, 0x50),
           STEP(wr_at, 0, 0xfd0000b0, 0), /* reaches the other by its ID as before */
           STEP(base, 0, 0xfd000100), STEP(rd_at, 0, 0xfd000030, 0xffffffff),
           STEP(base, 0, 0xfee00900), STEP(rd_at, 0, 0xfee00030, 0x00050014),
           STEP(base, 0, UINT64_C(0xffffffffff900)), /* the last page of all */
           STEP(rd_at, 0, UINT64_C(0xffffffffff030), 0x00050014),
           STEP(base, 0, UINT64_C(0xffffffffffd00)), /* x2APIC: not in memory */
           STEP(rd_at, 0, UINT64_C(0xffffffffff030), 0xffffffff));
}

static void pins(void **state)
{
    (void)state;
    SCRIPT(1, ON(0), STEP(wr, 0, LVT_LINT1, 0x400), STEP(lint, LAPIC_LINT1, 1),
           STEP(requests, 0, VCPU_NMI), STEP(lint, LAPIC_LINT1, 1), STEP(requests, 0, 0),
           STEP(wr, 0, LVT_LINT1, 0x10400), STEP(lint, LAPIC_LINT1, 0), STEP(lint, LAPIC_LINT1, 1),
           STEP(requests, 0, 0), STEP(lint, LAPIC_LINT1, 0),
           STEP(wr, 0, LVT_LINT0, 0x77), /* fixed, edge */
           STEP(lint, LAPIC_LINT0, 1), STEP(ack, 0, 0x77), STEP(wr, 0, EOI, 0), STEP(intr, 0, 0),
           STEP(lint, LAPIC_LINT0, 0), STEP(eois, 0, 0),
           STEP(wr, 0, LVT_LINT0, 0x8078), /* fixed, level: until the line goes down */
           STEP(lint, LAPIC_LINT0, 1), STEP(rd, 0, LVT_LINT0, 0xc078), STEP(ack, 0, 0x78),
           STEP(intr, 0, 0), STEP(wr, 0, EOI, 0), STEP(ack, 0, 0x78), STEP(lint, LAPIC_LINT0, 0),
           STEP(wr, 0, EOI, 0), STEP(rd, 0, LVT_LINT0, 0x8078), STEP(ack, 0, NONE),
           STEP(wr, 0, LVT_LINT1, 0x500), STEP(lint, LAPIC_LINT1, 1), STEP(requests, 0, VCPU_INIT),
           STEP(wr, 0, LVT_LINT1, 0x600), /* no mode for a pin */
           STEP(lint, LAPIC_LINT1, 0), STEP(lint, LAPIC_LINT1, 1), STEP(requests, 0, 0));
}

static void errors(void **state)
{
    (void)state;
    SCRIPT(1, ON(0), STEP(wr, 0, LVT_ERROR, 0xfe), SELF(0, 0x0f), STEP(rd, 0, ESR, 0),
           STEP(ack, 0, 0xfe), STEP(wr, 0, EOI, 0), STEP(msi, 0xfee00000, 0x05),
           STEP(intr, 0, 0), /* told once until ESR is written */
           STEP(wr, 0, ESR, 0), STEP(rd, 0, ESR, 0x60), STEP(wr, 0, ESR, 0), STEP(rd, 0, ESR, 0),
           STEP(rd, 0, 0x000, 0), STEP(ack, 0, 0xfe), STEP(wr, 0, EOI, 0), STEP(wr, 0, 0x2f0, 1),
           STEP(rd, 0, 0xff0, 0), STEP(wr, 0, ESR, 0), STEP(rd, 0, ESR, 0x80),
           STEP(wr, 0, LVT_ERROR, 0x01), /* the error's own vector is illegal */
           STEP(wr, 0, 0x400, 1), STEP(wr, 0, ESR, 0), STEP(rd, 0, ESR, 0xc0), STEP(ack, 0, NONE));
}

static void init_keeps(void **state)
{
    (void)state;
    SCRIPT(2, ON(1), STEP(wr, 1, TPR, 0x40), SELF(1, 0x80), STEP(wr, 1, LVT_TIMER, 0x20050),
           STEP(wr, 1, TMICT, 1000), STEP(init, 1), STEP(rd, 1, ID, 0x01000000),
           STEP(rd, 1, SVR, 0xff), STEP(rd, 1, TPR, 0), STEP(rd, 1, LVT_TIMER, 0x10000),
           STEP(intr, 1, 0), STEP(advance, 10000), STEP(intr, 1, 0),
           STEP(base, 1, 0xfee00c00), /* x2APIC: the mode, the ID and its logical form stay */
           STEP(init, 1), STEP(rdmsr, 1, 0x802, 1), STEP(rdmsr, 1, 0x80d, 2));
}

static void x2apic(void **state)
{
    (void)state;
    SCRIPT(
        2, ON(1), STEP(wr, 1, TPR, 0x20), STEP(gp_read, 1, 0x802), STEP(gp_write, 1, 0x808, 0),
        STEP(base, 1, 0xfee00c00), STEP(rd, 1, ID, 0xffffffff), STEP(rdmsr, 1, 0x802, 1),
        STEP(rdmsr, 1, 0x803, 0x00050014), STEP(rdmsr, 1, 0x808, 0x20), STEP(rdmsr, 1, 0x80a, 0x20),
        STEP(rdmsr, 1, 0x80d, 2), STEP(rdmsr, 1, 0x80f, 0x1ff), STEP(gp_read, 1, 0x80b),
        STEP(gp_read, 1, 0x83f), STEP(gp_read, 1, 0x809), STEP(gp_read, 1, 0x80e),
        STEP(gp_read, 1, 0x831), STEP(gp_read, 1, 0x82f), STEP(gp_read, 1, 0x800),
        STEP(gp_read, 1, 0x840), STEP(gp_read, 1, 0x8ff), STEP(gp_write, 1, 0x802, 1),
        STEP(gp_write, 1, 0x803, 1), STEP(gp_write, 1, 0x80a, 0), STEP(gp_write, 1, 0x80d, 0),
        STEP(gp_write, 1, 0x80e, 0), STEP(gp_write, 1, 0x810, 0), STEP(gp_write, 1, 0x839, 0),
        STEP(gp_write, 1, 0x808, 0x100), STEP(gp_write, 1, 0x808, 0x100000000),
        STEP(gp_write, 1, 0x80b, 1), STEP(gp_write, 1, 0x80f, 0x1000), STEP(gp_write, 1, 0x828, 1),
        STEP(gp_write, 1, 0x832, 0x80000), STEP(gp_write, 1, 0x83e, 4),
        STEP(gp_write, 1, 0x830, 0x2000), STEP(gp_write, 1, 0x830, 0x100000),
        STEP(gp_write, 1, 0x83f, 0x100), STEP(wrmsr, 1, 0x83f, 0x91), STEP(ack, 1, 0x91),
        STEP(wrmsr, 1, 0x80b, 0), STEP(rdmsr, 1, 0x814, 0), STEP(wrmsr, 1, 0x83f, 3),
        STEP(wrmsr, 1, 0x828, 0), STEP(rdmsr, 1, 0x828, 0x20), STEP(wrmsr, 1, 0x830, 0x100004092),
        STEP(rdmsr, 1, 0x830, 0x100004092), STEP(ack, 1, 0x92), STEP(wrmsr, 1, 0x80b, 0),
        STEP(base, 1, 0xfee00000), STEP(gp_read, 1, 0x802), STEP(base, 1, 0xfee00800),
        STEP(rd, 1, ID, 0x01000000), STEP(rd, 1, LDR, 0));
}

static void virtual_wire(void **state)
{
    static const struct step steps[] = {
        STEP(rd, 0, SVR, 0x1ff), STEP(rd, 0, LVT_LINT0, 0x700), STEP(rd, 0, LVT_LINT1, 0x400),
        STEP(rd, 1, SVR, 0xff),  STEP(lint, LAPIC_LINT0, 1),    STEP(intr, 1, 0),
        STEP(ack, 0, 0x31)
    };
    struct lapic_rig r;

    (void)state;
    lapic_rig_make(&r, 2);
    lapic_virtual_wire(r.dev);
    RUN(&r, steps);
    r.dev->ops->reset(r.dev);
    assert_int_equal(atomic_load(&r.m->cpu[0]->requests), 0);
    lapic_rig_free(&r);
}

/* Accesses that are no register's: narrow, crooked, by nobody. */
static void odd_accesses(void **state)
{
    struct lapic_rig r;
    struct bus *bus;

    (void)state;
    lapic_rig_make(&r, 1);
    bus = &r.m->mmio;
    assert_int_equal(bus_read(bus, LAPIC_MMIO + VERSION, 4), 0xffffffff);
    bus_write(bus, LAPIC_MMIO + TPR, 4, 0x30);
    r.m->accessing = r.m->cpu[0];
    assert_int_equal(bus_read(bus, LAPIC_MMIO + TPR, 4), 0);
    assert_int_equal(bus_read(bus, LAPIC_MMIO + VERSION, 1), 0x14);
    assert_int_equal(bus_read(bus, LAPIC_MMIO + VERSION + 2, 1), 0x05);
    assert_int_equal(bus_read(bus, LAPIC_MMIO + VERSION + 2, 2), 0x0005);
    assert_int_equal(bus_read(bus, LAPIC_MMIO + VERSION + 4, 4), 0);
    assert_int_equal(bus_read(bus, LAPIC_MMIO + VERSION, 8), 0x00050014);
    assert_int_equal(bus_read(bus, LAPIC_MMIO + VERSION + 1, 4), 0xffffffff);
    bus_write(bus, LAPIC_MMIO + TPR, 1, 0x30);
    bus_write(bus, LAPIC_MMIO + TPR + 4, 4, 0x30);
    bus_write(bus, LAPIC_MMIO + TPR + 2, 2, 0x30);
    assert_int_equal(bus_read(bus, LAPIC_MMIO + TPR, 4), 0);
    assert_int_equal(r.dev->refused, 6);
    lapic_rig_free(&r);
}

/* What get gives, set takes: also into another one, with time between. */
static void block(void **state)
{
    static const struct step before[] = { ON(0),
                                          STEP(wr, 0, LVT_TIMER, 0x20061),
                                          STEP(wr, 0, TDCR, 0xb),
                                          STEP(wr, 0, TMICT, 5000000),
                                          STEP(wr, 0, LDR, 0x01000000),
                                          STEP(wr, 0, LVT_LINT0, 0x700),
                                          SELF(0, 0x72),
                                          STEP(ack, 0, 0x72),
                                          SELF(0, 0x81),
                                          STEP(wr, 0, ICR_HI, 0x05000000),
                                          STEP(wr, 0, TPR, 0x33),
                                          STEP(advance, 2000000) };
    static const struct step after[] = { STEP(rd, 0, TMCCT, 3000000),
                                         STEP(advance, 2999999),
                                         STEP(rd, 0, PPR, 0x70),
                                         STEP(ack, 0, 0x81),
                                         STEP(wr, 0, EOI, 0),
                                         STEP(wr, 0, EOI, 0),
                                         STEP(intr, 0, 0),
                                         STEP(advance, 1),
                                         STEP(ack, 0, 0x61),
                                         STEP(wr, 0, EOI, 0),
                                         STEP(advance, 5000000),
                                         STEP(ack, 0, 0x61),
                                         STEP(rd, 0, ICR_HI, 0x05000000) };
    uint8_t regs[INTC_REGS_BYTES], again[INTC_REGS_BYTES], ones[INTC_REGS_BYTES];
    const struct intc *intc;
    struct lapic_rig r;

    (void)state;
    lapic_rig_make(&r, 1);
    RUN(&r, before);
    intc = &r.m->cpu[0]->intc;
    intc->ops->get(intc->ctx, regs);
    assert_int_equal(regs[0x30], 0x14);
    assert_int_equal(regs[0x80], 0x33);
    lapic_rig_free(&r);

    lapic_rig_make(&r, 1);
    intc = &r.m->cpu[0]->intc;
    intc->ops->set(intc->ctx, regs);
    intc->ops->get(intc->ctx, again);
    assert_memory_equal(regs, again, sizeof(regs));
    RUN(&r, after);
    /* a block of nonsense leaves registers that could have been written */
    memset(ones, 0xff, sizeof(ones));
    intc->ops->set(intc->ctx, ones);
    intc->ops->get(intc->ctx, again);
    assert_int_equal(again[0x200], 0); /* vectors 0 to 15 are never requested */
    assert_int_equal(again[0x23], 0);
    assert_int_equal(again[0x321], 0);
    lapic_rig_free(&r);
}

static void view(void **state)
{
    static const struct step steps[] = { ON(0), SELF(0, 0x72), STEP(ack, 0, 0x72), SELF(0, 0x81) };
    struct dev_reg rows[DEV_REGS_MAX];
    struct lapic_rig r;
    size_t n;

    (void)state;
    lapic_rig_make(&r, 8);
    RUN(&r, steps);
    n = r.dev->ops->regs(r.dev, rows);
    assert_int_equal(n, 96);
    assert_string_equal(rows[3].name, "cpu0 SVR");
    assert_int_equal(rows[3].value, 0x1ff);
    assert_int_equal(rows[4].value, 0x72);
    assert_int_equal(rows[5].value, 0x81);
    assert_string_equal(rows[12].name, "cpu1 ID");
    assert_int_equal(rows[12].value, 0x01000000);
    lapic_rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_up),
        cmocka_unit_test(writable_bits),
        cmocka_unit_test(software_off),
        cmocka_unit_test(priorities),
        cmocka_unit_test(one_bit_a_vector),
        cmocka_unit_test(task_priority_by_cr8),
        cmocka_unit_test(arbitration_priority),
        cmocka_unit_test(level_and_eoi),
        cmocka_unit_test(external_interrupts),
        cmocka_unit_test(globally_off),
        cmocka_unit_test(moved),
        cmocka_unit_test(pins),
        cmocka_unit_test(errors),
        cmocka_unit_test(init_keeps),
        cmocka_unit_test(x2apic),
        cmocka_unit_test(virtual_wire),
        cmocka_unit_test(odd_accesses),
        cmocka_unit_test(block),
        cmocka_unit_test(view),
    };

    return cmocka_run_group_tests_name("dev/lapic", tests, NULL, NULL);
}
