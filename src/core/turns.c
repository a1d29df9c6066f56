/* SPDX-License-Identifier: MIT */
/* turns.c - whose turn it is, until when, and what happens between turns. */
#include "core/turns.h"

#include "core/machine.h"

/*
 * A turn: long enough that changing over costs nothing, short enough that nobody waits for long: another vCPU, or,
 * where there is none, whoever does something from outside.
 */
enum { SLICE_NS = 16384, SLICE_ALONE_NS = 1 << 20 };

uint64_t turns_insns(const struct machine *m)
{
    return m->clock.counted_ns - m->turns.skipped_ns;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* A timer has been armed while the engine or a device runs. */
static void sooner(void *ctx)
{
    struct machine *m = ctx;

    m->turns.end_ns = least(m->turns.end_ns, timers_next(&m->timers));
}

/* Once at each place: a run that is stopped and goes on does not run late timers sooner than one that is not. */
static void run_due(struct machine *m)
{
    struct turns *t = &m->turns;
    struct place now;

    if (timers_next(&m->timers) > m->clock.counted_ns)
        return;
    now = place_now(m);
    if (t->ran && t->ran_at.ns == now.ns && t->ran_at.accesses == now.accesses)
        return;
    t->ran = true;
    t->ran_at = now;
    pthread_mutex_lock(&m->lock);
    timers_run(&m->timers, m->clock.counted_ns);
    pthread_mutex_unlock(&m->lock);
}

/* Instructions until a count that has not been reached. */
static uint64_t left_to(const struct machine *m, uint64_t insns)
{
    uint64_t done = turns_insns(m);

    return insns > done ? insns - done : 0;
}

/* Where the engine has to come back; at least one instruction is executed. */
static void set_end(struct machine *m)
{
    struct turns *t = &m->turns;
    uint64_t now = m->clock.counted_ns;

    t->end_ns = least(t->slice_ns, timers_next(&m->timers));
    if (t->hash_every != 0)
        t->end_ns = least(t->end_ns, now + (t->hashed + t->hash_every - turns_insns(m)));
    if (m->rewind != NULL)
        t->end_ns = least(t->end_ns, now + left_to(m, rewind_next(m)));
    if (host_log_next(m) > now)
        t->end_ns = least(t->end_ns, host_log_next(m));
    t->end_ns = least(t->end_ns, outside_next(m));
    if (t->until != 0)
        t->end_ns = least(t->end_ns, now + left_to(m, t->until));
    if (t->end_ns <= now)
        t->end_ns = now + 1;
}

static void hash_if_due(struct machine *m)
{
    struct event ev = { .kind = EVENT_HASH, .insns = turns_insns(m) };
    struct vitro_err err = { 0 };

    if (m->turns.hash_every == 0 || ev.insns - m->turns.hashed < m->turns.hash_every)
        return;
    m->turns.hashed = ev.insns;
    if (!sink_on(&m->sink))
        return;
    if (machine_hash(m, &ev.hash, &err) < 0) {
        machine_fail(m, &err, -1);
        return;
    }
    pthread_mutex_lock(&m->lock);
    machine_emit(m, &ev);
    pthread_mutex_unlock(&m->lock);
}

/* Gives a vCPU its turn, or what is left of it. False: it had nothing to execute. */
static bool take_turn(struct machine *m, struct vcpu *cpu)
{
    uint64_t before = turns_insns(m), exits = cpu->exits.accesses;

    if (cpu->ended)
        return false;
    if (m->clock.counted_ns >= m->turns.slice_ns)
        m->turns.slice_ns = m->clock.counted_ns + (m->ncpus > 1 ? SLICE_NS : SLICE_ALONE_NS);
    set_end(m);
    vcpu_loop(cpu);
    hash_if_due(m);
    return turns_insns(m) != before || cpu->exits.accesses != exits;
}

/* All vCPUs wait. False when nothing will ever wake one. */
static bool skip_time(struct machine *m)
{
    uint64_t next = timers_next(&m->timers);

    if (next == TIMER_NEVER)
        return false;
    if (next > m->clock.counted_ns) {
        m->turns.skipped_ns += next - m->clock.counted_ns;
        m->clock.counted_ns = next;
    }
    return true;
}

/* One vCPU's turn, the first that has something to do from the one on whose turn it is. */
static bool next_turn(struct machine *m, struct vcpu *only)
{
    struct turns *t = &m->turns;

    if (only != NULL)
        return take_turn(m, only);
    for (unsigned i = 0; i < m->ncpus && atomic_load(&m->stop) == 0; i++) {
        bool ran = take_turn(m, m->cpu[t->cpu]);

        if (!ran || m->clock.counted_ns >= t->slice_ns) {
            t->cpu = (t->cpu + 1) % m->ncpus;
            t->slice_ns = 0;
        }
        if (ran)
            return true;
    }
    return false;
}

void turns_run(struct machine *m, struct vcpu *only)
{
    void (*before)(void *ctx) = m->timers.sooner;
    void *before_ctx = m->timers.ctx;

    m->timers.sooner = sooner;
    m->timers.ctx = m;
    while (atomic_load(&m->stop) == 0) {
        if (m->turns.until != 0 && turns_insns(m) >= m->turns.until) {
            machine_stop(m, STOP_COUNT, 0, -1);
            break;
        }
        if (!outside_turn(m)) /* before what comes from inside, as it was the first time */
            break;
        rewind_turn(m);
        run_due(m);
        host_log_turn(m);
        if (!next_turn(m, only) && atomic_load(&m->stop) == 0 && !skip_time(m))
            break;
    }
    outside_stop(m);
    m->timers.sooner = before;
    m->timers.ctx = before_ctx;
}
