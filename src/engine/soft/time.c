/* SPDX-License-Identifier: MIT */
/* time.c - the software CPU and a clock that counts instructions. */
#include "engine/soft/time.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void soft_time_limit(struct soft_cpu *c)
{
    const struct machine *m = c->vcpu->m;

    c->limit = m->stop_at_insns > c->insns ? m->stop_at_insns : UINT64_MAX;
    if (m->clock.counted)
        c->limit = least(c->limit, m->turns.end_ns - c->sys.base_ns);
}

void soft_time_begin(struct soft_cpu *c)
{
    if (c->vcpu->m->clock.counted)
        c->sys.base_ns = c->vcpu->m->clock.counted_ns - c->insns;
    soft_time_limit(c);
}

void soft_time_end(struct soft_cpu *c)
{
    struct machine *m = c->vcpu->m;
    uint64_t now = c->sys.base_ns + c->insns;

    /* A vCPU that is only looked at, while it does not execute, is behind. */
    if (m->clock.counted && now > m->clock.counted_ns)
        m->clock.counted_ns = now;
}
