/* SPDX-License-Identifier: MIT */
/*
 * debugexit.c - debug exit: any write ends the run; a read gives 0
 *
 * Source: the "isa-debug-exit" convention. The process code is made of the value by the command line
 * ((value << 1) | 1, always odd); see docs/exit-codes.md.
 */
#include "dev/debugexit.h"

#include <stdlib.h>

struct debugexit {
    struct dev dev; /* first */
    struct debugexit_line line;
};

static uint64_t debugexit_read(struct dev *dev, uint64_t off, unsigned width)
{
    (void)dev;
    (void)off;
    (void)width;
    return 0;
}

/* A byte written above the first port carries the value's higher bits, as a wider write would. */
static void debugexit_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    const struct debugexit *x = (const struct debugexit *)dev;

    (void)width;
    x->line.end(x->line.ctx, (uint32_t)(val << (8 * off)));
}

static void debugexit_free(struct dev *dev)
{
    free(dev);
}

static const struct dev_ops debugexit_ops = {
    .name = "debug-exit",
    .widths = W8 | W16 | W32,
    .read = debugexit_read,
    .write = debugexit_write,
    .bytes = sizeof(struct debugexit),
    .free = debugexit_free,
};

struct dev *debugexit_new(const struct debugexit_line *line)
{
    struct debugexit *x = calloc(1, sizeof(*x));

    if (x == NULL)
        return NULL;
    x->dev.ops = &debugexit_ops;
    x->line = *line;
    return &x->dev;
}
