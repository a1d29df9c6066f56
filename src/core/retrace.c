/* SPDX-License-Identifier: MIT */
/* retrace.c - the last instruction before a shutdown once more, by an engine that says what happens. */
#include "core/machine.h"
#include "x86/move.h"

enum { RESET_RIP = 0xfff0, RESET_CS_BASE = 0xffff0000, TRIES = 3 };

/* AMD's CPUs, and so their KVM, reset a CPU that shuts down. SDM 3A, "Processor State After Reset". */
static bool is_reset(const struct x86_state *s)
{
    return s->rip == RESET_RIP && s->seg[X86_CS].base == RESET_CS_BASE &&
           !(s->cr0 & (X86_CR0_PE | X86_CR0_PG));
}

static int load_helper(struct vcpu *cpu, const struct x86_state *from, struct vitro_err *err)
{
    const struct engine_ops *helper = cpu->m->helper;
    struct x86_state to;
    int rc = help_ready(cpu, err);

    if (rc == 0)
        rc = helper->get(cpu, STATE_ALL, &to, err);
    if (rc < 0)
        return rc;
    x86_state_move(&to, from);
    /* What was on its way into the guest comes up again by itself. */
    to.events =
        (struct x86_events){ .shadow = from->events.shadow, .nmi_masked = from->events.nmi_masked };
    return helper->set(cpu, STATE_ALL, &to, err);
}

/* Everything of the vCPU that the helper's step would change, but for the chain. */
struct kept {
    struct cpu_exit exit;
    enum x86_activity activity;
    bool answered, tables_changed;
};

static int step_helper(struct vcpu *cpu, enum retrace *out, struct vitro_err *err)
{
    const struct kept kept = { cpu->exit, cpu->activity, cpu->answered, cpu->tables_changed };
    uint64_t done;
    int rc;

    for (unsigned i = 0; i < TRIES; i++) {
        rc = cpu->m->helper->help(cpu, 1, &done, err);
        if (rc != 0 || cpu->exit.kind != EXIT_KICKED)
            break; /* else somebody has kicked it before: that says nothing */
    }
    *out = rc == 0 && cpu->exit.kind == EXIT_SHUTDOWN ? RETRACE_FOUND : RETRACE_NO_FAULT;
    cpu->exit = kept.exit;
    cpu->activity = kept.activity;
    cpu->answered = kept.answered;
    cpu->tables_changed = kept.tables_changed;
    return rc < 0 ? rc : 0;
}

int vcpu_retrace(struct vcpu *cpu, enum retrace *out, struct vitro_err *err)
{
    struct x86_state s;
    int rc;

    *out = RETRACE_FOUND;
    if (cpu->chain.n > 0)
        return 0;
    *out = RETRACE_NOBODY;
    if (cpu->m->helper == NULL || cpu->engine != cpu->m->engine)
        return 0;
    rc = cpu->engine->get(cpu, STATE_ALL, &s, err);
    if (rc < 0)
        return rc;
    *out = RETRACE_RESET;
    if (is_reset(&s))
        return 0;
    rc = load_helper(cpu, &s, err);
    return rc < 0 ? rc : step_helper(cpu, out, err);
}
