/* SPDX-License-Identifier: MIT */
/*
 * clock.h - all time of a machine comes from here
 *
 * Two readings: nanoseconds of the host's monotonic clock, and raw ticks of the time-stamp counter,
 * which cost a few nanoseconds and are turned into nanoseconds only when somebody looks.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>

struct clock {
    uint64_t start_ns; /* CLOCK_MONOTONIC at clock_init */
    uint64_t start_ticks;
};

void clock_init(struct clock *c);

/* Nanoseconds since clock_init. Thread: any. */
uint64_t clock_ns(const struct clock *c);

/* Raw ticks; not ordered against surrounding loads and stores. Thread: any. */
static inline uint64_t clock_ticks(void)
{
    return __builtin_ia32_rdtsc();
}

/*
 * clock_ticks_to_ns - a span of ticks in nanoseconds
 *
 * The rate is what has been seen since clock_init, so it needs no calibration run and sharpens with
 * time: better than 1 % after 100 us.
 */
uint64_t clock_ticks_to_ns(const struct clock *c, uint64_t ticks);

#endif
