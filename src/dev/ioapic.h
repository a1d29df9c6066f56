/* SPDX-License-Identifier: MIT */
/* ioapic.h - the I/O APIC: 24 pins that become messages to the local APICs; used by board/. Under the machine lock. */
#ifndef DEV_IOAPIC_H
#define DEV_IOAPIC_H

#include "core/bus.h"
#include "core/irq.h"

enum { IOAPIC_MMIO = 0xfec00000u, IOAPIC_LEN = 0x1000, IOAPIC_PINS = 24 };

struct ioapic_config {
    uint8_t id;          /* APIC ID after a reset, 0..15: what the firmware's tables say */
    struct msi_sink msi; /* where interrupts go */
    /* An entry of the redirection table has changed: ioapic_route says what the pin sends now. May be NULL. */
    void (*changed)(void *ctx, unsigned pin);
    void *ctx;
};

/* cfg is copied, what it points to is borrowed. NULL: out of memory. The caller gives it to machine_add_dev. */
struct dev *ioapic_new(const struct ioapic_config *cfg);

/* A pin, 0..23, as irq_line.set; ctx is the device. true is asserted, whatever the polarity of the pin. */
void ioapic_set(void *ctx, unsigned pin, bool level);

/* A local APIC has served a level-triggered vector; as lapic_wires.eoi. ctx is the device. */
void ioapic_eoi(void *ctx, uint8_t vector);

/*
 * ioapic_route - the message of a pin, as the guest has programmed it
 *
 * addr, data  as msi_sink.send takes them; written also for a masked pin
 *
 * For engines that keep a table of routes. Returns whether the pin is unmasked.
 */
bool ioapic_route(const struct dev *dev, unsigned pin, uint64_t *addr, uint32_t *data);

#endif
