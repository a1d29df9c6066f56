/* SPDX-License-Identifier: MIT */
/*
 * timer.h - things that devices do later
 *
 * A machine has one list of timers, ordered by due time on the machine's clock (clock_ns). Whoever drives the machine
 * (the event loop, or the software CPU when time counts instructions) calls timers_run when the first one is due. All
 * functions: under the machine lock.
 */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#define TIMER_NEVER UINT64_MAX

struct timers;

/* Embedded in the device that owns it; zeroed is a timer that is not armed. */
struct timer {
    struct timers *list;   /* borrowed */
    void (*fn)(void *ctx); /* may arm the timer again */
    void *ctx;
    uint64_t due_ns; /* valid while armed */
    bool armed;
    uint64_t round; /* of the timers_run in or after which it was armed */
    struct timer *next;
};

struct timers {
    struct timer *first; /* sorted; equal times in the order they were armed */
    uint64_t round;      /* calls of timers_run */
    /* The first due time has changed to something earlier: wake who waits for it. May be NULL. */
    void (*sooner)(void *ctx);
    void *ctx;
};

void timer_init(struct timer *t, struct timers *list, void (*fn)(void *ctx), void *ctx);

/* Arms or moves it. A time that has passed is due at once, but never runs from inside this call. */
void timer_arm(struct timer *t, uint64_t due_ns);
void timer_cancel(struct timer *t);

/* When the first timer is due; TIMER_NEVER: none is armed. */
uint64_t timers_next(const struct timers *list);

/*
 * timers_run - run what is due at now_ns
 *
 * Each timer runs at most once a call, also when it arms itself for a time that has passed: a guest that
 * programs a period of nothing gets late ticks, not a monitor that never comes back.
 */
void timers_run(struct timers *list, uint64_t now_ns);

#endif
