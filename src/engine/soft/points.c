/* SPDX-License-Identifier: MIT */
/* points.c - breakpoints of a vCPU as a set of addresses. */
#include "engine/soft/points.h"

#include <assert.h>
#include <string.h>

#include "engine/soft/breakpoint.h"

enum { PAGE = 4096 };

void soft_points_add(struct soft_points *p, uint64_t addr)
{
    uint64_t page = addr / PAGE % POINTS_PAGES;
    unsigned at = 0;

    while (at < p->n && p->addr[at] < addr)
        at++;
    if (at < p->n && p->addr[at] == addr)
        return;
    assert(p->n < POINTS_MAX);
    memmove(&p->addr[at + 1], &p->addr[at], (p->n - at) * sizeof(p->addr[0]));
    p->addr[at] = addr;
    p->n++;
    p->pages[page / 64] |= UINT64_C(1) << page % 64;
}

void soft_points_find(struct soft_cpu *c)
{
    struct soft_points now = { .dr7 = c->s.dr7, .version = c->points.version };
    uint64_t addr[POINTS_DR];
    unsigned n = soft_code_breakpoints(c, addr);

    memcpy(now.dr, c->s.dr, sizeof(now.dr));
    for (unsigned i = 0; i < c->debug.nbreaks; i++)
        soft_points_add(&now, c->debug.brk[i].addr);
    for (unsigned i = 0; i < n; i++)
        soft_points_add(&now, addr[i]);
    if (now.n != c->points.n || memcmp(now.addr, c->points.addr, now.n * sizeof(now.addr[0])) != 0)
        now.version++;
    c->points = now;
}

bool soft_points_between(const struct soft_points *p, uint64_t first, uint64_t last)
{
    uint64_t page = first / PAGE % POINTS_PAGES;
    unsigned at = 0;

    if (!(p->pages[page / 64] >> page % 64 & 1))
        return false;
    while (at < p->n && p->addr[at] < first)
        at++;
    return at < p->n && p->addr[at] <= last;
}
