/* SPDX-License-Identifier: MIT */
/*
 * populate.c - pages of tables that only grow, asked of the host some time before they are written
 *
 * One call for many pages costs a fraction of a fault for each. What has been asked for grows with what is used, so
 * that small guests ask for little.
 */
#include "engine/soft/trans/populate.h"

#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22 /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

enum { LEAST = 64 << 10, MOST = 256 << 10, AHEAD = 16 << 10 /* bytes */ };

void trans_populate(struct trans_populated *p, size_t used)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), step = p->done / 4;
    uintptr_t base = (uintptr_t)p->base, from, to;

    if (used + AHEAD <= p->done || p->done == p->len)
        return;
    step = step < LEAST ? LEAST : step > MOST ? MOST : step;
    /* The page that the base is in the middle of is not the table's alone. */
    from = p->done == 0 ? (base + page - 1) & ~(page - 1) : (base + p->done) & ~(page - 1);
    p->done = p->len - p->done < step ? p->len : p->done + step;
    to = (base + p->done) & ~(page - 1);
    /* Refused by older hosts, or for want of memory: the first access asks again. */
    if (to > from)
        (void)madvise((void *)from, to - from, p->read ? MADV_POPULATE_READ : MADV_POPULATE_WRITE);
}
