/* SPDX-License-Identifier: MIT */
/* map_devices.c - the part of the map that is no memory: where devices answer, in memory's space and in that of ports. */
#include "inspect/map_devices.h"

#include <inttypes.h>

#include "inspect/inspect_devices.h"
#include "inspect/inspect_spaces.h"
#include "inspect/json_parts.h"
#include "inspect/show.h"

enum { NAME_SHOWN = 32, PORT_DIGITS = 4 };

static void draw_row(struct grid *g, const struct devices_row *row, int digits)
{
    const struct bus_range *at = row->at;
    struct text name = { 0 };
    char size[SPACE_WORDS];

    show_name(&name, row->dev->ops->name, NAME_SHOWN); /* an embedder's may be anything */
    grid_add(g, INK_PLAIN, "%s0x%0*" PRIx64 "-0x%0*" PRIx64, row->port ? "port " : "", digits,
             at->base, digits, at->base + (at->len - 1));
    grid_add(g, INK_STRONG, "%s", name.buf != NULL ? name.buf : "");
    grid_add(g, INK_PLAIN, "%s", space_size(at->len, size));
    grid_end(g);
    text_fini(&name);
}

void map_draw_devices(struct grid *g, const struct machine *m, unsigned digits)
{
    struct devices_row rows[DEVICES_ROWS_MAX];
    size_t n = devices_rows(m, rows);

    if (m->pio.nranges + m->mmio.nranges == 0)
        return;
    grid_line(g, INK_PLAIN, "%s", "");
    grid_line(g, INK_DIM, "devices: no memory behind it, an access goes to the device");
    for (size_t i = 0; i < n; i++) {
        if (rows[i].at != NULL && !rows[i].port)
            draw_row(g, &rows[i], (int)digits);
    }
    for (size_t i = 0; i < n; i++) {
        if (rows[i].at != NULL && rows[i].port)
            draw_row(g, &rows[i], PORT_DIGITS);
    }
}

json_t *map_devices_json(const struct machine *m)
{
    struct devices_row rows[DEVICES_ROWS_MAX];
    size_t n = devices_rows(m, rows);
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        if (rows[i].at != NULL)
            part_append(&list,
                        json_pack("{s:o, s:s, s:o, s:o}", "device",
                                  part_name(rows[i].dev->ops->name), "space",
                                  rows[i].port ? "port" : "memory", "base",
                                  json_hex(rows[i].at->base), "bytes", part_num(rows[i].at->len)));
    }
    return list;
}
