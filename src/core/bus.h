/* SPDX-License-Identifier: MIT */
/*
 * bus.h - devices, and the bus that finds them
 *
 * One bus type serves ports and memory-mapped registers. The bus owns the width rules: a device
 * declares which widths its registers decode and never sees another one, nor an access that crosses
 * the end of its range. What nobody claims floats: reads give all ones, writes are lost, both are counted.
 */
#ifndef CORE_BUS_H
#define CORE_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct dev;
struct bit_table;

/* One register of a chip, as `vitro devices` shows it. */
struct dev_reg {
    const char *name;             /* as the data sheet calls it; static */
    unsigned width;               /* bytes: how many hex digits it is shown with */
    const struct bit_table *bits; /* static; NULL: the number says it all */
    uint64_t value;
};

enum { DEV_REGS_MAX = 96 };

enum dev_width { W8 = 1, W16 = 2, W32 = 4, W64 = 8 }; /* bytes; OR them for dev_ops.widths */

struct dev_ops {
    const char *name; /* stable: traces, counters and snapshots use it */
    unsigned widths;  /* widths the chip decodes itself */
    uint64_t (*read)(struct dev *dev, uint64_t off, unsigned width);
    void (*write)(struct dev *dev, uint64_t off, unsigned width, uint64_t val);
    void (*reset)(struct dev *dev); /* may be NULL: nothing to reset */
    void (*free)(struct dev *dev);  /* may be NULL: not owned by the machine */
    /*
     * Of the chip's own struct, from its struct dev on: all that it has is in there, and is put back by copying the
     * bytes (rewind.h). 0: it has something elsewhere, and cannot be put back.
     */
    size_t bytes;
    /* Fills at most DEV_REGS_MAX rows, without any effect on the chip; how many. May be NULL: none. */
    size_t (*regs)(const struct dev *dev, struct dev_reg *out);
};

/* First member of every chip's own struct. Guarded by the machine lock. */
struct dev {
    const struct dev_ops *ops;
    uint64_t reads, writes; /* accesses, for the views */
    uint64_t refused;       /* things the guest asked for that the device does not do */
};

enum { BUS_RANGES_MAX = 64 };

struct bus_range {
    uint64_t base, len; /* len >= 1; may end at UINT64_MAX */
    struct dev *dev;    /* borrowed, the machine owns it */
};

struct bus {
    struct bus_range range[BUS_RANGES_MAX]; /* sorted by base, never overlapping */
    size_t nranges;
    uint64_t unclaimed; /* accesses nobody answered */
};

/* -EINVAL: empty or wrapping; -EEXIST: overlaps another device; -ENOSPC: no row left. */
WARN_UNUSED int bus_add(struct bus *bus, uint64_t base, uint64_t len, struct dev *dev,
                        struct vitro_err *err);

/* The device at addr, or NULL. */
struct dev *bus_dev(const struct bus *bus, uint64_t addr);

/* width is 1, 2, 4 or 8 bytes. A read is zero-extended. */
uint64_t bus_read(struct bus *bus, uint64_t addr, unsigned width);
void bus_write(struct bus *bus, uint64_t addr, unsigned width, uint64_t val);

#endif
