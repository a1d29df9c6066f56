/* SPDX-License-Identifier: MIT */
/* devices_text.c - the devices of a machine, for people. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/names.h"
#include "inspect/grid.h"
#include "inspect/inspect_devices.h"
#include "inspect/show.h"

/* Columns: where, device, reads, writes, refused. */
enum { NUMBERS = 1 << 2 | 1 << 3 | 1 << 4, NAME_SHOWN = 32 };

static void count_cell(struct grid *g, enum ink ink, uint64_t n)
{
    char buf[SHOW_NUM];

    grid_add(g, n == 0 ? INK_DIM : ink, "%s", show_count(n, buf));
}

static void device_cells(struct grid *g, const struct devices_row *row)
{
    const struct bus_range *at = row->at;
    struct text name = { 0 };

    if (at == NULL)
        grid_add(g, INK_DIM, "nowhere");
    else if (at->len == 1)
        grid_add(g, INK_STRONG, "0x%" PRIx64, at->base);
    else
        grid_add(g, INK_STRONG, "0x%" PRIx64 "-0x%" PRIx64, at->base, at->base + (at->len - 1));
    show_name(&name, row->dev->ops->name, NAME_SHOWN); /* an embedder's may be anything */
    grid_add(g, INK_STRONG, "%s", name.buf != NULL ? name.buf : "");
    text_fini(&name);
    count_cell(g, INK_PLAIN, row->dev->reads);
    count_cell(g, INK_PLAIN, row->dev->writes);
    count_cell(g, INK_BAD, row->dev->refused);
    grid_end(g);
}

/* Those that are set, a line each. */
static void bit_lines(struct grid *g, const struct dev_reg *reg)
{
    char name[64];

    for (size_t i = 0; i < reg->bits->n; i++) {
        const struct bit_name *bit = &reg->bits->row[i];
        struct bit_table one = { bit, 1 };

        if (reg->value & bit->mask)
            grid_line(g, INK_DIM, "        bit %-2d  %-10s  %s", __builtin_ctzll(bit->mask),
                      names_print(&one, reg->value & bit->mask, "", name, sizeof(name)), bit->what);
    }
}

static void reg_lines(struct grid *g, const struct dev *dev, bool all)
{
    struct dev_reg regs[DEV_REGS_MAX];
    size_t n = devices_regs(dev, regs), longest = 0;
    char names[256];

    for (size_t i = 0; i < n; i++)
        longest = strlen(regs[i].name) > longest ? strlen(regs[i].name) : longest;
    for (size_t i = 0; i < n; i++) {
        const struct dev_reg *reg = &regs[i];

        names[0] = '\0';
        if (reg->bits != NULL)
            names_print(reg->bits, reg->value, " ", names, sizeof(names));
        grid_line(g, reg->value == 0 ? INK_DIM : INK_PLAIN, "    %-*s  0x%0*" PRIx64 "%s%s",
                  (int)longest, reg->name, 2 * (int)reg->width, reg->value, *names ? "  " : "",
                  names);
        if (all && reg->bits != NULL)
            bit_lines(g, reg);
    }
}

/* "3 port accesses" */
static void add_unclaimed(struct text *t, uint64_t n, const char *space)
{
    char buf[SHOW_NUM];

    text_add(t, "%s %s access%s", show_count(n, buf), space, n == 1 ? "" : "es");
}

int devices_text(const struct machine *m, bool all, bool color, char **out, struct vitro_err *err)
{
    static const char *const heads[] = { "where", "device", "reads", "writes", "refused" };
    struct grid g = { .color = color, .right = NUMBERS };
    struct devices_row rows[DEVICES_ROWS_MAX];
    size_t n = devices_rows(m, rows);
    struct text t = { 0 };

    ink_add(&t, color, INK_STRONG, "Devices of ");
    show_name(&t, m->name, sizeof(m->name));
    text_add(&t, "\n\n");
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        grid_add(&g, INK_DIM, "%s", heads[i]);
    grid_end(&g);
    for (size_t i = 0; i < n; i++) {
        device_cells(&g, &rows[i]);
        reg_lines(&g, rows[i].dev, all);
    }
    grid_print(&g, &t);
    text_add(&t, "\nanswered by nobody: ");
    add_unclaimed(&t, m->pio.unclaimed, "port");
    text_add(&t, ", ");
    add_unclaimed(&t, m->mmio.unclaimed, "memory");
    text_add(&t, "\n");
    return show_finish(&t, "the devices", out, err);
}
