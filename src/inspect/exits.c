/* SPDX-License-Identifier: MIT */
/* exits.c - collects the exit tables of all CPUs: ticks become nanoseconds, addresses get names. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/inspect_cpu.h"
#include "inspect/show.h"

static const char *device_name(const struct vcpu *cpu, enum exit_kind kind, uint64_t addr)
{
    const struct dev *dev = kind == EXIT_PIO    ? bus_dev(&cpu->m->pio, addr)
                            : kind == EXIT_MMIO ? vcpu_mmio_dev(cpu, addr)
                                                : NULL;

    return dev != NULL ? dev->ops->name : NULL;
}

/* One rate for the whole view, so that sums, means and worsts of it agree. */
struct collector {
    const struct machine *m;
    const struct symtab *symbols;
    struct exits_view *view;
    unsigned cpu;
    uint64_t ns_per_gtick; /* nanoseconds in 2^32 ticks */
};

static uint64_t to_ns(const struct collector *c, uint64_t ticks)
{
    return (uint64_t)((unsigned __int128)ticks * c->ns_per_gtick >> 32);
}

/* What a row has gained since the mark, where there is one; the worst time is that of the whole run. */
static void take_row(struct collector *c, const struct exit_row *r, const struct exit_row *mark)
{
    static const struct exit_row nothing = { 0 };
    const struct exit_row *from = mark != NULL ? mark : &nothing;
    struct vitro_exit_row *out = &c->view->row[c->view->n];

    if (r->accesses == from->accesses)
        return;
    c->view->n++;
    *out = (struct vitro_exit_row){
        .reason = exit_kind_name(r->kind),
        .is_access = r->kind == EXIT_PIO || r->kind == EXIT_MMIO,
        .write = r->write,
        .other = r->other,
        .cpu = c->cpu,
        .addr = r->addr,
        .device = r->other ? NULL : device_name(c->m->cpu[c->cpu], r->kind, r->addr),
        .rip = r->rip,
        .exits = r->exits - from->exits,
        .accesses = r->accesses - from->accesses,
        .guest_ns = to_ns(c, r->guest_ticks - from->guest_ticks),
        .monitor_ns = to_ns(c, r->monitor_ticks - from->monitor_ticks),
        .monitor_worst_ns = to_ns(c, r->monitor_worst_ticks),
        .helped = r->helped - from->helped,
    };
    if (!r->other)
        show_symbol(c->symbols, r->rip, out->symbol);
}

/* A row keeps its place for ever, so the mark's row of the same place is the same row. */
static void take_cpu(struct collector *c, const struct exit_table *t, const struct exit_table *mark)
{
    for (size_t i = 0; i < EXIT_ROWS; i++)
        take_row(c, &t->row[i], mark != NULL ? &mark->row[i] : NULL);
    for (size_t i = 0; i < EXIT_OTHERS; i++)
        take_row(c, &t->other[i], mark != NULL ? &mark->other[i] : NULL);
}

bool exits_is_guests(const struct vitro_exit_row *row)
{
    return strcmp(row->reason, exit_kind_name(EXIT_KICKED)) != 0;
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* Most exits first; what is left to chance otherwise is settled by the key, so that runs compare. */
static int by_count(const void *left, const void *right)
{
    const struct vitro_exit_row *a = left, *b = right;
    int order = compare(exits_is_guests(b), exits_is_guests(a));

    order = order != 0 ? order : compare(b->exits, a->exits);
    order = order != 0 ? order : compare(b->accesses, a->accesses);
    order = order != 0 ? order : strcmp(a->reason, b->reason);
    order = order != 0 ? order : compare(a->cpu, b->cpu);
    order = order != 0 ? order : compare(a->addr, b->addr);
    order = order != 0 ? order : compare(a->rip, b->rip);
    return order != 0 ? order : compare(a->write, b->write);
}

void exits_arrange(struct exits_view *v)
{
    if (v->n > 1)
        qsort(v->row, v->n, sizeof(v->row[0]), by_count);
    v->exits = v->accesses = v->guest_ns = v->monitor_ns = v->helped = 0;
    for (size_t i = 0; i < v->n; i++) {
        const struct vitro_exit_row *r = &v->row[i];

        if (!exits_is_guests(r))
            continue;
        v->exits += r->exits;
        v->accesses += r->accesses;
        v->guest_ns += r->guest_ns;
        v->monitor_ns += r->monitor_ns;
        v->helped += r->helped;
    }
}

int exits_collect(const struct machine *m, const struct symtab *symbols, struct exits_view *out,
                  struct vitro_err *err)
{
    const struct exit_table *now[CPUS_MAX], *mark[CPUS_MAX];

    for (unsigned i = 0; i < m->ncpus; i++) {
        now[i] = &m->cpu[i]->exits;
        mark[i] = m->cpu[i]->exits_mark;
    }
    return exits_collect_from(m, symbols, now, mark, out, err);
}

int exits_collect_from(const struct machine *m, const struct symtab *symbols,
                       const struct exit_table *const *now, const struct exit_table *const *mark,
                       struct exits_view *out, struct vitro_err *err)
{
    struct collector c = { m, symbols, out, 0, clock_ticks_to_ns(&m->clock, BIT(32)) };
    size_t room = 0;

    for (unsigned i = 0; i < m->ncpus; i++)
        room += now[i]->nrows + EXIT_OTHERS;
    *out = (struct exits_view){ .ncpus = m->ncpus };
    out->row = calloc(room + 1, sizeof(out->row[0]));
    if (out->row == NULL)
        return err_set(err, -ENOMEM, "counting the exits of %s: out of memory", m->name);
    for (c.cpu = 0; c.cpu < m->ncpus; c.cpu++)
        take_cpu(&c, now[c.cpu], mark[c.cpu]);
    exits_arrange(out);
    return 0;
}

void exits_fini(struct exits_view *v)
{
    free(v->row);
    *v = (struct exits_view){ 0 };
}

void recent_collect(const struct vcpu *cpu, const struct symtab *symbols, struct recent_view *out)
{
    const struct exit_table *t = &cpu->exits;

    *out = (struct recent_view){ .cpu = cpu->idx };
    out->n = t->nrecent < EXIT_RECENT ? (unsigned)t->nrecent : EXIT_RECENT;
    for (unsigned i = 0; i < out->n; i++) {
        struct recent_row *row = &out->row[i];

        row->exit = t->recent[(t->nrecent - out->n + i) % EXIT_RECENT];
        row->device = device_name(cpu, row->exit.kind, row->exit.addr);
        show_symbol(symbols, row->exit.rip, row->symbol);
    }
}
