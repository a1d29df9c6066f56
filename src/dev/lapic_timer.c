/* SPDX-License-Identifier: MIT */
/*
 * lapic_timer.c - local APIC: the timer
 *
 * Source: SDM 3A, "APIC Timer", "TSC-Deadline Mode". The count goes down once in (1 ns times the divisor); what is
 * left is computed from the clock when somebody reads it. A period that the host cannot serve is served late: ticks
 * that have passed are one tick, as they are one bit of IRR.
 */
#include "dev/lapic_priv.h"

/* Periodic ticks come no closer than this: a guest that asks for more must not keep the machine lock busy. */
enum { TICK_MIN_NS = 20000 };

enum lapic_timer_mode lapic_timer_mode_of(uint32_t lvt)
{
    return lvt >> 17 & 3;
}

static enum lapic_timer_mode mode_of(const struct lapic_cpu *a)
{
    return lapic_timer_mode_of(a->reg[LAPIC_LVT_TIMER]);
}

/* Nanoseconds a count: bits 3, 1 and 0 of TDCR are log2 of it minus 1, modulo 8. */
static uint64_t count_ns(uint32_t tdcr)
{
    unsigned code = (tdcr & 3) | (tdcr >> 1 & 4);

    return UINT64_C(1) << ((code + 1) & 7);
}

static uint64_t now_ns(const struct lapic_cpu *a)
{
    return clock_ns(&a->set->m->clock);
}

/* Of the periodic timer; at least 1. */
static uint64_t period_ns(const struct lapic_cpu *a)
{
    uint64_t ns = a->reg[LAPIC_TMICT] * count_ns(a->reg[LAPIC_TDCR]);

    return ns != 0 ? ns : 1;
}

void lapic_timer_stop(struct lapic_cpu *a)
{
    a->counting = false;
    a->deadline = 0;
    timer_cancel(&a->timer);
}

void lapic_timer_start(struct lapic_cpu *a, uint32_t count)
{
    lapic_timer_stop(a);
    if (count == 0 || mode_of(a) >= LAPIC_DEADLINE)
        return;
    a->counting = true;
    a->zero_ns = now_ns(a) + count * count_ns(a->reg[LAPIC_TDCR]);
    timer_arm(&a->timer, a->zero_ns);
}

uint32_t lapic_timer_count(const struct lapic_cpu *a)
{
    uint64_t now, left;

    if (!a->counting)
        return 0;
    now = now_ns(a);
    if (now < a->zero_ns)
        left = a->zero_ns - now;
    else if (mode_of(a) == LAPIC_PERIODIC)
        left = period_ns(a) - (now - a->zero_ns) % period_ns(a);
    else
        left = 0;
    return (uint32_t)((left + count_ns(a->reg[LAPIC_TDCR]) - 1) / count_ns(a->reg[LAPIC_TDCR]));
}

/* Into or out of TSC-deadline mode stops it; between the other two it goes on counting. */
void lapic_timer_mode(struct lapic_cpu *a, uint32_t lvt)
{
    enum lapic_timer_mode was = mode_of(a), now = lapic_timer_mode_of(lvt);

    if (was != now && (was >= LAPIC_DEADLINE || now >= LAPIC_DEADLINE)) {
        lapic_timer_stop(a);
        a->reg[LAPIC_TMICT] = 0;
    }
    a->reg[LAPIC_LVT_TIMER] = lvt;
}

/* What is left goes on at the new rate. */
void lapic_timer_divide(struct lapic_cpu *a, uint32_t tdcr)
{
    uint32_t left = lapic_timer_count(a);

    a->reg[LAPIC_TDCR] = tdcr;
    if (a->counting)
        lapic_timer_start(a, left);
}

static void next_period(struct lapic_cpu *a)
{
    uint64_t now = now_ns(a), period = period_ns(a);

    if (now >= a->zero_ns)
        a->zero_ns += ((now - a->zero_ns) / period + 1) * period;
    timer_arm(&a->timer, a->zero_ns - now < TICK_MIN_NS ? now + TICK_MIN_NS : a->zero_ns);
}

void lapic_timer_due(void *ctx)
{
    struct lapic_cpu *a = ctx;

    if (a->counting && mode_of(a) == LAPIC_PERIODIC)
        next_period(a);
    else
        lapic_timer_stop(a);
    lapic_local(a, LAPIC_LVT_TIMER);
}

void lapic_timer_deadline(struct lapic_cpu *a, uint64_t val, uint64_t tsc)
{
    uint64_t now, ns;

    if (mode_of(a) != LAPIC_DEADLINE)
        return;
    lapic_timer_stop(a);
    if (val == 0)
        return;
    a->deadline = val;
    now = now_ns(a);
    ns = val > tsc ? clock_ticks_to_ns(&a->set->m->clock, val - tsc) : 0;
    timer_arm(&a->timer, ns < TIMER_NEVER - 1 - now ? now + ns : TIMER_NEVER - 1);
}
