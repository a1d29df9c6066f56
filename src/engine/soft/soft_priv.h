/* SPDX-License-Identifier: MIT */
/* soft_priv.h - what the files that implement the engine contract share. */
#ifndef ENGINE_SOFT_SOFT_PRIV_H
#define ENGINE_SOFT_SOFT_PRIV_H

#include <stddef.h>

#include "engine/soft/cpu.h"

enum { SOFT_SEAT = 1 };

static inline struct soft_cpu *soft_of(const struct vcpu *cpu)
{
    return cpu->engine_cpu[SOFT_SEAT];
}

/*
 * soft_resume - what an entry begins with: the answer to the last access, and events under way
 *
 * True when that has filled the vCPU's exit already.
 */
bool soft_resume(struct soft_cpu *c);

/* One instruction; false when the vCPU's exit is filled. */
bool soft_advance(struct soft_cpu *c);

/*
 * soft_complete - finish the instruction of an answered access, so that rip is the next one's
 *
 * If it needs a further access it stays as it is, and that access is what the next run begins with.
 */
void soft_complete(struct soft_cpu *c);

/* soft_state.c, see engine_ops */
int soft_get(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err);
int soft_set(struct vcpu *cpu, unsigned parts, const struct x86_state *in, struct vitro_err *err);

/* trans/code.c */
extern const struct code_ops soft_code_ops;

/* soft_help.c */
int soft_help(struct vcpu *cpu, uint64_t budget, uint64_t *done, struct vitro_err *err);

/* soft_save.c, see engine_ops */
#define SOFT_SAVED (sizeof(struct soft_pvclock) + offsetof(struct soft_cpu, tlb))
void soft_cpu_save(const struct vcpu *cpu, void *to);
void soft_cpu_load(struct vcpu *cpu, const void *from);
bool soft_cpu_settled(const struct vcpu *cpu);
void soft_cpu_forget(struct vcpu *cpu);
uint64_t soft_cpu_count(const struct vcpu *cpu);

/* inherit.c: delivers what another engine had begun to; false when that ended in the vCPU's exit. */
bool soft_inherit(struct soft_cpu *c);
/* The state has such events. */
bool soft_has_inherited(const struct x86_state *s);

#endif
