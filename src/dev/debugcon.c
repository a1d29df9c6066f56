/* SPDX-License-Identifier: MIT */
/*
 * debugcon.c - debug console: a write prints one byte, a read gives 0xE9 so that a guest can find it
 *
 * Source: the "isa-debugcon" convention that Bochs began ("port e9 hack") and other emulators follow.
 */
#include "dev/debugcon.h"

#include <stdlib.h>

struct debugcon {
    struct dev dev; /* first */
    struct chr out;
};

static uint64_t debugcon_read(struct dev *dev, uint64_t off, unsigned width)
{
    (void)dev;
    (void)off;
    (void)width;
    return DEBUGCON_PORT;
}

static void debugcon_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    const struct debugcon *con = (const struct debugcon *)dev;
    uint8_t byte = (uint8_t)val;

    (void)off;
    (void)width;
    chr_write(&con->out, &byte, 1);
}

static void debugcon_free(struct dev *dev)
{
    free(dev);
}

static const struct dev_ops debugcon_ops = {
    .name = "debugcon",
    .widths = W8,
    .read = debugcon_read,
    .write = debugcon_write,
    .bytes = sizeof(struct debugcon),
    .free = debugcon_free,
};

struct dev *debugcon_new(const struct chr *out)
{
    struct debugcon *con = calloc(1, sizeof(*con));

    if (con == NULL)
        return NULL;
    con->dev.ops = &debugcon_ops;
    con->out = *out;
    return &con->dev;
}
