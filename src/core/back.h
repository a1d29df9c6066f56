/* SPDX-License-Identifier: MIT */
/*
 * back.h - steps and runs into the past, for debuggers
 *
 * Made of rewind.h: back to a checkpoint, and forward from there to the place wanted, with breakpoints and
 * watchpoints as they are set (vcpu_debug). Where that is, is found by a first run over the same instructions.
 * Events of what is executed again are not told.
 */
#ifndef CORE_BACK_H
#define CORE_BACK_H

#include "core/machine.h"

struct back_end {
    struct stop stop;    /* BREAK: there; other reasons: it was stopped from outside on the way */
    bool oldest;         /* nothing before this place is kept */
    struct cpu_exit hit; /* watch_how: of the watchpoint that was met; else 0 */
};

/*
 * back_step - to the state before the last instruction that this vCPU has executed
 *
 * Other vCPUs go back as far as they had come then. -ENOENT: no past is kept. Thread: as machine_run.
 */
WARN_UNUSED int back_step(struct machine *m, unsigned cpu, struct back_end *out,
                          struct vitro_err *err);

/*
 * back_run - to the last place before this one where a breakpoint or watchpoint stops the machine
 *
 * A watchpoint is met before the instruction that accesses what it watches. cpu: whose registers say where "this" is.
 * As back_step.
 */
WARN_UNUSED int back_run(struct machine *m, unsigned cpu, struct back_end *out,
                         struct vitro_err *err);

#endif
