/* SPDX-License-Identifier: MIT */
/*
 * sys.h - what system instructions need besides registers: the CPU model, time and random numbers
 *
 * Part of struct soft_cpu, set up by soft_sys_init before the CPU runs.
 */
#ifndef ENGINE_SOFT_SYS_H
#define ENGINE_SOFT_SYS_H

#include "engine/soft/random.h"
#include "x86/cpuid_model.h"

struct soft_cpu;

/* Scale and base of the KVM clock, the same for all vCPUs of a machine. Guarded by the machine lock. */
struct soft_pvclock {
    bool set;
    uint64_t ticks,
        ns;       /* the same moment, in ticks of a TSC without offset and on the machine's clock */
    uint32_t mul; /* nanoseconds a tick: mul / 2^32 * 2^shift */
    int8_t shift;
};

struct soft_sys {
    struct soft_pvclock *pvclock;        /* NULL: no KVM clock */
    const struct x86_cpuid_model *model; /* borrowed for the CPU's life */
    bool counted_time;                   /* the TSC counts instructions, not the host's ticks */
    uint64_t base_ns; /* counted_time: machine time when the vCPU had executed nothing; time.h */
    struct soft_random random;
};

/* This host's CPU as a source of a model, without limits (cpuid.c). */
void soft_host_source(struct x86_cpuid_source *out);

/* A model of all that this host has. */
void soft_host_model(struct x86_cpuid_model *m, const struct x86_cpuid_config *config);

/*
 * soft_sys_init - once, before anything else of the CPU is used
 *
 * seed  SOFT_SEED bytes: a run that can be repeated (time counts instructions). NULL: the host's
 *       randomness and clock
 *
 * Also resets the MSRs.
 */
WARN_UNUSED int soft_sys_init(struct soft_cpu *c, const struct x86_cpuid_model *model,
                              const uint8_t *seed, struct vitro_err *err);

#endif
