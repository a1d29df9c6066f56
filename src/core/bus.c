/* SPDX-License-Identifier: MIT */
/* bus.c - finds the device of an address and splits accesses into widths it decodes. */
#include "core/bus.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bits.h"

int bus_add(struct bus *bus, uint64_t base, uint64_t len, struct dev *dev, struct vitro_err *err)
{
    const char *name = dev->ops->name;
    size_t at = 0;

    if (len == 0 || len - 1 > UINT64_MAX - base)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "device %s at 0x%" PRIx64 ": empty or wrapping range", name, base);
    if (bus->nranges == BUS_RANGES_MAX)
        return err_set(err, -ENOSPC, "device %s: more than %d ranges on one bus", name,
                       BUS_RANGES_MAX);
    for (size_t i = 0; i < bus->nranges; i++) {
        const struct bus_range *r = &bus->range[i];

        if (ranges_overlap(r->base, r->len, base, len))
            return err_class(err, VITRO_ERR_USAGE, -EEXIST,
                             "device %s at 0x%" PRIx64 " overlaps %s at 0x%" PRIx64, name, base,
                             r->dev->ops->name, r->base);
        if (r->base < base)
            at = i + 1;
    }
    memmove(&bus->range[at + 1], &bus->range[at], (bus->nranges - at) * sizeof(bus->range[0]));
    bus->range[at] = (struct bus_range){ base, len, dev };
    bus->nranges++;
    return 0;
}

static const struct bus_range *bus_find(const struct bus *bus, uint64_t addr)
{
    size_t lo = 0, hi = bus->nranges;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        const struct bus_range *r = &bus->range[mid];

        if (addr < r->base)
            hi = mid;
        else if (addr - r->base >= r->len)
            lo = mid + 1;
        else
            return r;
    }
    return NULL;
}

struct dev *bus_dev(const struct bus *bus, uint64_t addr)
{
    const struct bus_range *r = bus_find(bus, addr);

    return r != NULL ? r->dev : NULL;
}

/* Widest step the chip decodes that divides the access; 0 if the access is narrower than any. */
static unsigned dev_step(const struct dev *dev, unsigned width)
{
    while (width > 0 && !(dev->ops->widths & width))
        width /= 2;
    return width;
}

/* The range that answers the whole access, and the step to take; NULL when nobody does. */
static const struct bus_range *bus_claim(struct bus *bus, uint64_t addr, unsigned width,
                                         unsigned *step)
{
    const struct bus_range *r = bus_find(bus, addr);

    *step = r != NULL ? dev_step(r->dev, width) : 0;
    if (*step == 0 || width > r->len - (addr - r->base)) {
        bus->unclaimed++;
        return NULL;
    }
    return r;
}

uint64_t bus_read(struct bus *bus, uint64_t addr, unsigned width)
{
    unsigned step;
    const struct bus_range *r = bus_claim(bus, addr, width, &step);
    uint64_t val = 0;

    if (r == NULL)
        return ones(width);
    for (unsigned i = 0; i < width; i += step)
        val |= (r->dev->ops->read(r->dev, addr - r->base + i, step) & ones(step)) << (8 * i);
    r->dev->reads++;
    return val;
}

void bus_write(struct bus *bus, uint64_t addr, unsigned width, uint64_t val)
{
    unsigned step;
    const struct bus_range *r = bus_claim(bus, addr, width, &step);

    if (r == NULL)
        return;
    for (unsigned i = 0; i < width; i += step)
        r->dev->ops->write(r->dev, addr - r->base + i, step, (val >> (8 * i)) & ones(step));
    r->dev->writes++;
}
