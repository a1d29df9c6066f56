/* SPDX-License-Identifier: MIT */
/* mmu.h - linear to physical; used by mem.c. */
#ifndef ENGINE_SOFT_MMU_H
#define ENGINE_SOFT_MMU_H

#include "engine/soft/cpu.h"

enum { SOFT_MAXPHYADDR = 46 };

struct soft_place {
    gpa_t gpa;
    uint8_t *host; /* NULL: not plain memory for this access */
    bool watched;  /* a watchpoint on the page is for accesses of this kind */
};

/* One byte's place; valid to the end of its page. False: #PF is raised. linear is canonical. */
bool soft_translate(struct soft_cpu *c, uint64_t linear, enum soft_how how, enum soft_bank bank,
                    struct soft_place *out);

/*
 * soft_walk_long - the same walk as x86_walk's, of 4-level paging with tables in memory
 *
 * False: it is another one, and w is filled in part. Rights and place in w are set if it ends in X86_WALK_MAPPED.
 */
bool soft_walk_long(const struct soft_cpu *c, uint64_t linear, struct x86_walk *w);

#endif
