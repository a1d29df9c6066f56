/* SPDX-License-Identifier: MIT */
/*
 * clock.h - all time of a machine comes from here
 *
 * Two readings: nanoseconds of the host's monotonic clock, and raw ticks of the time-stamp counter,
 * which cost a few nanoseconds and are turned into nanoseconds only when somebody looks.
 *
 * A counted clock does not look at the host at all: whoever executes instructions moves it, a nanosecond
 * each, and its ticks are nanoseconds. So a run can be repeated. It is used by one thread only (turns.h).
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct clock {
    uint64_t start_ns; /* CLOCK_MONOTONIC at clock_init */
    uint64_t start_ticks;
    bool counted;        /* set after clock_init, before anybody asks */
    uint64_t counted_ns; /* time of a counted clock; never goes back */
};

void clock_init(struct clock *c);

/* The machine's time: nanoseconds since clock_init. Thread: any; a counted clock: the one that runs it. */
uint64_t clock_ns(const struct clock *c);

/*
 * What a clock on the wall says: nanoseconds since 1970, UTC. A counted clock begins with the year 2020. Thread: as
 * clock_ns.
 */
uint64_t clock_wall_ns(const struct clock *c);

/* Nanoseconds of the host since clock_init, of any clock. For what people are told. Thread: any. */
uint64_t clock_host_ns(const struct clock *c);

/* Raw ticks; not ordered against surrounding loads and stores. Thread: any. */
static inline uint64_t clock_ticks(void)
{
    return __builtin_ia32_rdtsc();
}

/* The machine's time in ticks: for spans that end in clock_ticks_to_ns. Thread: as clock_ns. */
static inline uint64_t clock_stamp(const struct clock *c)
{
    return c->counted ? c->counted_ns : clock_ticks();
}

/*
 * clock_ticks_to_ns - a span of ticks in nanoseconds
 *
 * The rate is what has been seen since clock_init, so it needs no calibration run and sharpens with
 * time: better than 1 % after 100 us. A counted clock has one tick a nanosecond.
 */
uint64_t clock_ticks_to_ns(const struct clock *c, uint64_t ticks);

#endif
