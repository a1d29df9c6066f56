/* SPDX-License-Identifier: MIT */
/*
 * soft_help.c - executing for another engine what that one refuses (engine_ops.help)
 *
 * One careful step after the other, without bursts, so that every store is looked at: the other engine may
 * keep shadows of page tables, and has to be told when they may be wrong (tables.c).
 */
#include "engine/soft/attend.h"
#include "engine/soft/run.h"
#include "engine/soft/soft_priv.h"

/* Goes back before a HLT: who waits, and for what, is the other engine's business. */
static void leave_hlt(struct soft_cpu *c, uint8_t shadow)
{
    c->s.rip = c->vcpu->exit.rip;
    c->s.events.shadow = shadow;
    c->insns--;
}

/* 0: the exit is filled; 1: the budget is used up, or a HLT comes next. */
static int steps(struct soft_cpu *c, uint64_t budget, uint64_t *done)
{
    struct vcpu *cpu = c->vcpu;

    for (*done = 0; *done < budget; ++*done) {
        uint8_t shadow = c->s.events.shadow;

        if (atomic_load_explicit(&c->kicked, memory_order_relaxed)) {
            atomic_store(&c->kicked, false);
            cpu->exit = (struct cpu_exit){ .kind = EXIT_KICKED };
            return 0;
        }
        if (atomic_load_explicit(&cpu->requests, memory_order_relaxed) != 0 && !soft_attend(c))
            return 0;
        if (soft_advance(c))
            continue;
        if (cpu->exit.kind == EXIT_HLT && c->frozen)
            return 0;
        if (cpu->exit.kind == EXIT_HLT && *done > 0) {
            leave_hlt(c, shadow);
            return 1;
        }
        *done += cpu->exit.kind == EXIT_HLT;
        return 0;
    }
    return 1;
}

int soft_help(struct vcpu *cpu, uint64_t budget, uint64_t *done, struct vitro_err *err)
{
    struct soft_cpu *c = soft_of(cpu);
    int rc;

    (void)err;
    *done = 0;
    if (soft_resume(c))
        return 0;
    c->watches_tables = true;
    rc = steps(c, budget, done);
    c->watches_tables = false;
    return rc;
}
