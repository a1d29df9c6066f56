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
 * soft_known - the host's place of bytes that may be accessed so without a further look; NULL: not known, or not in
 * one page
 */
static inline uint8_t *soft_known(const struct soft_cpu *c, enum soft_bank bank, uint64_t linear,
                                  unsigned len, enum soft_how how)
{
    const struct soft_tlb_entry *e = &c->tlb[linear / 4096 % SOFT_TLB];

    if (e->tag != ((linear & ~UINT64_C(0xfff)) | c->tlb_generation) || !(e->allow[bank] & how) ||
        e->host == NULL || linear % 4096 > 4096 - len)
        return NULL;
    return e->host + linear % 4096;
}

/*
 * soft_walk_long - the same walk as x86_walk's, of 4-level paging with tables in memory
 *
 * False: it is another one, and w is filled in part. Rights and place in w are set if it ends in X86_WALK_MAPPED.
 */
bool soft_walk_long(const struct soft_cpu *c, uint64_t linear, struct x86_walk *w);

#endif
