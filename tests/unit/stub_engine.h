/* SPDX-License-Identifier: MIT */
/*
 * stub_engine.h - an engine that runs nothing and hands out a state that the test sets
 *
 * For tests of what lies around an engine: no KVM is needed. A test that wants to see or answer some
 * operations itself makes its own engine of STUB_BASICS and those.
 */
#ifndef TESTS_STUB_ENGINE_H
#define TESTS_STUB_ENGINE_H

#include <errno.h>

#include "core/machine.h"

/* machine.engine_arg points to one. */
struct stub {
    struct x86_state state;
    int fails;      /* negative errno that get returns, or 0 */
    unsigned parts; /* of the last get */
};

extern const struct engine_ops stub_engine;

/* A machine with ncpus CPUs in the state that stub->state holds already. */
struct machine *stub_machine(struct stub *stub, unsigned ncpus);

/* Operations that do nothing and succeed; only stub_run fails. */
int stub_open(struct machine *m, struct vitro_err *err);
void stub_close(struct machine *m);
int stub_mem_added(struct machine *m, const struct mem_slot *s, struct vitro_err *err);
int stub_cpu_new(struct vcpu *cpu, struct vitro_err *err);
void stub_cpu_free(struct vcpu *cpu);
int stub_run(struct vcpu *cpu, struct vitro_err *err);
void stub_kick(struct vcpu *cpu);
int stub_set_nothing(struct vcpu *cpu, unsigned parts, const struct x86_state *in,
                     struct vitro_err *err);

#define STUB_BASICS                                                                      \
    .name = "stub", .open = stub_open, .close = stub_close, .mem_added = stub_mem_added, \
    .cpu_new = stub_cpu_new, .cpu_free = stub_cpu_free, .run = stub_run, .kick = stub_kick

#endif
