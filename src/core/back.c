/* SPDX-License-Identifier: MIT */
/* back.c - see back.h */
#include "core/back.h"

#include <errno.h>

/* Faults that follow each other without an instruction completed in between: a triple fault is the third. */
enum { FAULTS_MAX = 8 };

/* Where a vCPU is. */
struct spot {
    uint64_t insns; /* of this vCPU */
    uint64_t rip, linear;
    size_t changes; /* from outside, that have been done */
};

struct back {
    struct machine *m;
    struct vcpu *cpu;
    uint64_t total; /* instructions of all vCPUs where it begins */
    struct spot from;
    /* Put back at the end. */
    uint64_t stop_at_exits, stop_at_insns;
    event_fn *sink;
};

static int look(struct vcpu *cpu, struct spot *out, struct vitro_err *err)
{
    struct x86_state s;
    int rc = cpu->engine->get(cpu, STATE_REGS | STATE_SREGS, &s, err);

    if (rc < 0)
        return rc;
    out->insns = cpu->engine->count(cpu);
    out->rip = s.rip;
    out->linear = x86_linear_rip(&s);
    out->changes = cpu->m->outside.next;
    return 0;
}

static int begin(struct back *b, struct machine *m, unsigned cpu, struct vitro_err *err)
{
    *b = (struct back){ .m = m,
                        .cpu = m->cpu[cpu],
                        .stop_at_exits = m->stop_at_exits,
                        .stop_at_insns = m->stop_at_insns,
                        .sink = m->sink.fn };
    if (m->rewind == NULL)
        return err_class(err, VITRO_ERR_ENGINE, -ENOTSUP,
                         "going back in time: no checkpoints are kept: only of a run with "
                         "--deterministic");
    m->stop_at_exits = m->stop_at_insns = 0;
    m->sink.fn = NULL;
    m->goes_back = true;
    b->total = turns_insns(m);
    return look(b->cpu, &b->from, err);
}

static void end(struct back *b)
{
    uint64_t held = STOP_HELD;

    b->m->stop_at_exits = b->stop_at_exits;
    b->m->stop_at_insns = b->stop_at_insns;
    b->m->sink.fn = b->sink;
    b->m->turns.until = 0;
    b->m->goes_back = false;
    /* Asked to stand still, which it does: not the next run's business. */
    atomic_compare_exchange_strong(&b->m->stop, &held, 0);
    if (b->m->button_waits)
        machine_stop(b->m, STOP_RESET, 0, -1);
    b->m->button_waits = false;
}

/* Nobody looks at the machine meanwhile. */
static int to_checkpoint(struct machine *m, uint64_t insns, struct vitro_err *err)
{
    int rc;

    pause_enter(m, true);
    rc = rewind_to(m, insns, err);
    pause_leave(m);
    return rc;
}

/* ---- one instruction --------------------------------------------------------------------------- */

/* To the newest checkpoint at which the vCPU had executed no more than that. -ENOENT: at the oldest. */
static int to_before(struct back *b, uint64_t total, uint64_t insns)
{
    int rc = to_checkpoint(b->m, total, NULL);

    while (rc == 0 && b->cpu->engine->count(b->cpu) > insns) {
        uint64_t at = turns_insns(b->m);

        rc = at > 0 ? to_checkpoint(b->m, at - 1, NULL) : -ENOENT;
    }
    return rc;
}

/* Without breakpoints, until the vCPU has executed so many. False: something else has stopped it. */
static bool run_to(struct back *b, uint64_t insns, struct stop *stop)
{
    struct machine *m = b->m;

    if (b->cpu->engine->count(b->cpu) == insns)
        return true;
    m->stop_at_insns = insns;
    do
        machine_run(m, stop);
    while (stop->why == STOP_COUNT && stop->cpu != (int)b->cpu->idx);
    m->stop_at_insns = 0;
    return stop->why == STOP_COUNT;
}

static int set_debug(struct machine *m, const struct cpu_debug *dbg, struct vitro_err *err)
{
    int rc = 0;

    for (unsigned i = 0; i < m->ncpus && rc == 0; i++)
        rc = vcpu_debug(m->cpu[i], dbg, err);
    return rc;
}

/* One step, which is short: whoever wants the machine to stand still waits for its end. */
static void step(struct back *b, struct stop *stop)
{
    do
        machine_run(b->m, stop);
    while (stop->why == STOP_HELD);
}

/* From `spot.insns` - 1 on: how many steps there are before the one that comes to the spot, or beyond. */
static int count_steps(struct back *b, const struct spot *spot, unsigned *out,
                       struct vitro_err *err)
{
    struct spot now = { 0 };
    struct stop stop;
    unsigned n;
    int rc = 0;

    for (n = 0; n < FAULTS_MAX; n++) {
        step(b, &stop);
        if (stop.why != STOP_BREAK)
            break;
        rc = look(b->cpu, &now, err);
        if (rc < 0 || now.insns > spot->insns ||
            (now.insns == spot->insns && (now.rip == spot->rip || now.changes > spot->changes)))
            break;
    }
    *out = n;
    return rc;
}

/* To the state before the instruction or fault that led the vCPU to the spot; total: of all vCPUs there. */
static int step_from(struct back *b, uint64_t total, const struct spot *spot, struct back_end *out,
                     struct vitro_err *err)
{
    const struct cpu_debug none = { 0 }, one = { .step = true };
    uint64_t before = spot->insns > 0 ? spot->insns - 1 : 0;
    unsigned steps = 0;
    int rc;

    for (int pass = 0; pass < 2; pass++) {
        rc = to_before(b, total > 0 ? total - 1 : 0, before);
        out->oldest = rc == -ENOENT || (rc == 0 && spot->insns == 0);
        if (out->oldest)
            return 0;
        if (rc == 0)
            rc = set_debug(b->m, &none, err);
        if (rc < 0 || !run_to(b, before, &out->stop))
            return rc;
        if (pass == 0 || steps > 0)
            rc = vcpu_debug(b->cpu, &one, err);
        if (rc == 0 && pass == 0)
            rc = count_steps(b, spot, &steps, err);
        if (rc < 0)
            return rc;
    }
    while (steps-- > 0)
        step(b, &out->stop);
    out->stop = (struct stop){ .why = STOP_BREAK, .cpu = (int)b->cpu->idx };
    return 0;
}

int back_step(struct machine *m, unsigned cpu, struct back_end *out, struct vitro_err *err)
{
    struct cpu_debug debug = m->cpu[cpu]->debug;
    struct back b;
    int rc = begin(&b, m, cpu, err), back;

    *out = (struct back_end){ .stop = { .why = STOP_BREAK, .cpu = (int)cpu } };
    if (rc == 0)
        rc = step_from(&b, b.total, &b.from, out, err);
    back = m->rewind != NULL ? set_debug(m, &debug, rc == 0 ? err : NULL) : 0;
    end(&b);
    return rc < 0 ? rc : back;
}

/* ---- to a breakpoint --------------------------------------------------------------------------- */

/* A stop on the way, and what the caller of it is to do. */
enum met { MET_POINT, MET_MARK, MET_END, MET_OTHER };

static bool from_outside(enum stop_reason why)
{
    return why == STOP_USER || why == STOP_TIMEOUT || why == STOP_HELD || why == STOP_HOST;
}

/* Runs on to the next stop, to the end that the guest came to, or until so many instructions have been executed. */
static int run_on(struct back *b, const struct cpu_debug *points, uint64_t until, struct stop *stop,
                  enum met *out, struct vitro_err *err)
{
    struct spot at;
    struct vcpu *cpu;
    int rc;

    for (;;) {
        b->m->turns.until = until;
        machine_run(b->m, stop);
        *out = from_outside(stop->why) ? MET_OTHER : MET_END;
        if (stop->why != STOP_BREAK)
            return 0;
        cpu = b->m->cpu[stop->cpu];
        *out = MET_POINT;
        if (cpu->exit.watch_how != 0)
            return 0;
        rc = look(cpu, &at, err);
        if (rc < 0)
            return rc;
        if (cpu == b->cpu && at.insns == b->from.insns && at.rip == b->from.rip)
            *out = MET_MARK;
        else if (!cpu_debug_has_break(points, at.linear))
            continue;
        return 0;
    }
}

/* Breakpoints between here and there. */
static int count_points(struct back *b, const struct cpu_debug *points, uint64_t until,
                        unsigned *out, struct stop *stop, struct vitro_err *err)
{
    enum met met = MET_POINT;
    int rc = 0;

    *out = 0;
    for (;;) {
        rc = run_on(b, points, until, stop, &met, err);
        if (rc < 0 || met != MET_POINT)
            break;
        ++*out;
    }
    return rc < 0 ? rc : met != MET_OTHER;
}

/* The n-th from the checkpoint on, n > 0; a watchpoint's is left backwards. */
static int go_to_point(struct back *b, const struct cpu_debug *points, uint64_t checkpoint,
                       unsigned n, struct back_end *out, struct vitro_err *err)
{
    enum met met = MET_POINT;
    struct spot spot;
    int rc = to_checkpoint(b->m, checkpoint, NULL);

    while (rc == 0 && n-- > 0 && met == MET_POINT)
        rc = run_on(b, points, 0, &out->stop, &met, err);
    if (rc < 0 || met != MET_POINT)
        return rc;
    b->cpu = b->m->cpu[out->stop.cpu];
    out->hit = b->cpu->exit;
    if (out->hit.watch_how == 0)
        return 0;
    rc = look(b->cpu, &spot, err);
    return rc < 0 ? rc : step_from(b, turns_insns(b->m), &spot, out, err);
}

/* Checkpoint by checkpoint, what lies before `until`. -ENOENT: nothing is kept there, or not any more. */
static int search(struct back *b, const struct cpu_debug *points, uint64_t until,
                  struct back_end *out, struct vitro_err *err)
{
    int rc = until > 0 ? to_checkpoint(b->m, until - 1, NULL) : -ENOENT;
    unsigned n = 0;

    while (rc == 0) {
        uint64_t from = turns_insns(b->m);

        rc = count_points(b, points, until, &n, &out->stop, err);
        if (rc <= 0)
            return rc; /* or something else has stopped it, which is where it stays */
        if (n > 0)
            return go_to_point(b, points, from, n, out, err);
        until = from;
        rc = from > 0 ? to_checkpoint(b->m, from - 1, NULL) : -ENOENT;
        if (rc == -ENOENT && to_checkpoint(b->m, from, NULL) == 0)
            break;
    }
    return rc;
}

int back_run(struct machine *m, unsigned cpu, struct back_end *out, struct vitro_err *err)
{
    struct cpu_debug points = m->cpu[cpu]->debug, marked = points;
    struct back b;
    int rc = begin(&b, m, cpu, err), back;
    uint64_t until = b.total;

    *out = (struct back_end){ .stop = { .why = STOP_BREAK, .cpu = (int)cpu } };
    if (rc == 0 && marked.nbreaks < BREAKS_MAX) {
        /* Without room to mark where it began, what no instruction lies between is not seen. */
        marked.brk[marked.nbreaks++].addr = b.from.linear;
        until++;
    }
    if (rc == 0)
        rc = set_debug(m, &marked, err);
    if (rc == 0)
        rc = search(&b, &points, until, out, err);
    if (rc == -ENOENT) {
        out->oldest = true;
        out->stop = (struct stop){ .why = STOP_BREAK, .cpu = (int)cpu };
        rc = 0;
    }
    back = m->rewind != NULL ? set_debug(m, &points, rc == 0 ? err : NULL) : 0;
    end(&b);
    return rc < 0 ? rc : back;
}
