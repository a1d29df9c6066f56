/* SPDX-License-Identifier: MIT */
/*
 * irq.h - interrupt lines and messages as values
 *
 * A device holds one; whether it ends in a PIC, an I/O APIC, an irqfd or a test's array is the board's
 * business. Everything here is called under the machine lock.
 */
#ifndef CORE_IRQ_H
#define CORE_IRQ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One input pin of something that takes interrupts. set NULL: the pin is not connected. */
struct irq_line {
    void (*set)(void *ctx, unsigned pin, bool level);
    void *ctx;
    unsigned pin;
};

static inline void irq_set(const struct irq_line *line, bool level)
{
    if (line->set != NULL)
        line->set(line->ctx, line->pin, level);
}

/* An edge, for sources that have no level of their own. */
static inline void irq_pulse(const struct irq_line *line)
{
    irq_set(line, true);
    irq_set(line, false);
}

/* Where message-signalled interrupts go, SDM 3A "Message Signalled Interrupts". */
struct msi_sink {
    void (*send)(void *ctx, uint64_t addr, uint32_t data);
    void *ctx;
};

static inline void msi_send(const struct msi_sink *sink, uint64_t addr, uint32_t data)
{
    if (sink->send != NULL)
        sink->send(sink->ctx, addr, data);
}

#endif
