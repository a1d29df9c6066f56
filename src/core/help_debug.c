/* SPDX-License-Identifier: MIT */
/*
 * help_debug.c - what an engine cannot be stopped by, the helper runs for it
 *
 * For as long as that is asked for the helper has the CPU, registers and all; with the next question the engine
 * gets it back, or not.
 */
#include <errno.h>

#include "core/machine.h"

/* The engine gets the CPU back, if the helper has it because somebody debugs. */
static int release(struct vcpu *cpu, struct vitro_err *err)
{
    static const struct cpu_debug none = { 0 };
    int rc;

    if (!cpu->help.debugs)
        return 0;
    rc = vcpu_drain(cpu, err);
    if (rc == 0)
        rc = cpu->engine->debug(cpu, &none, err);
    cpu->tables_changed = true; /* nobody has looked at each of its stores */
    if (rc == 0)
        rc = help_give_back(cpu, err);
    cpu->help.debugs = rc < 0;
    return rc;
}

static int take_over(struct vcpu *cpu, const struct cpu_debug *dbg, const struct vitro_err *why,
                     struct vitro_err *err)
{
    static const struct cpu_debug none = { 0 };
    const struct engine_ops *helper = cpu->m->helper;
    int rc = 0;

    if (cpu->engine != helper) {
        rc = vcpu_drain(cpu, err);
        if (rc == 0)
            rc = cpu->m->engine->debug(cpu, &none, err);
        if (rc == 0)
            rc = help_take(cpu, err);
    }
    if (rc == 0)
        rc = helper->debug(cpu, dbg, err);
    cpu->help.debugs = rc == 0;
    cpu->help.wanted = false;
    cpu->help.why = *why;
    return rc;
}

int vcpu_debug(struct vcpu *cpu, const struct cpu_debug *dbg, struct vitro_err *err)
{
    struct vitro_err why = { 0 };
    int rc = release(cpu, err);

    if (rc < 0)
        return rc;
    rc = (cpu->help.for_good ? cpu->engine : cpu->m->engine)->debug(cpu, dbg, &why);
    if ((rc == -ENOTSUP || rc == -ENOSPC) && cpu->m->helper != NULL && !cpu->help.for_good)
        rc = take_over(cpu, dbg, &why, err);
    else if (rc < 0 && err != NULL && err->code == 0)
        *err = why;
    if (rc == 0)
        cpu->debug = *dbg;
    return rc;
}
