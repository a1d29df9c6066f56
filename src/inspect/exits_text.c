/* SPDX-License-Identifier: MIT */
/* exits_text.c - exit counters and the last exits, as tables for people. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/grid.h"
#include "inspect/inspect_cpu.h"
#include "inspect/show.h"

enum {
    NAME_SHOWN = 24,   /* bytes of a device's name */
    DETAIL_SHOWN = 80, /* bytes of an engine's words */
    DR6_CAUSES = 0xe00f,
};

/* "debugcon", or that nobody is there; escaped. */
static void device_cell(struct grid *g, bool is_access, const char *device)
{
    struct text t = { 0 };

    show_name(&t, device, NAME_SHOWN);
    if (is_access && device == NULL)
        grid_add(g, INK_DIM, "(nobody)");
    else
        grid_add(g, INK_PLAIN, "%s", t.buf != NULL ? t.buf : "");
    text_fini(&t);
}

static void hex_cell(struct grid *g, bool there, uint64_t v)
{
    if (there)
        grid_add(g, v == 0 ? INK_DIM : INK_PLAIN, "0x%" PRIx64, v);
    else
        grid_skip(g);
}

static void word_cell(struct grid *g, const char *word)
{
    grid_add(g, INK_PLAIN, "%s", word);
}

/* ---- counters -------------------------------------------------------------------------------- */

enum exit_column {
    COL_CPU,
    COL_REASON,
    COL_DIR,
    COL_ADDR,
    COL_DEVICE,
    COL_RIP,
    COL_SYMBOL,
    COL_EXITS,
    COL_SHARE,
    COL_ACCESSES,
    COL_HELPED,
    COL_MEAN,
    COL_WORST,
    COL_GUEST,
    COL_COUNT
};
static_assert((int)COL_COUNT <= (int)GRID_COLUMNS, "one grid column each");

static const struct {
    const char *name;
    bool right;
} exit_columns[COL_COUNT] = {
    [COL_CPU] = { "cpu", true },        [COL_REASON] = { "reason", false },
    [COL_DIR] = { "dir", false },       [COL_ADDR] = { "address", true },
    [COL_DEVICE] = { "device", false }, [COL_RIP] = { "rip", true },
    [COL_SYMBOL] = { "symbol", false }, [COL_EXITS] = { "exits", true },
    [COL_SHARE] = { "share", true },    [COL_ACCESSES] = { "accesses", true },
    [COL_HELPED] = { "helped", true },  [COL_MEAN] = { "monitor", true },
    [COL_WORST] = { "worst", true },    [COL_GUEST] = { "guest", true },
};

/* Columns that would say nothing in this view stay empty, and empty columns are not shown. */
struct shown {
    const struct exits_view *v;
    bool col[COL_COUNT];
};

static void choose_columns(const struct exits_view *v, struct shown *out)
{
    *out = (struct shown){ .v = v };
    memset(out->col, true, sizeof(out->col));
    out->col[COL_CPU] = v->ncpus > 1;
    out->col[COL_SYMBOL] = out->col[COL_ACCESSES] = false;
    out->col[COL_HELPED] = v->helped != 0;
    for (size_t i = 0; i < v->n; i++) {
        out->col[COL_SYMBOL] |= v->row[i].symbol[0] != '\0';
        out->col[COL_ACCESSES] |= v->row[i].accesses != v->row[i].exits;
    }
}

static void count_cells(struct grid *g, const struct shown *s, const struct vitro_exit_row *r)
{
    char num[SHOW_NUM];

    word_cell(g, show_count(r->exits, num));
    word_cell(g, show_share(r->exits, s->v->exits, num));
    word_cell(g, s->col[COL_ACCESSES] ? show_count(r->accesses, num) : "");
    word_cell(g, r->helped != 0 ? show_count(r->helped, num) : "");
    word_cell(g, show_ns(r->accesses != 0 ? r->monitor_ns / r->accesses : 0, num));
    word_cell(g, show_ns(r->monitor_worst_ns, num));
    word_cell(g, show_ns(r->guest_ns, num));
}

static void exit_cells(struct grid *g, const struct shown *s, const struct vitro_exit_row *r)
{
    bool access = r->is_access && !r->other;

    if (s->col[COL_CPU])
        grid_add(g, INK_PLAIN, "%u", r->cpu);
    else
        grid_skip(g);
    word_cell(g, r->reason);
    word_cell(g, show_direction(r->is_access, strcmp(r->reason, "pio") == 0, r->write));
    hex_cell(g, access, r->addr);
    device_cell(g, access, r->device);
    if (r->other)
        grid_add(g, INK_DIM, "elsewhere");
    else
        hex_cell(g, true, r->rip);
    word_cell(g, r->symbol);
    count_cells(g, s, r);
    grid_end(g);
}

static void add_rows(const struct exits_view *v, bool color, struct text *t)
{
    struct grid g = { .color = color };
    struct shown s;

    choose_columns(v, &s);
    for (unsigned i = 0; i < COL_COUNT; i++) {
        grid_add(&g, INK_STRONG, "%s", s.col[i] ? exit_columns[i].name : "");
        if (exit_columns[i].right)
            g.right |= 1u << i;
    }
    grid_end(&g);
    for (size_t i = 0; i < v->n; i++) {
        if (exits_is_guests(&v->row[i]))
            exit_cells(&g, &s, &v->row[i]);
    }
    grid_print(&g, t);
}

static void add_total(const struct exits_view *v, struct text *t)
{
    char a[SHOW_NUM], b[SHOW_NUM], c[SHOW_NUM], d[SHOW_NUM];

    text_add(t, "%s exit%s, %s access%s; monitor %s, guest %s\n", show_count(v->exits, a),
             v->exits == 1 ? "" : "s", show_count(v->accesses, b), v->accesses == 1 ? "" : "es",
             show_ns(v->monitor_ns, c), show_ns(v->guest_ns, d));
}

/* Kicks have no place in the guest: a line a CPU says all. */
static void add_kicks(const struct exits_view *v, struct text *t)
{
    char n[SHOW_NUM], mean[SHOW_NUM], ns[SHOW_NUM];

    for (size_t i = 0; i < v->n; i++) {
        const struct vitro_exit_row *r = &v->row[i];

        if (!exits_is_guests(r))
            text_add(t,
                     "not the guest's: CPU %u was kicked out of it %s time%s (monitor %s each, "
                     "guest %s)\n",
                     r->cpu, show_count(r->exits, n), r->exits == 1 ? "" : "s",
                     show_ns(r->monitor_ns / (r->accesses != 0 ? r->accesses : 1), mean),
                     show_ns(r->guest_ns, ns));
    }
}

static void note(struct text *t, bool color, const char *words)
{
    ink_add(t, color, INK_DIM, "%s", words);
    text_add_bytes(t, "\n", 1);
}

static void add_legend(const struct exits_view *v, bool color, struct text *t)
{
    bool others = false;

    for (size_t i = 0; i < v->n; i++)
        others |= v->row[i].other;
    note(t, color,
         "monitor: mean time that one took outside the guest; worst: the longest of them");
    note(t, color, "guest: time inside the guest before them, with the way in and out");
    if (v->helped != 0)
        note(t, color,
             "helped: instructions that the software CPU executed since the engine refused them");
    if (others)
        note(
            t, color,
            "elsewhere: all places that found no row of their own: the table is full, or its part for where no device is");
}

int exits_text(const struct exits_view *v, bool color, char **out, struct vitro_err *err)
{
    struct text t = { 0 };

    if (v->accesses != 0)
        add_rows(v, color, &t);
    else
        text_add(&t, "no exits: the guest has not given the CPU back yet\n");
    if (v->accesses != 0) {
        text_add(&t, "\n");
        add_total(v, &t);
    }
    add_kicks(v, &t);
    if (v->accesses != 0)
        add_legend(v, color, &t);
    return show_finish(&t, "exits", out, err);
}

/* ---- the last exits -------------------------------------------------------------------------- */

/* What an exit carries beyond its place: bytes moved, the cause of a debug exit, the engine's words. */
static void carried_cell(struct grid *g, const struct cpu_exit *x)
{
    struct text t = { 0 };
    char bits[64];

    if (x->kind == EXIT_PIO || x->kind == EXIT_MMIO)
        show_data(&t, x->data, x->width);
    else if (x->kind == EXIT_DEBUG)
        text_add(&t, "%s",
                 names_print(&x86_dr6_names, x->addr & DR6_CAUSES, " ", bits, sizeof(bits)));
    else if (x->kind == EXIT_EOI || x->kind == EXIT_SYSTEM_EVENT)
        text_add(&t, "0x%" PRIx64, x->addr);
    else
        show_name(&t, x->detail, DETAIL_SHOWN);
    for (unsigned i = 0; i < x->ninsn && i < sizeof(x->insn); i++)
        text_add(&t, "%s%02x", i > 0 ? " " : t.len > 0 ? "; bytes " : "bytes ", x->insn[i]);
    word_cell(g, t.buf != NULL ? t.buf : "");
    text_fini(&t);
}

static void recent_cells(struct grid *g, const struct recent_row *r, unsigned back)
{
    const struct cpu_exit *x = &r->exit;
    bool access = x->kind == EXIT_PIO || x->kind == EXIT_MMIO;

    grid_add(g, INK_PLAIN, "-%u", back);
    word_cell(g, exit_kind_name(x->kind));
    word_cell(g, show_direction(access, x->kind == EXIT_PIO, x->write));
    hex_cell(g, access, x->addr);
    device_cell(g, access, r->device);
    if (access)
        grid_add(g, INK_PLAIN, "%u", x->width);
    else
        grid_skip(g);
    hex_cell(g, true, x->rip);
    word_cell(g, r->symbol);
    carried_cell(g, x);
    grid_end(g);
}

int recent_text(const struct recent_view *v, bool color, char **out, struct vitro_err *err)
{
    static const char *const names[] = { "back",  "reason", "dir",    "address", "device",
                                         "bytes", "rip",    "symbol", "what" };
    struct grid g = { .color = color, .right = 1 << 0 | 1 << 3 | 1 << 5 | 1 << 6 };
    struct text t = { 0 };
    bool symbols = false;

    if (v->n == 0) {
        text_add(&t, "no exits: CPU %u has not given the CPU back yet\n", v->cpu);
        return show_finish(&t, "the last exits", out, err);
    }
    text_add(&t, "the last %u exit%s of CPU %u, newest last\n\n", v->n, v->n == 1 ? "" : "s",
             v->cpu);
    for (unsigned i = 0; i < v->n; i++)
        symbols |= v->row[i].symbol[0] != '\0';
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        grid_add(&g, INK_STRONG, "%s", i == 7 && !symbols ? "" : names[i]);
    grid_end(&g);
    for (unsigned i = 0; i < v->n; i++)
        recent_cells(&g, &v->row[i], v->n - i);
    grid_print(&g, &t);
    return show_finish(&t, "the last exits", out, err);
}
