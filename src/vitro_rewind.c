/* SPDX-License-Identifier: MIT */
/* vitro_rewind.c - the library's face: back in time, by steps and to breakpoints. */
#include <errno.h>

#include "core/back.h"
#include "vitro_priv.h"

bool vitro_keeps_past(const struct vitro *m)
{
    return m->board->m->rewind != NULL;
}

void vitro_past(const struct vitro *m, struct vitro_past *out)
{
    const struct machine *machine = m->board->m;
    struct rewind_stats stats;

    rewind_stats_get(machine, &stats);
    *out = (struct vitro_past){
        .insns = machine->clock.counted ? turns_insns(machine) : 0,
        .oldest_insns = stats.oldest_insns,
        .checkpoints = stats.checkpoints,
        .bytes = stats.bytes,
    };
}

typedef int back_fn(struct machine *m, unsigned cpu, struct back_end *out, struct vitro_err *err);

static int go_back(struct vitro *m, unsigned cpu, back_fn *how, struct vitro_outcome *out,
                   struct vitro_err *err)
{
    struct machine *machine = m->board->m;
    struct back_end end;
    int rc;

    if (cpu >= machine->ncpus)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "going back: CPU %u: the machine has %u",
                         cpu, machine->ncpus);
    rc = how(machine, cpu, &end, err);
    if (rc == 0)
        rc = end_run(m, &end.stop, out, err);
    if (rc < 0)
        return rc;
    out->oldest = end.oldest;
    if (end.hit.watch_how != 0 && end.stop.why == STOP_BREAK) {
        out->watch_addr = end.hit.data;
        out->watch_len = end.hit.watch_len;
        out->watch_how = end.hit.watch_how;
    }
    return 0;
}

int vitro_step_back(struct vitro *m, unsigned cpu, struct vitro_outcome *out, struct vitro_err *err)
{
    return go_back(m, cpu, back_step, out, err);
}

int vitro_run_back(struct vitro *m, unsigned cpu, struct vitro_outcome *out, struct vitro_err *err)
{
    return go_back(m, cpu, back_run, out, err);
}
