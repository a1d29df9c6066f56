/* SPDX-License-Identifier: MIT */
/* vitro_cpus.c - the library's face: registers and exits. */
#include <errno.h>

#include "inspect/inspect_cpu.h"
#include "vitro_priv.h"

static struct vcpu *find_cpu(const struct vitro *m, unsigned idx, struct vitro_err *err)
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
    struct vcpu *vcpu = find_cpu(m, cpu, err);

    return vcpu == NULL ? -EINVAL : regs_read(vcpu, out, err);
}

int vitro_show_regs(struct vitro *m, unsigned cpu, bool all, const struct vitro_style *style,
                    char **out, struct vitro_err *err)
{
    struct vcpu *vcpu = find_cpu(m, cpu, err);

    return vcpu == NULL ? -EINVAL : regs_show(vcpu, symbols_of(m), all, style, out, err);
}

/* ---- exits ----------------------------------------------------------------------------------- */

int vitro_exits(const struct vitro *m, struct vitro_exit_row *rows, size_t max, size_t *n,
                struct vitro_err *err)
{
    struct exits_view v;
    int rc = exits_collect(m->board->m, symbols_of(m), &v, err);

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

int vitro_show_exits(const struct vitro *m, const struct vitro_style *style, char **out,
                     struct vitro_err *err)
{
    struct exits_view v;
    int rc = exits_collect(m->board->m, symbols_of(m), &v, err);

    if (rc < 0)
        return rc;
    rc =
        wants_json(style) ? exits_json(&v, out, err) : exits_text(&v, wants_color(style), out, err);
    exits_fini(&v);
    return rc;
}

int vitro_show_recent(const struct vitro *m, unsigned cpu, const struct vitro_style *style,
                      char **out, struct vitro_err *err)
{
    const struct vcpu *vcpu = find_cpu(m, cpu, err);
    struct recent_view v;

    if (vcpu == NULL)
        return -EINVAL;
    recent_collect(vcpu, symbols_of(m), &v);
    return wants_json(style) ? recent_json(&v, out, err)
                             : recent_text(&v, wants_color(style), out, err);
}
