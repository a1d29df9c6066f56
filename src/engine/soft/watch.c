/* SPDX-License-Identifier: MIT */
/* watch.c - which accesses a watchpoint is for. */
#include "engine/soft/watch.h"

#include <assert.h>

#include "engine/soft/breakpoint.h"
#include "engine/soft/cpu.h"

enum { PAGE = 4096 };

static_assert((int)WATCH_READ == (int)HOW_READ && (int)WATCH_WRITE == (int)HOW_WRITE,
              "kinds of access are passed on as numbers");

/* Neither range wraps or is empty. */
static bool meets(const struct watchpoint *w, uint64_t addr, uint64_t len)
{
    return addr <= w->addr + (w->len - 1) && w->addr <= addr + (len - 1);
}

unsigned soft_watched(const struct soft_cpu *c, uint64_t linear)
{
    unsigned how = soft_data_breakpoints(c, linear);

    for (unsigned i = 0; i < c->debug.nwatches; i++) {
        if (meets(&c->debug.watch[i], linear - linear % PAGE, PAGE))
            how |= c->debug.watch[i].how;
    }
    return how;
}

static bool is_watched(const struct soft_cpu *c, uint64_t linear, unsigned len, unsigned how)
{
    for (unsigned i = 0; i < c->debug.nwatches; i++) {
        if (c->debug.watch[i].how & how && meets(&c->debug.watch[i], linear, len))
            return true;
    }
    return false;
}

void soft_watch_access(struct soft_cpu *c, uint64_t linear, unsigned len, unsigned how)
{
    struct soft_watch_hit *hit = &c->hit;

    soft_meet_data(c, linear, len, how);
    if (!is_watched(c, linear, len, how))
        return;
    if (hit->how == 0)
        *hit = (struct soft_watch_hit){ .rip = c->s.rip, .addr = linear, .len = (uint16_t)len };
    if (hit->addr == linear)
        hit->how |= (uint8_t)how; /* a read that is followed by a write of the same place */
}

void soft_watch_exit(struct soft_cpu *c)
{
    c->vcpu->exit = (struct cpu_exit){ .kind = EXIT_DEBUG,
                                       .rip = c->hit.rip,
                                       .data = c->hit.addr,
                                       .watch_len = c->hit.len,
                                       .watch_how = c->hit.how };
    c->hit.how = 0;
}
