/* SPDX-License-Identifier: MIT */
/*
 * points.c - breakpoints in translated code
 *
 * No block has an instruction in it before which a vCPU is to be stopped, so that trans_burst ends there, and its caller
 * looks, as it does without translation. Code is shared: one vCPU's breakpoint cuts it for all, and those who have none
 * there execute the instruction on the interpreter.
 *
 * A breakpoint that is new drops the blocks of its page, in every address space. One that is taken away drops nothing:
 * the blocks that ended there go on to the one that is made then. Breakpoints change between two runs, or by the vCPU's
 * own MOV to a debug register, so the vCPU is in no block then; others may go on in one, for it is not theirs to stop.
 */
#include "engine/soft/trans/block.h"

bool trans_points_have(const struct trans_store *s, uint64_t linear)
{
    for (unsigned i = 0; i < s->nusers; i++) {
        if (s->user[i] != NULL && soft_points_has(&s->user[i]->points, linear))
            return true;
    }
    return false;
}

static void count_points(struct trans_store *s)
{
    s->npoints = 0;
    for (unsigned i = 0; i < s->nusers; i++)
        s->npoints += s->user[i] != NULL ? s->user[i]->points.n : 0;
}

void trans_points_take(struct trans *t)
{
    const struct soft_points *now = &t->c->points;
    struct trans_store *s = t->store;
    struct soft_points more = { 0 };

    trans_lock(s);
    for (unsigned i = 0; i < now->n; i++) {
        if (!trans_is_point(s, now->addr[i]))
            soft_points_add(&more, now->addr[i]);
    }
    t->points = *now;
    count_points(s);
    if (more.n > 0)
        trans_drop_points(s, &more);
    trans_unlock(s);
}
