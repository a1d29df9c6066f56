/* SPDX-License-Identifier: MIT */
/*
 * soft_save.c - a vCPU of the software CPU as bytes, for checkpoints in memory (core/rewind.h)
 *
 * Also in the middle of an instruction that waits for a device. Caches are not in it: what is put back is looked at
 * anew. Neither is what the machine's owner has asked to be stopped by.
 */
#include <stddef.h>
#include <string.h>

#include "engine/soft/mem.h"
#include "engine/soft/soft_priv.h"

void soft_cpu_save(const struct vcpu *cpu, void *to)
{
    const struct soft_cpu *c = soft_of(cpu);

    memcpy(to, c, offsetof(struct soft_cpu, tlb));
    memcpy((uint8_t *)to + offsetof(struct soft_cpu, tlb), c->sys.pvclock, sizeof(*c->sys.pvclock));
}

void soft_cpu_load(struct vcpu *cpu, const void *from)
{
    struct soft_cpu *c = soft_of(cpu);
    const struct cpu_debug debug = c->debug;
    bool kicked = atomic_load(&c->kicked);

    memcpy(c, from, offsetof(struct soft_cpu, tlb));
    memcpy(c->sys.pvclock, (const uint8_t *)from + offsetof(struct soft_cpu, tlb),
           sizeof(*c->sys.pvclock));
    c->debug = debug;
    c->hit = (struct soft_watch_hit){ 0 };
    c->at_break = false;
    atomic_store(&c->kicked, kicked);
}

bool soft_cpu_settled(const struct vcpu *cpu)
{
    const struct soft_cpu *c = soft_of(cpu);

    return c->naccesses == 0 && !c->waiting && !c->exit_ready && c->delivered != c->insns + 1;
}

void soft_cpu_forget(struct vcpu *cpu)
{
    soft_flush(soft_of(cpu), true);
}

uint64_t soft_cpu_count(const struct vcpu *cpu)
{
    return soft_of(cpu)->insns;
}
