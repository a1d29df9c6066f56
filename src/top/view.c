/* SPDX-License-Identifier: MIT */
/*
 * view.c - the figures as rows of text
 *
 * One part under the other. Each gets the rows it wants if there are as many, otherwise what it needs at least
 * and a fair part of the rest.
 */
#include "top/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PARTS = 5, BAR = 20 };

struct part {
    const char *title;
    unsigned (*want)(const struct figures *f); /* rows, without the title */
    void (*draw)(struct sheet *s, const struct figures *f, unsigned rows);
};

/* ---- numbers --------------------------------------------------------------------------------- */

enum { NUMBER = 32 };

static const char *rate_text(double rate, char buf[NUMBER])
{
    if (rate >= 999999.5)
        snprintf(buf, NUMBER, "%.2fM", rate / 1e6);
    else if (rate >= 9999.5)
        snprintf(buf, NUMBER, "%.1fk", rate / 1e3);
    else if (rate >= 9.95 || rate == 0)
        snprintf(buf, NUMBER, "%.0f", rate);
    else
        snprintf(buf, NUMBER, "%.1f", rate);
    return buf;
}

static const char *size_text(uint64_t bytes, char buf[NUMBER])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double n = (double)bytes;
    unsigned u = 0;

    while (n >= 1024 && u < 4) {
        n /= 1024;
        u++;
    }
    snprintf(buf, NUMBER, n < 10 && n != (double)(int)n ? "%.1f %s" : "%.0f %s", n, units[u]);
    return buf;
}

static const char *percent_text(double share, char buf[NUMBER])
{
    snprintf(buf, NUMBER, "%.0f %%", share * 100);
    return buf;
}

static void bar(struct sheet *s, double share)
{
    unsigned n = (unsigned)(share * BAR + 0.5);

    for (unsigned i = 0; i < BAR; i++)
        sheet_put(s, i < n ? SHEET_HOT : SHEET_DIM, "%s", i < n ? "=" : ".");
}

/* ---- exits ----------------------------------------------------------------------------------- */

static unsigned want_kinds(const struct figures *f)
{
    return f->nkinds > 0 ? f->nkinds : 1;
}

static void draw_kinds(struct sheet *s, const struct figures *f, unsigned rows)
{
    char n[NUMBER];

    if (f->nkinds == 0) {
        sheet_next(s);
        sheet_put(s, SHEET_DIM, "  none in this interval");
    }
    for (unsigned i = 0; i < f->nkinds && i < rows; i++) {
        sheet_next(s);
        sheet_put(s, SHEET_PLAIN, "  %s", f->kind[i].reason);
        sheet_put_right(s, SHEET_STRONG, 24, rate_text(f->kind[i].rate, n));
        sheet_to(s, 26);
        bar(s, f->rate > 0 ? f->kind[i].rate / f->rate : 0);
    }
}

/* ---- hot addresses: of exits, and where CPUs were seen beside them ------------------------------ */

static unsigned want_hot(const struct figures *f)
{
    unsigned n = f->nplaces > f->nseen ? f->nplaces : f->nseen;

    return n < 1 ? 1 : n < 12 ? n : 12;
}

static void draw_place(struct sheet *s, const struct place_row *p)
{
    char n[NUMBER];

    sheet_put(s, SHEET_PLAIN, "  %s", *p->rip != '\0' ? p->rip : "(others)");
    sheet_put_right(s, SHEET_STRONG, 30, rate_text(p->rate, n));
    sheet_to(s, 32);
    sheet_put(s, SHEET_PLAIN, "%s %s%s%s", p->reason, p->direction,
              *p->direction != '\0' ? " " : "", p->address);
    if (*p->symbol != '\0')
        sheet_put(s, SHEET_TITLE, "  %s", p->symbol);
    else if (*p->device != '\0')
        sheet_put(s, SHEET_DIM, "  %s", p->device);
}

static void draw_hot(struct sheet *s, const struct figures *f, unsigned rows)
{
    unsigned column = s->width >= 110 ? 74 : s->width > 60 ? s->width - 28 : s->width;
    char n[NUMBER];

    for (unsigned i = 0; i < rows && (i < f->nplaces || i < f->nseen); i++) {
        unsigned width = s->width;

        sheet_next(s);
        s->width = column - 2;
        if (i < f->nplaces)
            draw_place(s, &f->place[i]);
        s->width = width;
        if (i >= f->nseen || column == width)
            continue;
        sheet_to(s, column);
        sheet_put_right(s, SHEET_STRONG, column + 6, percent_text(f->seen[i].weight, n));
        sheet_put(s, SHEET_PLAIN, "  %s", f->seen[i].name);
    }
}

/* ---- CPUs ------------------------------------------------------------------------------------ */

static unsigned want_cpus(const struct figures *f)
{
    return f->ncpus;
}

static void draw_cpus(struct sheet *s, const struct figures *f, unsigned rows)
{
    char n[NUMBER];

    for (unsigned i = 0; i < f->ncpus && i < rows; i++) {
        const struct cpu_row *c = &f->cpu[i];

        sheet_next(s);
        sheet_put(s, SHEET_PLAIN, "  CPU %u  %s, ring %d", i, c->mode, c->cpl);
        sheet_to(s, 34);
        sheet_put(s, SHEET_DIM, "guest ");
        sheet_put_right(s, SHEET_STRONG, 45, c->guest < 0 ? "-" : percent_text(c->guest, n));
        sheet_put(s, SHEET_DIM, "  monitor ");
        sheet_put_right(s, SHEET_STRONG, 61, percent_text(c->monitor, n));
        sheet_to(s, 63);
        sheet_put(s, SHEET_PLAIN, "%s", c->rip);
        if (*c->symbol != '\0')
            sheet_put(s, SHEET_TITLE, "  %s", c->symbol);
    }
}

/* ---- memory ---------------------------------------------------------------------------------- */

static unsigned want_memory(const struct figures *f)
{
    return f->nranges < 14 ? f->nranges : 14;
}

/* Each character is a part of the slot; the more of it has changed, the heavier. */
static void draw_strip(struct sheet *s, const struct figures *f, const struct range_row *r)
{
    static const char marks[] = ".:+*#";
    unsigned n = s->width > 54 ? s->width - 51 : 2;
    uint64_t pages = r->bytes / 4096;

    if (n > pages)
        n = (unsigned)pages;
    sheet_put(s, SHEET_DIM, "[");
    for (unsigned i = 0; i < n; i++) {
        uint64_t from = pages * i / n * 4096, end = pages * (i + 1) / n * 4096;
        double heat = figures_heat(f, r->gpa + from, end - from);
        char mark[2] = { heat > 0 ? marks[(unsigned)(heat * 4)] : ' ', '\0' };

        sheet_put(s, SHEET_HOT, "%s", mark);
    }
    sheet_put(s, SHEET_DIM, "]");
}

static void draw_range(struct sheet *s, const struct figures *f, const struct range_row *r)
{
    char n[NUMBER], at[NUMBER];

    snprintf(at, sizeof(at), "0x%" PRIx64, r->gpa);
    sheet_put(s, r->slot ? SHEET_STRONG : SHEET_PLAIN, "%s%.17s", r->slot ? "  " : "    ", r->name);
    sheet_put_right(s, SHEET_DIM, 32, at);
    sheet_put_right(s, SHEET_PLAIN, 41, size_text(r->bytes, n));
    if (r->resident_known && r->bytes > 0)
        sheet_put_right(s, SHEET_DIM, 48, percent_text((double)r->resident / (double)r->bytes, n));
    if (r->slot) {
        sheet_to(s, 49);
        draw_strip(s, f, r);
    } else if (figures_heat(f, r->gpa, r->bytes) > 0) {
        sheet_put(s, SHEET_HOT, "  changed");
    }
}

static void draw_memory(struct sheet *s, const struct figures *f, unsigned rows)
{
    unsigned nslots = 0, others;

    for (unsigned i = 0; i < f->nranges; i++)
        nslots += f->range[i].slot;
    others = rows > nslots ? rows - nslots : 0;
    for (unsigned i = 0; i < f->nranges && rows > 0; i++) {
        if (!f->range[i].slot && others == 0)
            continue;
        others -= !f->range[i].slot;
        rows--;
        sheet_next(s);
        draw_range(s, f, &f->range[i]);
    }
}

/* ---- devices --------------------------------------------------------------------------------- */

static unsigned want_devices(const struct figures *f)
{
    return f->ndevices < 8 ? f->ndevices : 8;
}

static void draw_devices(struct sheet *s, const struct figures *f, unsigned rows)
{
    char n[NUMBER];

    for (unsigned i = 0; i < f->ndevices && i < rows; i++) {
        const struct device_row *d = &f->device[i];

        sheet_next(s);
        sheet_put(s, SHEET_PLAIN, "  %.20s", d->name);
        sheet_to(s, 24);
        sheet_put(s, SHEET_DIM, "%s %s", d->space, d->base);
        sheet_put_right(s, SHEET_STRONG, 52, rate_text(d->reads, n));
        sheet_put(s, SHEET_DIM, " read");
        sheet_put_right(s, SHEET_STRONG, 66, rate_text(d->writes, n));
        sheet_put(s, SHEET_DIM, " written");
    }
}

/* ---- all of it ------------------------------------------------------------------------------- */

static const struct part parts[PARTS] = {
    { "Exits a second", want_kinds, draw_kinds },
    { "Hot addresses", want_hot, draw_hot },
    { "CPUs", want_cpus, draw_cpus },
    { "Memory", want_memory, draw_memory },
    { "Devices", want_devices, draw_devices },
};

static const char *info(const struct figures *f, const char *key)
{
    const char *text = json_string_value(json_object_get(f->of->info, key));

    return text != NULL ? text : "";
}

static void draw_head(struct sheet *s, const struct figures *f)
{
    const json_t *of = f->of->info;
    json_int_t cpus = json_integer_value(json_object_get(of, "cpus"));
    const char *reason = info(f, "reason");
    char n[NUMBER];

    sheet_put(s, SHEET_STRONG, "%.40s", info(f, "name"));
    sheet_put(s, SHEET_TITLE, "  %s%s%s", info(f, "state"), *reason != '\0' ? ": " : "", reason);
    sheet_put(s, SHEET_DIM, "  %.40s on %s, %lld CPU%s, %s, %.0f s", info(f, "guest"),
              info(f, "engine"), (long long)cpus, cpus == 1 ? "" : "s",
              size_text((uint64_t)json_integer_value(json_object_get(of, "mem_bytes")), n),
              (double)json_integer_value(json_object_get(of, "up_ns")) / 1e9);
}

/* What each part gets of `left` rows; it needs two if it wants any. */
static void share_out(const struct figures *f, unsigned left, unsigned rows[PARTS])
{
    bool more = true;

    memset(rows, 0, PARTS * sizeof(rows[0]));
    while (left > 0 && more) {
        more = false;
        for (unsigned i = 0; i < PARTS && left > 0; i++) {
            if (rows[i] < parts[i].want(f)) {
                rows[i]++;
                left--;
                more = true;
            }
        }
    }
}

static void draw_title(struct sheet *s, const struct figures *f, const struct part *p)
{
    char n[NUMBER];

    sheet_next(s);
    sheet_put(s, SHEET_TITLE, "%s", p->title);
    if (p->draw == draw_kinds)
        sheet_put(s, SHEET_STRONG, "  %s", rate_text(f->rate, n));
    if (p->draw == draw_hot)
        sheet_put(s, SHEET_DIM, "  exits a second, and where CPUs were seen");
    if (p->draw == draw_memory)
        sheet_put(s, SHEET_DIM, "  address, size, resident, what has changed (%lld of %lld pages)",
                  (long long)json_integer_value(json_object_get(f->of->heat, "looked")),
                  (long long)json_integer_value(json_object_get(f->of->heat, "pages")));
}

void view_draw(struct sheet *s, const struct figures *f)
{
    unsigned rows[PARTS];

    draw_head(s, f);
    share_out(f, s->height > 1 + PARTS ? s->height - 1 - PARTS : 0, rows);
    for (unsigned i = 0; i < PARTS; i++) {
        if (sheet_left(s) == 0)
            return;
        draw_title(s, f, &parts[i]);
        parts[i].draw(s, f, rows[i]);
    }
}
