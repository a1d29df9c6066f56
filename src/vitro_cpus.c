/* SPDX-License-Identifier: MIT */
/* vitro_cpus.c - the library's face: registers and exits. */
#include <errno.h>
#include <stdlib.h>

#include "inspect/inspect_cpu.h"
#include "vitro_priv.h"

struct vcpu *vcpu_of(const struct vitro *m, unsigned idx, struct vitro_err *err)
{
    const struct machine *machine = m->board->m;

    if (idx < machine->ncpus)
        return machine->cpu[idx];
    err_class(err, VITRO_ERR_USAGE, -EINVAL, "CPU %u: the machine has %u, counted from 0", idx,
              machine->ncpus);
    return NULL;
}

static bool wants_json(const struct vitro_style *style)
{
    return style != NULL && style->format == VITRO_JSON;
}

static bool wants_color(const struct vitro_style *style)
{
    return style != NULL && style->color;
}

/* ---- registers ------------------------------------------------------------------------------- */

int vitro_regs(struct vitro *m, unsigned cpu, struct vitro_regs *out, struct vitro_err *err)
{
    struct vcpu *vcpu = vcpu_of(m, cpu, err);

    return vcpu == NULL ? -EINVAL : regs_read(vcpu, out, err);
}

int vitro_show_regs(struct vitro *m, unsigned cpu, bool all, const struct vitro_style *style,
                    char **out, struct vitro_err *err)
{
    struct vcpu *vcpu = vcpu_of(m, cpu, err);

    return vcpu == NULL ? -EINVAL : regs_show(vcpu, symbols_of(m), all, style, out, err);
}

/* ---- exits ----------------------------------------------------------------------------------- */

uint64_t vitro_exit_count(const struct vitro *m)
{
    struct machine *machine = m->board->m;
    uint64_t n = 0;

    pthread_mutex_lock(&machine->lock); /* exits are counted under it */
    for (unsigned i = 0; i < machine->ncpus; i++)
        n += machine->cpu[i]->exits.exits;
    pthread_mutex_unlock(&machine->lock);
    return n;
}

struct vitro_exits_mark {
    unsigned ncpus;
    struct exit_table table[];
};

int vitro_exits_mark(const struct vitro *m, struct vitro_exits_mark **out, struct vitro_err *err)
{
    const struct machine *machine = m->board->m;
    struct vitro_exits_mark *mark = malloc(sizeof(*mark) + machine->ncpus * sizeof(mark->table[0]));

    if (mark == NULL)
        return err_set(err, -ENOMEM, "marking the exits: out of memory");
    mark->ncpus = machine->ncpus;
    pause_hold(m->board->m);
    for (unsigned i = 0; i < machine->ncpus; i++)
        mark->table[i] = machine->cpu[i]->exits;
    pause_release(m->board->m);
    *out = mark;
    return 0;
}

void vitro_exits_mark_free(struct vitro_exits_mark *mark)
{
    free(mark);
}

/* Since a mark of the caller's, or NULL: since the machine's own. Of a copy, so that the machine soon goes on. */
static int collect(const struct vitro *m, const struct vitro_exits_mark *mark, struct exits_view *v,
                   struct vitro_err *err)
{
    const struct exit_table *now[CPUS_MAX], *since[CPUS_MAX];
    const struct machine *machine = m->board->m;
    struct vitro_exits_mark *copy;
    int rc = vitro_exits_mark(m, &copy, err);

    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < machine->ncpus; i++) {
        now[i] = &copy->table[i];
        since[i] = mark != NULL ? &mark->table[i] : machine->cpu[i]->exits_mark;
    }
    rc = exits_collect_from(machine, symbols_of(m), now, since, v, err);
    vitro_exits_mark_free(copy);
    return rc;
}

int vitro_exits(const struct vitro *m, struct vitro_exit_row *rows, size_t max, size_t *n,
                struct vitro_err *err)
{
    struct exits_view v;
    int rc = collect(m, NULL, &v, err);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < v.n && i < max; i++)
        rows[i] = v.row[i];
    *n = v.n;
    exits_fini(&v);
    return 0;
}

int vitro_mark_exits(struct vitro *m, struct vitro_err *err)
{
    return machine_mark_exits(m->board->m, err);
}

static int show_exits(struct exits_view *v, const struct vitro_style *style, char **out,
                      struct vitro_err *err)
{
    int rc =
        wants_json(style) ? exits_json(v, out, err) : exits_text(v, wants_color(style), out, err);

    exits_fini(v);
    return rc;
}

int vitro_show_exits(const struct vitro *m, const struct vitro_style *style, char **out,
                     struct vitro_err *err)
{
    struct exits_view v;
    int rc = collect(m, NULL, &v, err);

    return rc < 0 ? rc : show_exits(&v, style, out, err);
}

/* ---- marks of one's own ---------------------------------------------------------------------- */

int vitro_show_exits_since(const struct vitro *m, const struct vitro_exits_mark *mark,
                           const struct vitro_style *style, char **out, struct vitro_err *err)
{
    struct exits_view v;
    int rc;

    rc = collect(m, mark, &v, err);
    return rc < 0 ? rc : show_exits(&v, style, out, err);
}

int vitro_show_recent(const struct vitro *m, unsigned cpu, const struct vitro_style *style,
                      char **out, struct vitro_err *err)
{
    const struct vcpu *vcpu = vcpu_of(m, cpu, err);
    struct recent_view v;

    if (vcpu == NULL)
        return -EINVAL;
    pause_hold(m->board->m);
    recent_collect(vcpu, symbols_of(m), &v);
    pause_release(m->board->m);
    return wants_json(style) ? recent_json(&v, out, err)
                             : recent_text(&v, wants_color(style), out, err);
}
