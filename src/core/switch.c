/* SPDX-License-Identifier: MIT */
/*
 * switch.c - a stopped machine goes on with another engine
 *
 * GAP: the CPU that a KVM offers and that of the software CPU may differ: a guest that has found a feature on one
 * meets #UD on the other, and what only the new engine refuses to load (CR4 or XCR0 bits) keeps the machine
 * where it is.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/machine.h"
#include "x86/move.h"

/* What is under way for one vCPU. */
struct journey {
    struct x86_state from, to;
    uint64_t left_ticks; /* when `from` was read */
    enum x86_activity activity;
};

void machine_wrote(struct machine *m, gpa_t gpa, const void *bytes, size_t len)
{
    atomic_store(&m->tables_stale, true);
    outside_wrote(m, gpa, bytes, len);
}

int vcpu_drain(struct vcpu *cpu, struct vitro_err *err)
{
    uint64_t stop_at_exits = cpu->m->stop_at_exits;
    int rc;

    cpu->m->stop_at_exits = 0; /* these are not exits to stop at */
    while ((rc = cpu->engine->drain(cpu, err)) > 0)
        vcpu_answer(cpu);
    cpu->m->stop_at_exits = stop_at_exits;
    return rc;
}

static int depart(struct vcpu *cpu, const struct engine_ops *engine, struct journey *j,
                  struct vitro_err *err)
{
    int rc = vcpu_seat(cpu, engine, err);

    j->activity = cpu->activity;
    j->left_ticks = clock_ticks();
    if (rc == 0)
        rc = cpu->engine->get(cpu, STATE_ALL, &j->from, err);
    if (rc == 0)
        rc = engine->get(cpu, STATE_ALL, &j->to, err);
    return rc;
}

static void advance_tsc(struct x86_state *s, uint64_t ticks)
{
    for (uint32_t i = 0; i < s->nmsrs; i++) {
        if (s->msr[i].index == X86_MSR_TSC)
            s->msr[i].value += ticks;
    }
}

static int arrive(struct vcpu *cpu, const struct engine_ops *engine, struct journey *j,
                  struct vitro_err *err)
{
    struct x86_state now = j->to;
    int rc;

    if (cpu->engine == engine) /* as helper it has the registers already */
        return engine->debug(cpu, &cpu->debug, err);
    x86_state_move(&now, &j->from);
    x86_state_drop_same(&now, &j->to);
    now.lapic_valid = false; /* the controller stays with the vCPU */
    advance_tsc(&now, clock_ticks() - j->left_ticks);
    rc = engine->set(cpu, STATE_ALL, &now, err);
    cpu->activity = j->activity;
    return rc < 0 ? rc : engine->debug(cpu, &cpu->debug, err);
}

static int move_all(struct machine *m, const struct engine_ops *engine, struct vitro_err *err)
{
    struct journey *j = calloc(m->ncpus, sizeof(*j));
    int rc = 0;

    if (j == NULL)
        return err_set(err, -ENOMEM, "moving to %s: out of memory", engine->name);
    for (unsigned i = 0; i < m->ncpus && rc == 0; i++)
        rc = depart(m->cpu[i], engine, &j[i], err);
    for (unsigned i = 0; i < m->ncpus && rc == 0; i++)
        rc = arrive(m->cpu[i], engine, &j[i], err);
    free(j);
    return rc;
}

static void settle(struct machine *m, const struct engine_ops *engine,
                   const struct engine_ops *helper)
{
    static const struct cpu_debug none = { 0 };

    for (unsigned i = 0; i < m->ncpus; i++) {
        struct vcpu *cpu = m->cpu[i];

        if (cpu_debug_on(&cpu->debug))
            m->engine->debug(cpu, &none, NULL); /* it is asked again before it runs again */
        cpu->engine = engine;
        cpu->help.wanted = cpu->help.for_good = cpu->help.debugs = false;
        cpu->help.budget = 0;
        atomic_store(&cpu->help.ready, false);
    }
    m->engine = engine;
    m->helper = helper;
    atomic_store(&m->tables_stale, true);
}

int machine_switch(struct machine *m, const struct engine_ops *engine,
                   const struct engine_ops *helper, struct vitro_err *err)
{
    int rc = 0;

    if (engine == m->engine)
        return 0;
    for (unsigned i = 0; i < m->ncpus && rc == 0; i++)
        rc = vcpu_drain(m->cpu[i], err);
    if (rc == 0)
        rc = machine_seat(m, engine, err);
    if (rc == 0)
        rc = move_all(m, engine, err);
    if (rc == 0)
        settle(m, engine, helper);
    return rc;
}
