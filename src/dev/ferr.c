/* SPDX-License-Identifier: MIT */
/*
 * ferr.c - coprocessor error: how an x87 exception becomes interrupt 13 on a PC
 *
 * FERR# sets the interrupt's line. A write to port 0xF0, of any value, takes it back and asserts IGNNE#, so that the
 * handler can use the x87 before it has cleared the exception; IGNNE# ends with FERR#. A byte, write-only.
 *
 * Sources: IBM Personal Computer AT Technical Reference, "Math Coprocessor"; Intel PIIX3 data sheet, "Coprocessor Error
 * Register"; SDM 1, "MS-DOS Compatibility Sub-Mode". Without: port 0xF1, the reset of a coprocessor that is a chip
 * of its own.
 *
 * GAP: under KVM no interrupt 13 comes: KVM has no such wires. What it does with CR0.NE clear is its own.
 */
#include "dev/ferr.h"

#include <stdlib.h>

struct ferr_dev {
    struct dev dev; /* first */
    struct ferr wires;
    struct irq_line irq;
    bool asserted;  /* FERR# */
    bool requested; /* the interrupt's line */
};

static struct ferr_dev *of_wires(struct ferr *wires)
{
    return (struct ferr_dev *)((char *)wires - offsetof(struct ferr_dev, wires));
}

static void request(struct ferr_dev *f, bool level)
{
    if (f->requested == level)
        return;
    f->requested = level;
    irq_set(&f->irq, level);
}

static void wires_set(struct ferr *wires, bool asserted)
{
    struct ferr_dev *f = of_wires(wires);

    if (asserted == f->asserted)
        return;
    f->asserted = asserted;
    if (asserted)
        request(f, true);
    else
        wires->ignored = false;
}

static uint64_t ferr_read(struct dev *dev, uint64_t off, unsigned width)
{
    (void)dev;
    (void)off;
    (void)width;
    return 0xff;
}

static void ferr_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct ferr_dev *f = (struct ferr_dev *)dev;

    (void)off;
    (void)width;
    (void)val;
    request(f, false);
    f->wires.ignored = f->asserted;
}

static void ferr_reset(struct dev *dev)
{
    struct ferr_dev *f = (struct ferr_dev *)dev;

    f->asserted = f->wires.ignored = false;
    request(f, false);
}

static size_t ferr_regs(const struct dev *dev, struct dev_reg *out)
{
    const struct ferr_dev *f = (const struct ferr_dev *)dev;

    out[0] = (struct dev_reg){ "FERR#", 1, NULL, f->asserted };
    out[1] = (struct dev_reg){ "IGNNE#", 1, NULL, f->wires.ignored };
    out[2] = (struct dev_reg){ "request", 1, NULL, f->requested };
    return 3;
}

static void ferr_free(struct dev *dev)
{
    free(dev);
}

static const struct dev_ops ferr_ops = { .name = "ferr",
                                         .widths = W8,
                                         .read = ferr_read,
                                         .write = ferr_write,
                                         .reset = ferr_reset,
                                         .bytes = sizeof(struct ferr_dev),
                                         .free = ferr_free,
                                         .regs = ferr_regs };

struct dev *ferr_new(const struct irq_line *irq)
{
    struct ferr_dev *f = calloc(1, sizeof(*f));

    if (f == NULL)
        return NULL;
    f->dev.ops = &ferr_ops;
    f->wires.set = wires_set;
    f->irq = *irq;
    return &f->dev;
}

struct ferr *ferr_wires(struct dev *dev)
{
    return &((struct ferr_dev *)dev)->wires;
}
