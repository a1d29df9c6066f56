/* SPDX-License-Identifier: MIT */
/*
 * help.c - the way of the registers to the helper and back, and for how long it keeps them
 *
 * How many instructions: one at first. When the next refusal comes within OFTEN_NS, four times as many as
 * the last time, up to HELP_INSNS_MAX; when it comes later, a quarter. An engine that refuses often is one that
 * emulates: what the helper does in 0.2 ms takes it ten. Measured on a KVM with 0.8 million instructions a
 * second, where Linux' timer interrupts begin with a refusal (CLAC) and took longer than their period, so that
 * the guest got hardly further; the helper is through with one before it gives the CPU back. While somebody
 * debugs it is always one, since only the engine looks for breakpoints.
 *
 * GAP: a device that writes page tables itself (a file read into one) is not noticed by a KVM that shadows them,
 * unless the guest flushes translations by an instruction that KVM refuses.
 * GAP: a watchpoint of KVM's does not see what a refused instruction accesses.
 */
#include "core/help.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/machine.h"
#include "x86/move.h"

enum { OFTEN_NS = 20000000, MORE = 4 };

bool help_want(struct vcpu *cpu)
{
    if (cpu->m->helper == NULL)
        return false;
    cpu->help.wanted = true;
    return true;
}

void help_kick(struct vcpu *cpu)
{
    if (atomic_load_explicit(&cpu->help.ready, memory_order_acquire))
        cpu->m->helper->kick(cpu);
}

void help_fini(struct vcpu *cpu)
{
    free(cpu->help.state);
    cpu->help.state = NULL;
}

int help_ready(struct vcpu *cpu, struct vitro_err *err)
{
    struct machine *m = cpu->m;
    struct help *h = &cpu->help;
    int rc;

    if (atomic_load_explicit(&h->ready, memory_order_relaxed))
        return 0;
    pthread_mutex_lock(&m->lock);
    rc = machine_seat(m, m->helper, err);
    if (rc == 0)
        rc = vcpu_seat(cpu, m->helper, err);
    pthread_mutex_unlock(&m->lock);
    if (rc == 0 && h->state == NULL)
        h->state = calloc(1, sizeof(*h->state));
    if (rc == 0 && h->state == NULL)
        rc = err_set(err, -ENOMEM, "helping CPU %u: out of memory", cpu->idx);
    if (rc == 0)
        atomic_store_explicit(&h->ready, true, memory_order_release);
    return rc;
}

static void count(struct vcpu *cpu, uint64_t done)
{
    if (cpu->help.row != NULL) /* NULL: taken over from a debugger, and kept */
        cpu->help.row->helped += done;
    cpu->help.helped += done;
}

static uint64_t next_budget(const struct vcpu *cpu)
{
    const struct help *h = &cpu->help;
    uint64_t more = h->budget * MORE, less = h->budget / MORE;

    if (cpu_debug_on(&cpu->debug) || h->budget == 0)
        return 1;
    if (clock_ns(&cpu->m->clock) - h->back_ns > OFTEN_NS)
        return less > 1 ? less : 1;
    return more < HELP_INSNS_MAX ? more : HELP_INSNS_MAX;
}

int help_take(struct vcpu *cpu, struct vitro_err *err)
{
    const struct engine_ops *helper = cpu->m->helper;
    struct help *h = &cpu->help;
    struct x86_state to;
    int rc = help_ready(cpu, err);

    if (rc == 0)
        rc = cpu->m->engine->get(cpu, STATE_ALL, h->state, err);
    if (rc == 0)
        rc = helper->get(cpu, STATE_ALL, &to, err);
    if (rc < 0)
        return rc;
    x86_state_move(&to, h->state);
    to.lapic_valid = false; /* the controller stays with the vCPU */
    rc = helper->set(cpu, STATE_ALL, &to, err);
    if (rc < 0)
        return rc;
    cpu->engine = helper;
    cpu->tables_changed = false;
    return 0;
}

static int begin(struct vcpu *cpu, struct vitro_err *err)
{
    struct help *h = &cpu->help;
    int rc;

    h->wanted = false;
    h->refused++;
    h->left = h->budget = next_budget(cpu);
    rc = help_take(cpu, err);
    h->row = cpu->exits.last;
    return rc;
}

/* The engine's own TSC has gone on meanwhile; it is set only when the guest has set it. */
static void keep_clock(struct x86_state *to, const struct x86_state *was)
{
    const struct x86_msr *then = x86_state_msr(was, X86_MSR_TSC_ADJUST);
    const struct x86_msr *now = x86_state_msr(to, X86_MSR_TSC_ADJUST);

    if (then == NULL || now == NULL || then->value == now->value)
        x86_state_drop_msr(to, X86_MSR_TSC);
}

/* 0: the engine has the CPU, or the helper keeps it because the engine does not take what it is given. */
int help_give_back(struct vcpu *cpu, struct vitro_err *err)
{
    const struct engine_ops *engine = cpu->m->engine;
    struct help *h = &cpu->help;
    struct x86_state from, to = *h->state;
    int rc = cpu->engine->get(cpu, STATE_ALL, &from, err);

    if (rc < 0)
        return rc;
    x86_state_move(&to, &from);
    to.lapic_valid = false;
    keep_clock(&to, h->state);
    x86_state_drop_same(&to, h->state);
    rc = engine->set(cpu, STATE_ALL, &to, NULL);
    if (rc == -EINVAL) {
        h->for_good = true;
        return 0;
    }
    if (rc == 0 && cpu->tables_changed && engine->mem_refresh != NULL)
        rc = engine->mem_refresh(cpu->m, err);
    if (rc < 0)
        return err_set(err, rc, "giving CPU %u back to %s after an instruction it refused",
                       cpu->idx, engine->name);
    cpu->engine = engine;
    h->back_ns = clock_ns(&cpu->m->clock);
    return 0;
}

/* One entry of the helper. 1: it has done its part and given the CPU back. */
static int go_on(struct vcpu *cpu, struct vitro_err *err)
{
    struct help *h = &cpu->help;
    uint64_t done = 0;
    int rc = cpu->engine->help(cpu, h->left, &done, err);

    count(cpu, done);
    h->left -= done < h->left ? done : h->left;
    if (rc <= 0)
        return rc;
    rc = help_give_back(cpu, err);
    return rc < 0 ? rc : 1;
}

/* With an engine that does not take the registers back: the helper is as good as the machine's. */
static int keep_on(struct vcpu *cpu, struct vitro_err *err)
{
    uint64_t done;
    int rc;

    if (cpu_debug_on(&cpu->debug))
        return cpu->engine->run(cpu, err);
    do {
        rc = cpu->engine->help(cpu, HELP_INSNS_MAX, &done, err);
        count(cpu, done);
    } while (rc > 0);
    return rc;
}

/* The instruction that was to be stepped is over. */
static int end_step(struct vcpu *cpu, struct vitro_err *err)
{
    struct x86_state s;
    int rc = cpu->engine->get(cpu, STATE_REGS, &s, err);

    if (rc == 0)
        cpu->exit = (struct cpu_exit){ .kind = EXIT_DEBUG, .addr = X86_DR6_BS, .rip = s.rip };
    return rc;
}

/* What an outsider wrote: the engine looks at page tables anew. */
static int refresh(struct machine *m, struct vitro_err *err)
{
    if (!atomic_exchange(&m->tables_stale, false) || m->engine->mem_refresh == NULL)
        return 0;
    return m->engine->mem_refresh(m, err);
}

int help_run(struct vcpu *cpu, struct vitro_err *err)
{
    const struct engine_ops *engine = cpu->m->engine;
    int rc = cpu->help.wanted ? begin(cpu, err) : 0;

    if (rc == 0 && atomic_load_explicit(&cpu->m->tables_stale, memory_order_relaxed))
        rc = refresh(cpu->m, err);
    if (rc == 0 && cpu->engine != engine && !cpu->help.for_good && !cpu->help.debugs) {
        rc = go_on(cpu, err);
        if (rc <= 0)
            return rc;
        if (cpu->debug.step)
            return end_step(cpu, err);
        rc = 0;
    }
    if (rc < 0)
        return rc;
    if (cpu->help.debugs)
        return cpu->engine->run(cpu, err);
    if (cpu->help.for_good)
        return keep_on(cpu, err);
    return engine->run(cpu, err); /* MARK: enter */
}
