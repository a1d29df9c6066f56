/* SPDX-License-Identifier: MIT */
/*
 * pause.h - a machine that stands still in the middle of a run, and goes on as if nothing had been
 *
 * Two ways. A *hold* is for a moment: whoever holds may read and change the machine, and nobody else does
 * meanwhile; a run neither begins nor ends before the release. A *pause* lasts until it is taken back
 * or the machine is asked to stop. In both, each vCPU's thread waits outside the engine with its instruction
 * finished, and the event loop runs no timer and no device.
 *
 * A vCPU that waits in HLT is left to wait: it changes nothing, and looks here before it goes on.
 */
#ifndef CORE_PAUSE_H
#define CORE_PAUSE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct machine;
struct vcpu;

struct pause {
    /* Somebody holds or has paused. Set under the machine lock, read by vCPU threads without it: relaxed
     * is enough, since a kick follows and what it stands for is read under the lock. */
    _Atomic bool asked;
    pthread_mutex_t one; /* taken by whoever holds, before the machine lock; recursive */
    unsigned depth;      /* guarded by one, as the next: holds of its owner */
    bool once;           /* the next release within lets the machine go on */

    /* guarded by the machine lock */
    bool held, paused;
    unsigned active;      /* threads that may execute the guest or change its state */
    unsigned waiting;     /* that wait for go */
    pthread_cond_t still; /* active or waiting has become 0 */
    pthread_cond_t go;    /* held or paused has become false, or the machine stops */
};

void pause_init(struct pause *p);
void pause_fini(struct pause *p);

/*
 * pause_hold, pause_release - stop the machine for a moment; of several of a thread, the outermost counts
 *
 * Whoever has waited for the end of a hold goes on before the next begins: several do not make one that is long.
 *
 * Thread: any but a vCPU's; not from an event or a device.
 */
void pause_hold(struct machine *m);
void pause_release(struct machine *m);

/* Between two holds for one purpose: lets a machine that runs do so for longer than a hold takes. Thread: as pause_hold. */
void pause_breathe(struct machine *m);

/*
 * In a hold: it ends with the next hold that is made within, which has then read what it wants. Until the release only
 * others are kept from holding; further holds within are holds of their own.
 */
void pause_hold_ends(struct machine *m);

/* Keep others from holding, and the machine from a reset, without stopping it. As pause_hold, in which it may nest and
 * which may nest in it. */
void pause_keep(struct machine *m);
void pause_unkeep(struct machine *m);

/* Returns when the machine stands still. Thread: any, as pause_hold. */
void pause_set(struct machine *m, bool paused);

/*
 * pause_enter, pause_leave - the calling thread begins or ends being one that changes the guest
 *
 * enter waits for the end of a hold; unless anyway is set, also for that of a pause. Not under the machine lock.
 */
void pause_enter(struct machine *m, bool anyway);
void pause_leave(struct machine *m);

/* The same for a wait in between, under the machine lock. */
void pause_enter_locked(struct machine *m, bool anyway);
void pause_leave_locked(struct machine *m);

/* Under the machine lock: the event loop has to wait. */
bool pause_wanted(const struct machine *m);

/* Under the machine lock: what is waited for here may have come. */
void pause_look_again(struct machine *m);

/* A vCPU's thread, outside the engine: stands still if it shall. */
void pause_here(struct vcpu *cpu);

static inline bool pause_asked(const struct pause *p)
{
    return atomic_load_explicit(&p->asked, memory_order_relaxed);
}

#endif
