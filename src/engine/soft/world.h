/* SPDX-License-Identifier: MIT */
/*
 * world.h - one vCPU alone while the others stand still
 *
 * What cannot be done beside running vCPUs: LOCK over a page border, throwing all translated code away, comparing it
 * with the interpreter. A vCPU is inside while it executes instructions, and looks between two of them whether
 * somebody wants to be alone.
 * Waiting is short: nobody inside waits for anything but the machine's lock, which is never held here.
 */
#ifndef ENGINE_SOFT_WORLD_H
#define ENGINE_SOFT_WORLD_H

#include <pthread.h>

#include "engine/soft/cpu.h"

struct soft_world {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /*
     * Somebody is alone or waits to be; written under lock. Sequentially consistent with soft_cpu.inside: each side
     * writes its own and then reads the other's, so that one of them sees it.
     */
    _Atomic bool stopped;
    _Atomic(struct soft_cpu *) alone; /* who that is, once the others stand still */
    unsigned depth;                   /* pairs of stop and go, one inside the other; its own */
    unsigned entering;    /* under lock, as what follows: those that wait to be inside */
    uint64_t turns, turn; /* given out; whose it is */
};

void soft_world_init(struct soft_world *w);
void soft_world_fini(struct soft_world *w);

/* All of these do nothing where c->world is NULL: there is only one vCPU. Thread: the vCPU's. */

/* Around the execution of instructions. */
void soft_world_enter(struct soft_cpu *c);
void soft_world_leave(struct soft_cpu *c);
/* Also beside who is alone, where waiting is not possible. Not for what has to be alone itself. */
void soft_world_enter_anyway(struct soft_cpu *c);

/*
 * soft_world_stop - until soft_world_go no other vCPU is inside
 *
 * Not under the machine's lock. Pairs may lie inside each other. In turn: for who wants it all the time; everyone that
 * has waited to be inside comes first, and those that want it in turn one after the other.
 */
void soft_world_stop(struct soft_cpu *c);
void soft_world_stop_in_turn(struct soft_cpu *c);
void soft_world_go(struct soft_cpu *c);

/* No other vCPU is inside, until it lets them. */
static inline bool soft_world_is_alone(const struct soft_cpu *c)
{
    return c->world == NULL || atomic_load_explicit(&c->world->alone, memory_order_relaxed) == c;
}

static inline bool soft_world_wanted(const struct soft_cpu *c)
{
    return c->world != NULL && atomic_load_explicit(&c->world->stopped, memory_order_relaxed) &&
           !soft_world_is_alone(c);
}

/* Between two instructions: waits while somebody is alone. */
static inline void soft_world_look(struct soft_cpu *c)
{
    if (!soft_world_wanted(c))
        return;
    soft_world_leave(c);
    soft_world_enter(c);
}

#endif
