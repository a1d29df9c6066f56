/* SPDX-License-Identifier: MIT */
/*
 * i8259.h - the two interrupt controllers of a PC, the second on pin 2 of the first, with ELCR; used by board/
 *
 * One device for the machine, three places on the port bus (i8259_part). All under the machine lock.
 */
#ifndef DEV_I8259_H
#define DEV_I8259_H

#include "core/bus.h"
#include "core/irq.h"

/* The places, in the order of i8259_part, and their ports. */
enum i8259_part { I8259_MASTER, I8259_SLAVE, I8259_ELCR, I8259_PARTS };
enum {
    I8259_MASTER_PORT = 0x20,
    I8259_SLAVE_PORT = 0xa0,
    I8259_ELCR_PORT = 0x4d0,
    I8259_PART_LEN = 2,
    I8259_PINS = 16,
    I8259_CASCADE = 2, /* the pin that no device can have */
};

/*
 * i8259_new - the pair; out is copied and gets the level of the first one's INT output
 *
 * The output goes down for a moment at each i8259_ack, as the chip's does: what looks for edges sees one for each
 * interrupt. Returns NULL when out of memory. The caller gives it to machine_add_dev.
 */
struct dev *i8259_new(const struct irq_line *out);

/* What belongs on the port bus at a part's port; owned by dev. I8259_MASTER gives dev itself. */
struct dev *i8259_part(struct dev *dev, enum i8259_part part);

/* A pin, 0..15, as irq_line.set; ctx is the device. Pin 2 is the second chip's: what is set there is lost. */
void i8259_set(void *ctx, unsigned pin, bool level);

/* INTA: the vector to deliver, now in service; of pin 7 or 15 when nothing asks any more. ctx is the device. */
int i8259_ack(void *ctx);

#endif
