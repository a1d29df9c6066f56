/* SPDX-License-Identifier: MIT */
/* figures.c - a sample as numbers. */
#include "top/figures.h"

#include <stdlib.h>
#include <string.h>

static const char *word(const json_t *o, const char *key)
{
    const char *text = json_string_value(json_object_get(o, key));

    return text != NULL ? text : "";
}

static double number(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static uint64_t address(const json_t *o, const char *key)
{
    return strtoull(word(o, key), NULL, 16);
}

static int by_kind_rate(const void *a, const void *b)
{
    double x = ((const struct kind_row *)a)->rate, y = ((const struct kind_row *)b)->rate;

    return (x < y) - (x > y);
}

/* What found no row of its own has no address: at the end. */
static int by_place_rate(const void *a, const void *b)
{
    const struct place_row *p = a, *q = b;

    if ((*p->rip == '\0') != (*q->rip == '\0'))
        return *p->rip == '\0' ? 1 : -1;
    return (p->rate < q->rate) - (p->rate > q->rate);
}

static int by_weight(const void *a, const void *b)
{
    double x = ((const struct spot *)a)->weight, y = ((const struct spot *)b)->weight;

    return (x < y) - (x > y);
}

static int by_traffic(const void *a, const void *b)
{
    const struct device_row *x = a, *y = b;
    double n = x->reads + x->writes, m = y->reads + y->writes;

    return (n < m) - (n > m);
}

static void add_kind(struct figures *f, const char *reason, double rate)
{
    unsigned i = 0;

    while (i < f->nkinds && strcmp(f->kind[i].reason, reason) != 0)
        i++;
    if (i == KINDS_MAX)
        return;
    if (i == f->nkinds)
        f->kind[f->nkinds++] = (struct kind_row){ .reason = reason };
    f->kind[i].rate += rate;
}

static void add_exit(struct figures *f, const json_t *row)
{
    double seconds = f->of->seconds, rate = number(row, "exits") / seconds;
    double cpu = number(row, "cpu");

    add_kind(f, word(row, "reason"), rate);
    f->rate += rate;
    if (cpu >= 0 && cpu < f->ncpus) {
        struct cpu_row *c = &f->cpu[(unsigned)cpu];

        c->rate += rate;
        c->guest = (c->guest < 0 ? 0 : c->guest) + number(row, "guest_ns") / 1e9 / seconds;
        c->monitor += number(row, "monitor_ns") / 1e9 / seconds;
    }
    if (f->nplaces < PLACES_MAX)
        f->place[f->nplaces++] = (struct place_row){
            .reason = word(row, "reason"),
            .direction = word(row, "direction"),
            .address = word(row, "address"),
            .device = word(row, "device"),
            .rip = word(row, "rip"),
            .symbol = word(row, "symbol"),
            .rate = rate,
        };
}

static void make_cpus(struct figures *f)
{
    f->ncpus = f->of->ncpus;
    for (unsigned i = 0; i < f->ncpus; i++)
        f->cpu[i] = (struct cpu_row){
            .mode = word(f->of->regs[i], "mode"),
            .rip = word(f->of->regs[i], "rip"),
            .symbol = word(f->of->regs[i], "symbol"),
            .cpl = (int)number(f->of->regs[i], "cpl"),
            .guest = -1,
        };
}

static double clip(double share)
{
    return share > 1 ? 1 : share;
}

static void make_exits(struct figures *f)
{
    const json_t *row;
    size_t i;

    json_array_foreach(json_object_get(f->of->exits, "rows"), i, row) add_exit(f, row);
    qsort(f->kind, f->nkinds, sizeof(f->kind[0]), by_kind_rate);
    qsort(f->place, f->nplaces, sizeof(f->place[0]), by_place_rate);
    for (unsigned cpu = 0; cpu < f->ncpus; cpu++) {
        f->cpu[cpu].guest = clip(f->cpu[cpu].guest);
        f->cpu[cpu].monitor = clip(f->cpu[cpu].monitor);
    }
}

static void make_seen(struct figures *f)
{
    double sum = 0;

    f->nseen = f->of->nspots;
    memcpy(f->seen, f->of->spot, sizeof(f->seen));
    for (unsigned i = 0; i < f->nseen; i++)
        sum += f->seen[i].weight;
    for (unsigned i = 0; i < f->nseen; i++)
        f->seen[i].weight /= sum;
    qsort(f->seen, f->nseen, sizeof(f->seen[0]), by_weight);
}

static void make_devices(struct figures *f)
{
    const json_t *before = json_object_get(f->of->before, "devices"), *d;
    double seconds = f->of->seconds;
    size_t i;

    json_array_foreach(json_object_get(f->of->devices, "devices"), i, d)
    {
        const json_t *was = json_array_get(before, i); /* the table does not change */

        if (f->ndevices == DEVICES_MAX)
            break;
        f->device[f->ndevices++] = (struct device_row){
            .name = word(d, "name"),
            .space = word(d, "space"),
            .base = word(d, "base"),
            .reads = was != NULL ? (number(d, "reads") - number(was, "reads")) / seconds : 0,
            .writes = was != NULL ? (number(d, "writes") - number(was, "writes")) / seconds : 0,
        };
    }
    qsort(f->device, f->ndevices, sizeof(f->device[0]), by_traffic);
}

static void make_ranges(struct figures *f)
{
    const json_t *r;
    size_t i;

    json_array_foreach(json_object_get(f->of->map, "ranges"), i, r)
    {
        const json_t *pages = json_object_get(r, "host_pages");

        if (f->nranges == RANGES_MAX)
            break;
        if (!json_is_string(json_object_get(r, "gpa")))
            continue;
        f->range[f->nranges++] = (struct range_row){
            .name = word(r, "name"),
            .use = word(r, "use"),
            .gpa = address(r, "gpa"),
            .bytes = (uint64_t)number(r, "bytes"),
            .slot = json_is_true(json_object_get(r, "slot")),
            .resident_known = json_is_object(pages),
            .resident = (uint64_t)number(pages, "resident"),
        };
    }
}

void figures_make(struct figures *f, const struct sample *s)
{
    memset(f, 0, sizeof(*f));
    f->of = s;
    make_cpus(f);
    make_exits(f);
    make_seen(f);
    make_devices(f);
    make_ranges(f);
}

/* Of what a cell says of this range: all of it, or only pages that were looked at, where the cell is larger. */
static double cell_heat(const json_t *cell, uint64_t gpa, uint64_t bytes)
{
    uint64_t base = address(cell, "gpa"), len = (uint64_t)number(cell, "bytes");
    const json_t *at;
    size_t i;

    if (base >= gpa + bytes || gpa >= base + len)
        return 0;
    if (len <= bytes)
        return number(cell, "looked") > 0 ? number(cell, "changed") / number(cell, "looked") : 0;
    json_array_foreach(json_object_get(cell, "at"), i, at)
    {
        const char *text = json_string_value(at);
        uint64_t page = text != NULL ? strtoull(text, NULL, 16) : UINT64_MAX;

        if (page < gpa + bytes && gpa < page + 4096)
            return 1;
    }
    return 0;
}

double figures_heat(const struct figures *f, uint64_t gpa, uint64_t bytes)
{
    const json_t *cell;
    double most = 0;
    size_t i;

    json_array_foreach(json_object_get(f->of->heat, "hot"), i, cell)
    {
        double heat = cell_heat(cell, gpa, bytes);

        most = heat > most ? heat : most;
    }
    return most;
}
