/* SPDX-License-Identifier: MIT */
/*
 * points.h - linear addresses before whose instruction something is to be looked at
 *
 * Breakpoints of the machine's owner (cpu_debug) and those for code of the guest itself (breakpoint.h), of one vCPU.
 * Whoever executes more than one instruction at a time asks here, and stops before such an address; what is to happen
 * there is decided elsewhere, by those who look at a single instruction.
 */
#ifndef ENGINE_SOFT_POINTS_H
#define ENGINE_SOFT_POINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/engine.h"

struct soft_cpu;

enum { POINTS_DR = 4, POINTS_MAX = BREAKS_MAX + POINTS_DR, POINTS_PAGES = 1024 };

struct soft_points {
    uint64_t dr[POINTS_DR], dr7; /* the debug registers that it was made of */
    uint64_t version;            /* another one when the addresses are others */
    unsigned n;
    uint64_t addr[POINTS_MAX];         /* ascending */
    uint64_t pages[POINTS_PAGES / 64]; /* a bit for their pages, by number modulo POINTS_PAGES */
};

/* Adds an address, once. There is room: POINTS_MAX are the most that a vCPU can have. */
void soft_points_add(struct soft_points *p, uint64_t addr);

/* c->points from the breakpoints as they are now; after a change of c->debug. Thread: that may change c->debug. */
void soft_points_find(struct soft_cpu *c);

/* Whether one of them lies in the bytes from first to last, which are in one page. */
bool soft_points_between(const struct soft_points *p, uint64_t first, uint64_t last);

static inline bool soft_points_has(const struct soft_points *p, uint64_t linear)
{
    return p->n > 0 && soft_points_between(p, linear, linear);
}

static inline bool soft_points_in_page(const struct soft_points *p, uint64_t linear)
{
    return p->n > 0 && soft_points_between(p, linear & ~UINT64_C(0xfff), linear | 0xfff);
}

#endif
