/* SPDX-License-Identifier: MIT */
/*
 * pvclock.c - KVM's clock: the time page and the wall clock
 *
 * Source: "KVM-specific MSRs" (MSR_KVM_WALL_CLOCK_NEW, MSR_KVM_SYSTEM_TIME_NEW) in the kernel's KVM documents:
 *
 *   time page   0 version, odd while it changes   4 -    8 TSC   16 nanoseconds at that TSC
 *               24 multiplier   28 shift, signed   29 flags: bit 0 all vCPUs' clocks agree   30 -
 *   wall clock  0 version   4 seconds   8 nanoseconds
 *
 * All vCPUs use one scale and base, fixed when the first asks, so their clocks agree and never step.
 *
 * GAP: the rate is what has been seen of the host's TSC since the machine was made; later the clock may leave the
 * host's by some millionths.
 */
#include "engine/soft/pvclock.h"

#include <string.h>

#include "engine/soft/time.h"

enum { PAGE_BYTES = 32, WALL_BYTES = 12, ENABLED = 1, TSC_STABLE = 1 };
enum { AT_TSC = 8, AT_NS = 16, AT_MUL = 24, AT_SHIFT = 28, AT_FLAGS = 29 };

/* Nanoseconds a tick as mul / 2^32 * 2^shift. */
static void set_scale(struct soft_pvclock *p, const struct clock *clock)
{
    uint64_t ns = clock_ticks_to_ns(clock, UINT64_C(1) << 32); /* of 2^32 ticks */

    p->shift = 0;
    for (; ns > UINT32_MAX; ns >>= 1)
        p->shift++;
    p->mul = (uint32_t)ns;
}

/* Under the machine lock. */
static const struct soft_pvclock *base_of(struct soft_cpu *c)
{
    struct soft_pvclock *p = c->sys.pvclock;
    const struct clock *clock = &c->vcpu->m->clock;

    if (!p->set) {
        p->ns = clock_ns(clock);
        p->ticks = soft_tsc(c) - c->msrs.tsc_offset;
        set_scale(p, clock);
        p->set = true;
    }
    return p;
}

/* The version is odd while the rest changes; pairs with the guest's reading it before and after. */
static void write_page(uint8_t *at, const uint8_t *bytes, unsigned len)
{
    uint32_t version = (uint32_t)le_get(at, 4) | 1;

    le_put(at, 4, version);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    memcpy(at + 4, bytes + 4, len - 4);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    le_put(at, 4, version + 1);
}

void soft_pvclock_update(struct soft_cpu *c)
{
    struct machine *m = c->vcpu->m;
    uint64_t val = c->msrs.system_time;
    uint8_t page[PAGE_BYTES] = { 0 };
    uint8_t *at;

    if (!(val & ENABLED) || c->sys.pvclock == NULL)
        return;
    soft_time_end(c);
    pthread_mutex_lock(&m->lock);
    at = mem_host(&m->mem, val & ~UINT64_C(1), PAGE_BYTES, true);
    if (at != NULL) {
        const struct soft_pvclock *p = base_of(c);

        le_put(page + AT_TSC, 8, p->ticks + c->msrs.tsc_offset);
        le_put(page + AT_NS, 8, p->ns);
        le_put(page + AT_MUL, 4, p->mul);
        page[AT_SHIFT] = (uint8_t)p->shift;
        page[AT_FLAGS] = TSC_STABLE;
        write_page(at, page, PAGE_BYTES);
    }
    pthread_mutex_unlock(&m->lock);
}

void soft_pvclock_wall(struct soft_cpu *c, uint64_t gpa)
{
    struct machine *m = c->vcpu->m;
    uint8_t page[WALL_BYTES] = { 0 };
    uint64_t start_ns;
    uint8_t *at;

    soft_time_end(c);
    pthread_mutex_lock(&m->lock);
    at = mem_host(&m->mem, gpa, WALL_BYTES, true);
    if (at != NULL) {
        start_ns = clock_wall_ns(&m->clock) - clock_ns(&m->clock);
        le_put(page + 4, 4, start_ns / 1000000000);
        le_put(page + 8, 4, start_ns % 1000000000);
        write_page(at, page, WALL_BYTES);
    }
    pthread_mutex_unlock(&m->lock);
}
