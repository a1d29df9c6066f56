/* SPDX-License-Identifier: MIT */
/* seat.c - engines of a machine: each has a part of the machine and of each vCPU, at its own index. */
#include "core/machine.h"

int machine_seat(struct machine *m, const struct engine_ops *engine, struct vitro_err *err)
{
    int rc;

    if (m->opened[engine->seat] != NULL)
        return 0;
    rc = engine->open(m, err);
    if (rc < 0)
        return rc;
    m->opened[engine->seat] = engine;
    for (size_t i = 0; i < m->mem.nslots && rc == 0; i++)
        rc = engine->mem_added(m, &m->mem.slot[i], err);
    if (rc < 0) {
        engine->close(m);
        m->opened[engine->seat] = NULL;
    }
    return rc;
}

int vcpu_seat(struct vcpu *cpu, const struct engine_ops *engine, struct vitro_err *err)
{
    int rc = cpu->seated[engine->seat] ? 0 : engine->cpu_new(cpu, err);

    if (rc == 0)
        cpu->seated[engine->seat] = true;
    return rc;
}
