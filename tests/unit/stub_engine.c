/* SPDX-License-Identifier: MIT */
/* stub_engine.c - nothing, in as many ways as an engine has operations. */
#include "stub_engine.h"

#include <errno.h>
#include <stdlib.h>

int stub_open(struct machine *m, struct vitro_err *err)
{
    (void)m, (void)err;
    return 0;
}

void stub_close(struct machine *m)
{
    (void)m;
}

int stub_mem_added(struct machine *m, const struct mem_slot *s, struct vitro_err *err)
{
    (void)m, (void)s, (void)err;
    return 0;
}

int stub_cpu_new(struct vcpu *cpu, struct vitro_err *err)
{
    (void)cpu, (void)err;
    return 0;
}

void stub_cpu_free(struct vcpu *cpu)
{
    (void)cpu;
}

int stub_run(struct vcpu *cpu, struct vitro_err *err)
{
    (void)cpu;
    return err_set(err, -ENOSYS, "the stub runs nothing");
}

void stub_kick(struct vcpu *cpu)
{
    (void)cpu;
}

static struct stub *stub_of(struct vcpu *cpu)
{
    union {
        const void *given;
        struct stub *own;
    } arg = { .given = cpu->m->engine_arg };

    return arg.own;
}

static int stub_get(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err)
{
    struct stub *stub = stub_of(cpu);

    stub->parts = parts;
    if (stub->fails != 0)
        return err_set(err, stub->fails, "reading the stub's state");
    *out = stub->state;
    return 0;
}

static int stub_set(struct vcpu *cpu, unsigned parts, const struct x86_state *in,
                    struct vitro_err *err)
{
    (void)parts, (void)err;
    stub_of(cpu)->state = *in;
    return 0;
}

int stub_set_nothing(struct vcpu *cpu, unsigned parts, const struct x86_state *in,
                     struct vitro_err *err)
{
    (void)cpu, (void)parts, (void)in, (void)err;
    return 0;
}

const struct engine_ops stub_engine = {
    STUB_BASICS,
    .get = stub_get,
    .set = stub_set,
};

struct machine *stub_machine(struct stub *stub, unsigned ncpus)
{
    struct x86_state start = stub->state;
    struct machine *m = NULL;

    if (machine_new("stub", &stub_engine, &m, NULL) < 0)
        abort();
    m->engine_arg = stub;
    if (machine_open(m, NULL) < 0)
        abort();
    for (unsigned i = 0; i < ncpus; i++) {
        if (machine_add_cpu(m, &start, NULL) < 0)
            abort();
    }
    return m;
}
