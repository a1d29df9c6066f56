/* SPDX-License-Identifier: MIT */
/* insn_trace.h - what the software CPU tells of each instruction; see core/insn_trace.h. */
#ifndef ENGINE_SOFT_INSN_TRACE_H
#define ENGINE_SOFT_INSN_TRACE_H

#include "engine/soft/cpu.h"

enum { SOFT_TRACE_WORDS = 32, SOFT_TRACE_VECTORS = 16 };

/* Before an instruction: the event as far as it is known, and registers to compare with. */
struct soft_insn_trace {
    struct insn_event ev;
    uint64_t word[SOFT_TRACE_WORDS];
    uint8_t low[SOFT_TRACE_VECTORS][16], high[SOFT_TRACE_VECTORS][16];
};

/* The vCPU's trace has begun: no instruction may be executed by a fast handler. */
static inline bool soft_traces(const struct soft_cpu *c)
{
    const struct insn_trace *t = &c->vcpu->m->insn_trace;

    return t->on && c->insns >= t->first;
}

/* Before soft_step. False: this instruction is not asked for. */
bool soft_trace_begin(struct soft_cpu *c, struct soft_insn_trace *t);

/* After soft_step; emits the event, unless the instruction waits for a device and starts over. */
void soft_trace_end(struct soft_cpu *c, struct soft_insn_trace *t);

#endif
