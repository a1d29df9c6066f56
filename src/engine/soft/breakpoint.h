/* SPDX-License-Identifier: MIT */
/*
 * breakpoint.h - the guest's own breakpoints: DR0 to DR3 as DR7 arms them
 *
 * Used by run.c before an instruction is fetched, by watch.c for data, by io.c for ports. Nothing is asked
 * while soft_breakpoints() is false.
 */
#ifndef ENGINE_SOFT_BREAKPOINT_H
#define ENGINE_SOFT_BREAKPOINT_H

#include <string.h>

#include "engine/soft/cpu.h"

enum { DR7_ENABLED = 0xff }; /* L0, G0 to L3, G3 */

static inline bool soft_breakpoints(const struct soft_cpu *c)
{
    return c->s.dr7 & DR7_ENABLED;
}

/* Raises #DB before the instruction at rip, and returns true, if one is set there and RF is clear. */
bool soft_code_breakpoint(struct soft_cpu *c);

/* Addresses of those for code; how many. */
unsigned soft_code_breakpoints(const struct soft_cpu *c, uint64_t addr[POINTS_DR]);

/* There may be breakpoints for code. */
static inline bool soft_points_any(const struct soft_cpu *c)
{
    return (c->s.dr7 & DR7_ENABLED) != 0 || c->points.n > 0;
}

/* c->points are not those of the debug registers as they are now; where there may be any. */
static inline bool soft_points_stale(const struct soft_cpu *c)
{
    return (c->s.dr7 | c->points.dr7) & DR7_ENABLED &&
           (c->s.dr7 != c->points.dr7 || memcmp(c->s.dr, c->points.dr, sizeof(c->points.dr)) != 0);
}

/* Kinds of access, enum soft_how, that a breakpoint wants to know of somewhere in the page of an address. */
unsigned soft_data_breakpoints(const struct soft_cpu *c, uint64_t linear);

/* An access has been made: those that it meets are in trap_dr6, a trap after the instruction. */
void soft_meet_data(struct soft_cpu *c, uint64_t linear, unsigned len, unsigned how);
void soft_meet_port(struct soft_cpu *c, uint16_t port, unsigned width);

#endif
