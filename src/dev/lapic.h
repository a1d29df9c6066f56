/* SPDX-License-Identifier: MIT */
/*
 * lapic.h - the local APICs of all vCPUs of a machine; used by board/ where the engine brings none
 *
 * One device on the memory bus serves the vCPU whose access is being dispatched; each vCPU has its own set of
 * registers, plugged into it as its interrupt controller. Everything here is under the machine lock.
 */
#ifndef DEV_LAPIC_H
#define DEV_LAPIC_H

#include "core/irq.h"
#include "core/machine.h"

enum { LAPIC_MMIO = 0xfee00000u, LAPIC_LEN = 0x1000, LAPIC_TIMER_HZ = 1000000000 };

/* The pins of lapic_lint. */
enum { LAPIC_LINT0, LAPIC_LINT1 };

/* What the local APICs ask of other chips; ctx and what is behind it is borrowed. Each may be NULL. */
struct lapic_wires {
    int (*ack_pic)(void *ctx); /* INTA: the vector of the i8259 pair; -1: there is none */
    void *pic;
    void (*eoi)(void *ctx,
                uint8_t vector); /* a level-triggered vector has been served: for the IOAPIC */
    void *ioapic;
};

/*
 * lapic_new - local APICs, none of them plugged in yet
 *
 * m      borrowed; its clock and timers are used from then on
 * wires  copied
 *
 * Returns NULL when out of memory. The caller gives it to machine_add_dev and bus_add (LAPIC_MMIO).
 */
struct dev *lapic_new(struct machine *m, const struct lapic_wires *wires);

/* Makes cpu->intc the local APIC with the vCPU's number as its ID. Before the first run. */
void lapic_plug(struct dev *dev, struct vcpu *cpu);

/*
 * lapic_virtual_wire - what firmware leaves behind: the boot CPU takes the i8259's interrupts and NMIs
 *
 * After lapic_plug, and again after each reset. Source: MultiProcessor Specification 1.4, "Virtual Wire Mode".
 */
void lapic_virtual_wire(struct dev *dev);

/* The pins that all local APICs share: LINT0 from the i8259, LINT1 for NMI. As irq_line.set; ctx is the device. */
void lapic_lint(void *ctx, unsigned pin, bool level);

/* A message, as msi_sink.send; ctx is the device. An address outside 0xfeexxxxx reaches nobody. */
void lapic_msi(void *ctx, uint64_t addr, uint32_t data);

#endif
