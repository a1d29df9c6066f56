/* SPDX-License-Identifier: MIT */
/* clock.c - monotonic nanoseconds and time-stamp ticks. Every x86-64 CPU has RDTSC. */
#include "core/clock.h"

#include <time.h>

static uint64_t monotonic_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void clock_init(struct clock *c)
{
    c->start_ns = monotonic_ns();
    c->start_ticks = clock_ticks();
    c->counted = false;
    c->counted_ns = 0;
}

uint64_t clock_host_ns(const struct clock *c)
{
    return monotonic_ns() - c->start_ns;
}

uint64_t clock_ns(const struct clock *c)
{
    return c->counted ? c->counted_ns : clock_host_ns(c);
}

uint64_t clock_wall_ns(const struct clock *c)
{
    const uint64_t year_2020 = 1577836800;
    struct timespec ts = { .tv_sec = (time_t)year_2020 };

    if (c->counted)
        return year_2020 * 1000000000u + c->counted_ns;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_ticks_to_ns(const struct clock *c, uint64_t ticks)
{
    uint64_t span_ticks = clock_ticks() - c->start_ticks;
    uint64_t span_ns = clock_ns(c);

    if (c->counted)
        return ticks;
    if (span_ticks == 0)
        return 0;
    return (uint64_t)((unsigned __int128)ticks * span_ns / span_ticks);
}
