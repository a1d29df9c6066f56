/* SPDX-License-Identifier: MIT */
/*
 * watch.h - watchpoints: any number of ranges of linear addresses, exact to the byte
 *
 * An entry of the translation cache for a page with a watchpoint does not allow what is watched without a
 * further look. So fast handlers leave such accesses to mem.c, which asks here; other pages pay nothing.
 *
 * Seen are accesses of instructions and of the delivery of interrupts and exceptions; not seen are fetches,
 * walks of page tables, and devices that use memory themselves. The guest's own data breakpoints
 * (breakpoint.h) are looked at on the same way.
 */
#ifndef ENGINE_SOFT_WATCH_H
#define ENGINE_SOFT_WATCH_H

#include <stdint.h>

struct soft_cpu;

/* The first access that a watchpoint has caught since an instruction began. */
struct soft_watch_hit {
    uint64_t rip; /* of the instruction */
    uint64_t addr;
    uint16_t len; /* bytes, all of the access */
    uint8_t how;  /* enum watch_how; 0: none */
};

/* What is watched somewhere in the page of a linear address: enum soft_how. */
unsigned soft_watched(const struct soft_cpu *c, uint64_t linear);

/* An access inside one page has been made. how: HOW_READ or HOW_WRITE. */
void soft_watch_access(struct soft_cpu *c, uint64_t linear, unsigned len, unsigned how);

/* Fills the vCPU's exit and forgets the hit. */
void soft_watch_exit(struct soft_cpu *c);

#endif
