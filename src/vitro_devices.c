/* SPDX-License-Identifier: MIT */
/* vitro_devices.c - the library's face: devices of the embedder's, and views of all. */
#include <vitro/device.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/bits.h"
#include "inspect/inspect_devices.h"
#include "vitro_priv.h"

/* ---- devices of the embedder ----------------------------------------------------------------- */

struct user_dev {
    struct dev dev;     /* first */
    struct dev_ops ops; /* its own, since name and widths are the embedder's */
    struct vitro_device user;
};

static uint64_t user_read(struct dev *dev, uint64_t off, unsigned width)
{
    const struct user_dev *u = (const struct user_dev *)dev;

    return u->user.read != NULL ? u->user.read(u->user.ctx, off, width) : UINT64_MAX;
}

static void user_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    const struct user_dev *u = (const struct user_dev *)dev;

    if (u->user.write != NULL)
        u->user.write(u->user.ctx, off, width, val);
}

static void user_free(struct dev *dev)
{
    free(dev);
}

/* The bus refuses empty, wrapping and overlapping ranges itself. */
static int check_place(const struct machine *machine, const struct vitro_device *dev,
                       struct vitro_err *err)
{
    if (dev->bus == VITRO_BUS_PIO && (dev->base > 0xffff || dev->len > 0x10000 - dev->base))
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "device %s: ports end at 0xffff",
                         dev->name);
    for (size_t i = 0; dev->bus == VITRO_BUS_MMIO && i < machine->mem.nslots; i++) {
        const struct mem_slot *s = &machine->mem.slot[i];

        if (ranges_overlap(dev->base, dev->len, s->base, s->len))
            return err_class(err, VITRO_ERR_USAGE, -EEXIST,
                             "device %s at 0x%" PRIx64 ": %s is there", dev->name, dev->base,
                             s->name);
    }
    return 0;
}

int vitro_add_device(struct vitro *m, const struct vitro_device *dev, struct vitro_err *err)
{
    struct machine *machine = m->board->m;
    struct user_dev *u;
    int rc;

    if (m->has_run)
        return err_set(err, -EBUSY, "device %s: the machine has run already", dev->name);
    rc = check_place(machine, dev, err);
    if (rc < 0)
        return rc;
    u = calloc(1, sizeof(*u));
    if (u == NULL)
        return err_set(err, -ENOMEM, "device %s: out of memory", dev->name);
    u->user = *dev;
    u->ops = (struct dev_ops){ .name = dev->name,
                               .widths = dev->widths != 0 ? dev->widths : W8,
                               .read = user_read,
                               .write = user_write,
                               .free = user_free };
    u->dev.ops = &u->ops;
    m->has_user_devs = true;
    rc = machine_add_dev(machine, &u->dev, err);
    if (rc < 0)
        return rc;
    return bus_add(dev->bus == VITRO_BUS_PIO ? &machine->pio : &machine->mmio, dev->base, dev->len,
                   &u->dev, err);
}

/* ---- views ------------------------------------------------------------------------------------ */

int vitro_devices(const struct vitro *m, struct vitro_device_row *rows, size_t max, size_t *n,
                  struct vitro_err *err)
{
    (void)err; /* nothing here can fail */
    devices_read(m->board->m, rows, max, n);
    return 0;
}

int vitro_device_regs(const struct vitro *m, size_t device, struct vitro_device_reg *rows,
                      size_t max, size_t *n, struct vitro_err *err)
{
    return devices_read_regs(m->board->m, device, rows, max, n, err);
}

uint64_t vitro_unclaimed(const struct vitro *m, bool port)
{
    return port ? m->board->m->pio.unclaimed : m->board->m->mmio.unclaimed;
}

int vitro_show_devices(const struct vitro *m, bool all, const struct vitro_style *style, char **out,
                       struct vitro_err *err)
{
    bool json = style != NULL && style->format == VITRO_JSON;
    int rc;

    pause_hold(m->board->m);
    rc = json ? devices_json(m->board->m, out, err)
              : devices_text(m->board->m, all, style != NULL && style->color, out, err);
    pause_release(m->board->m);
    return rc;
}
