/* SPDX-License-Identifier: MIT */
/* vitro_chain.c - the library's face: the faults of a shutdown, found in whichever way this host allows. */
#include <errno.h>

#include "inspect/chain.h"
#include "vitro_priv.h"

/* Bounds of a run that is repeated: some seconds. */
enum { AGAIN_INSNS = 1 << 27 };

/* How a chain was found, or why there is none. */
static const char *source_of(const struct vcpu *cpu, enum retrace how)
{
    static const char *const words[] = {
        [RETRACE_FOUND] = "from the software CPU, which executed the last instruction again in the "
                          "state that KVM left",
        [RETRACE_RESET] =
            "this KVM keeps no state after a shutdown, and the run cannot be repeated: "
            "it has files, timers, devices of the program's own, or several CPUs",
        [RETRACE_NO_FAULT] =
            "the software CPU executes this instruction without a fault: it is this "
            "KVM that cannot go on",
        [RETRACE_NOBODY] = "the faults are not known",
    };

    if (how == RETRACE_FOUND && cpu->engine->help != NULL)
        return "from the software CPU, which executed the last instruction";
    return words[how];
}

static struct spaces spaces_of(const struct vitro *m)
{
    return (struct spaces){ .m = m->board->m, .symbols = &m->guest->image.symbols };
}

static int fill(const struct vitro *m, unsigned cpu, const struct fault_chain *chain,
                struct vitro_chain *out, struct vitro_err *err)
{
    struct spaces s = spaces_of(m);

    return chain_fill(&s, cpu, chain, out, err);
}

static bool can_repeat(const struct vitro *m)
{
    const struct machine *machine = m->board->m;

    return machine->ncpus == 1 && machine->loop.ctx == NULL && m->files == NULL &&
           !m->has_user_devs;
}

int chain_repeat(const struct vitro *m, struct vitro_chain *out, struct vitro_err *err)
{
    const struct machine *machine = m->board->m;
    struct vitro_config cfg = m->config;
    struct vitro_stop_at limit = { .exits = machine_exits(machine) + 1, .insns = AGAIN_INSNS };
    struct vitro_outcome end;
    struct vitro *again;
    int rc;

    cfg.engine = VITRO_ENGINE_SOFT;
    cfg.console_fd = -1;
    rc = vitro_new(&cfg, m->guest, &again, err);
    if (rc < 0)
        return rc;
    rc = vitro_stop_at(again, &limit, err);
    if (rc == 0)
        rc = vitro_run(again, &end, err);
    if (rc == 0)
        rc = fill(again, 0, &again->board->m->cpu[0]->chain, out, err);
    if (rc == 0)
        out->source = end.end == VITRO_END_SHUTDOWN
                          ? "from the whole run once more on the software CPU: this KVM keeps no "
                            "state after a shutdown"
                          : "this KVM keeps no state after a shutdown, and the software CPU does "
                            "not come to one";
    vitro_free(again);
    return rc;
}

int vitro_chain(struct vitro *m, unsigned cpu, struct vitro_chain *out, struct vitro_err *err)
{
    struct machine *machine = m->board->m;
    struct vcpu *vcpu = cpu < machine->ncpus ? machine->cpu[cpu] : NULL;
    enum exit_kind kind = vcpu != NULL ? vcpu->exit.kind : EXIT_KICKED;
    struct fault_chain chain;
    enum retrace how;
    int rc;

    if (kind != EXIT_SHUTDOWN && kind != EXIT_REFUSED && kind != EXIT_FAILED)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "faults of CPU %u: it has not shut down",
                         cpu);
    rc = vcpu_retrace(vcpu, &how, err);
    if (rc < 0)
        return rc;
    if (how == RETRACE_RESET && can_repeat(m))
        return chain_repeat(m, out, err);
    chain = vcpu->chain;
    if (how != RETRACE_FOUND)
        chain = (struct fault_chain){ .rip = vcpu->exit.rip };
    rc = fill(m, cpu, &chain, out, err);
    out->source = source_of(vcpu, how);
    return rc;
}

int vitro_show_chain(struct vitro *m, unsigned cpu, const struct vitro_style *style, char **out,
                     struct vitro_err *err)
{
    struct vitro_chain chain;
    int rc = vitro_chain(m, cpu, &chain, err);

    return rc < 0 ? rc : chain_show(&chain, style, out, err);
}
