/* SPDX-License-Identifier: MIT */
/* devices.c - collects the devices of a machine from its buses, as data and as JSON. */
#include <assert.h>
#include <errno.h>

#include "inspect/inspect_devices.h"
#include "inspect/json_parts.h"

/* ---- rows ------------------------------------------------------------------------------------ */

static size_t add_bus(const struct bus *bus, bool port, struct devices_row *rows)
{
    for (size_t i = 0; i < bus->nranges; i++)
        rows[i] = (struct devices_row){ bus->range[i].dev, &bus->range[i], port };
    return bus->nranges;
}

static bool is_there(const struct devices_row *rows, size_t n, const struct dev *dev)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i].dev == dev)
            return true;
    }
    return false;
}

size_t devices_rows(const struct machine *m, struct devices_row rows[DEVICES_ROWS_MAX])
{
    size_t n = add_bus(&m->pio, true, rows);

    n += add_bus(&m->mmio, false, rows + n);
    for (unsigned i = 0; i < m->ndevs; i++) {
        if (!is_there(rows, n, m->dev[i]))
            rows[n++] = (struct devices_row){ .dev = m->dev[i] };
    }
    return n;
}

size_t devices_regs(const struct dev *dev, struct dev_reg rows[DEV_REGS_MAX])
{
    size_t n = dev->ops->regs != NULL ? dev->ops->regs(dev, rows) : 0;

    assert(n <= DEV_REGS_MAX);
    return n;
}

/* ---- data ------------------------------------------------------------------------------------ */

void devices_read(const struct machine *m, struct vitro_device_row *rows, size_t max, size_t *n)
{
    struct devices_row row[DEVICES_ROWS_MAX];
    struct dev_reg regs[DEV_REGS_MAX];

    *n = devices_rows(m, row);
    for (size_t i = 0; i < *n && i < max; i++) {
        const struct dev *dev = row[i].dev;

        rows[i] = (struct vitro_device_row){
            .name = dev->ops->name,
            .port = row[i].port,
            .base = row[i].at != NULL ? row[i].at->base : 0,
            .len = row[i].at != NULL ? row[i].at->len : 0,
            .reads = dev->reads,
            .writes = dev->writes,
            .refused = dev->refused,
            .nregs = (unsigned)devices_regs(dev, regs),
        };
    }
}

int devices_read_regs(const struct machine *m, size_t device, struct vitro_device_reg *rows,
                      size_t max, size_t *n, struct vitro_err *err)
{
    struct devices_row row[DEVICES_ROWS_MAX];
    struct dev_reg regs[DEV_REGS_MAX];
    size_t ndevices = devices_rows(m, row);

    if (device >= ndevices)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "device %zu: the machine has %zu, counted from 0", device, ndevices);
    *n = devices_regs(row[device].dev, regs);
    for (size_t i = 0; i < *n && i < max; i++) {
        rows[i] = (struct vitro_device_reg){ regs[i].name, regs[i].width, regs[i].value, "" };
        if (regs[i].bits != NULL)
            names_print(regs[i].bits, regs[i].value, " ", rows[i].bits, sizeof(rows[i].bits));
    }
    return 0;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* Every bit and field with its value, zeros too; null for a register that has none. */
static json_t *bits_json(const struct dev_reg *reg)
{
    json_t *obj;

    if (reg->bits == NULL)
        return json_null();
    obj = json_object();
    for (size_t i = 0; i < reg->bits->n; i++) {
        const struct bit_name *bit = &reg->bits->row[i];

        if (json_object_set_new(obj, bit->name,
                                part_num((reg->value & bit->mask) >> __builtin_ctzll(bit->mask))) <
            0) {
            json_decref(obj);
            return NULL;
        }
    }
    return obj;
}

static json_t *regs_json(const struct dev *dev)
{
    struct dev_reg regs[DEV_REGS_MAX];
    size_t n = devices_regs(dev, regs);
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        part_append(&list, json_pack("{s:s, s:o, s:i, s:o}", "name", regs[i].name, "value",
                                     json_hex(regs[i].value), "bytes", (int)regs[i].width, "bits",
                                     bits_json(&regs[i])));
    return list;
}

static json_t *row_json(const struct devices_row *row)
{
    const struct dev *dev = row->dev;
    const char *space = row->port ? "port" : row->at != NULL ? "memory" : NULL;

    return json_pack(
        "{s:o, s:s?, s:o, s:o, s:o, s:o, s:o, s:o}", "name", part_name(dev->ops->name), "space",
        space, "base", part_hex_if(row->at != NULL, row->at ? row->at->base : 0), "bytes",
        part_num(row->at ? row->at->len : 0), "reads", part_num(dev->reads), "writes",
        part_num(dev->writes), "refused", part_num(dev->refused), "registers", regs_json(dev));
}

int devices_json(const struct machine *m, char **out, struct vitro_err *err)
{
    struct devices_row rows[DEVICES_ROWS_MAX];
    size_t n = devices_rows(m, rows);
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        part_append(&list, row_json(&rows[i]));
    return json_finish(json_pack("{s:o, s:o, s:{s:o, s:o}}", "name", part_name(m->name), "devices",
                                 list, "unclaimed", "port", part_num(m->pio.unclaimed), "memory",
                                 part_num(m->mmio.unclaimed)),
                       out, err);
}
