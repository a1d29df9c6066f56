/* SPDX-License-Identifier: MIT */
/*
 * ferr.c - x87 exceptions while CR0.NE is clear: FERR#, and a CPU that stands still
 *
 * Source: SDM 3A, "Control Registers", NE: the CPU stops before the next waiting x87 instruction, until an interrupt or
 * IGNNE#. Here it does as in HLT, before that instruction instead of after one. FERR# is asserted when it is needed, by
 * that instruction, and not by the one that has raised the exception: nothing can tell the difference but time. Where the
 * board has no such wires exceptions are ignored, as if IGNNE# were tied.
 *
 * GAP: a CPU that stands still notices IGNNE# from another CPU at its next interrupt.
 */
#include "engine/soft/fpu.h"
#include "engine/soft/ops.h"
#include "engine/soft/time.h"

bool soft_ferr_wait(struct soft_cpu *c, bool pending)
{
    struct ferr *f = c->vcpu->ferr;
    struct machine *m = c->vcpu->m;
    bool ignored;

    c->ferr_on = pending && f != NULL;
    if (f == NULL)
        return true;
    soft_time_end(c);
    pthread_mutex_lock(&m->lock);
    f->set(f, pending);
    ignored = f->ignored;
    pthread_mutex_unlock(&m->lock);
    if (!pending || ignored)
        return true;
    c->frozen = true;
    c->s.events.shadow =
        0; /* what held the interrupt off ends with its instruction, which does not come */
    c->vcpu->exit = (struct cpu_exit){ .kind = EXIT_HLT,
                                       .rip = c->s.rip,
                                       .data = (c->s.rflags & X86_RFLAGS_IF) != 0 };
    c->stop.kind = SOFT_EXIT;
    return false;
}
