/* SPDX-License-Identifier: MIT */
/* outside.c - see outside.h */
#include "core/outside.h"

#include <stdlib.h>
#include <string.h>

#include "core/machine.h"
#include "x86/move.h"

/* What vcpu_set_state takes: STATE_REGS and STATE_SREGS come first in the state. */
struct regs {
    uint8_t first[offsetof(struct x86_state, dr)];
    uint64_t dr[4], dr6, dr7; /* these are of STATE_REST */
    struct x86_events events;
};

enum { NO_CPU = CPUS_MAX, BUTTON };

struct outside_change {
    struct place at;
    unsigned cpu;   /* NO_CPU: memory; BUTTON: a reset */
    unsigned parts; /* of registers */
    gpa_t gpa;
    size_t len;
    uint8_t *bytes; /* owned */
};

static void forget_from(struct outside *o, size_t first)
{
    while (o->n > first) {
        o->bytes -= o->change[--o->n].len;
        free(o->change[o->n].bytes);
    }
}

void outside_fini(struct outside *o)
{
    forget_from(o, 0);
    free(o->change);
    *o = (struct outside){ 0 };
}

int outside_begin(struct machine *m, struct vitro_err *err)
{
    int rc = 0;

    for (unsigned i = 0; m->rewind != NULL && i < m->ncpus && rc == 0; i++)
        rc = vcpu_drain(m->cpu[i], err);
    return rc;
}

/* The place in instructions says where every vCPU is. */
static bool settled(const struct machine *m)
{
    for (unsigned i = 0; i < m->ncpus; i++) {
        if (!m->engine->settled(m->cpu[i]))
            return false;
    }
    return true;
}

static bool reserve(struct outside *o)
{
    size_t room = o->room == 0 ? 16 : 2 * o->room;
    struct outside_change *change;

    if (o->n < o->room)
        return true;
    if (o->n == OUTSIDE_MAX)
        return false;
    change = realloc(o->change, room * sizeof(*change));
    if (change == NULL)
        return false;
    o->change = change;
    o->room = room;
    return true;
}

static bool add(struct machine *m, struct outside_change c, const void *bytes)
{
    struct outside *o = &m->outside;

    if (!rewind_keeps(m) || !settled(m))
        return false;
    rewind_branch(m);
    forget_from(o, o->next);
    if (c.len > OUTSIDE_BYTES - o->bytes || !reserve(o))
        return false;
    c.bytes = malloc(c.len + 1);
    if (c.bytes == NULL)
        return false;
    memcpy(c.bytes, bytes, c.len);
    c.at = place_now(m);
    o->change[o->n++] = c;
    o->next = o->n;
    o->told = false;
    o->bytes += c.len;
    return true;
}

void outside_wrote(struct machine *m, gpa_t gpa, const void *bytes, size_t len)
{
    if (m->rewind != NULL && len > 0 &&
        !add(m, (struct outside_change){ .cpu = NO_CPU, .gpa = gpa, .len = len }, bytes))
        rewind_cut(m);
}

void outside_set(struct machine *m, unsigned cpu, unsigned parts, const struct x86_state *s)
{
    const struct outside_change c = { .cpu = cpu, .parts = parts, .len = sizeof(struct regs) };
    struct regs regs = { .dr6 = s->dr6, .dr7 = s->dr7, .events = s->events };

    memcpy(regs.first, s, sizeof(regs.first));
    memcpy(regs.dr, s->dr, sizeof(regs.dr));
    if (m->rewind != NULL && !add(m, c, &regs))
        rewind_cut(m);
}

void outside_reset(struct machine *m)
{
    if (m->rewind != NULL && !add(m, (struct outside_change){ .cpu = BUTTON }, ""))
        rewind_cut(m);
}

static void do_again(struct machine *m, const struct outside_change *c)
{
    struct vitro_err err = { 0 };
    struct x86_state s = { 0 };
    struct regs regs;

    if (c->cpu == NO_CPU) {
        (void)mem_put(&m->mem, c->gpa, c->bytes, c->len); /* it could be written the first time */
        atomic_store(&m->tables_stale, true);
        return;
    }
    if (c->cpu == BUTTON) {
        machine_stop(m, STOP_RESET, 0, 0); /* as by a CPU: it is written down already */
        return;
    }
    memcpy(&regs, c->bytes, sizeof(regs));
    memcpy(&s, regs.first, sizeof(regs.first));
    memcpy(s.dr, regs.dr, sizeof(s.dr));
    s.dr6 = regs.dr6;
    s.dr7 = regs.dr7;
    s.events = regs.events;
    if (vcpu_set_state(m->cpu[c->cpu], c->parts, &s, &err) < 0)
        machine_fail(m, &err, (int)c->cpu);
}

/* Whether it has that vCPU go on elsewhere than at the breakpoint where it is: at *rip. */
static bool leaves_breakpoint(struct vcpu *cpu, const struct outside_change *c, uint64_t *rip)
{
    struct x86_state now, then;

    if (cpu->debug.nbreaks == 0 || (c->cpu != BUTTON && c->cpu != cpu->idx) ||
        !cpu->engine->settled(cpu) ||
        cpu->engine->get(cpu, STATE_REGS | STATE_SREGS, &now, NULL) < 0 ||
        !cpu_debug_has_break(&cpu->debug, x86_linear_rip(&now)))
        return false;
    *rip = now.rip;
    if (c->cpu == BUTTON)
        return cpu->activity == X86_RUNNING;
    memcpy(&then, c->bytes, sizeof(((struct regs *)NULL)->first));
    return then.rip != now.rip;
}

static bool stops_before(struct machine *m, const struct outside_change *c)
{
    for (unsigned i = 0; c->cpu != NO_CPU && !m->outside.told && i < m->ncpus; i++) {
        struct vcpu *cpu = m->cpu[i];
        uint64_t rip;

        if (!leaves_breakpoint(cpu, c, &rip))
            continue;
        m->outside.told = true;
        cpu->exit = (struct cpu_exit){ .kind = EXIT_DEBUG, .rip = rip };
        machine_stop(m, STOP_BREAK, 0, (int)i);
        return true;
    }
    return false;
}

/* stops: at breakpoints. */
static bool turn(struct machine *m, bool stops)
{
    struct outside *o = &m->outside;
    struct place now;

    if (o->next == o->n)
        return true;
    now = place_now(m);
    while (o->next < o->n && !place_before(&now, &o->change[o->next].at)) {
        if (stops && stops_before(m, &o->change[o->next]))
            return false;
        o->told = false;
        do_again(m, &o->change[o->next++]);
    }
    return true;
}

bool outside_turn(struct machine *m)
{
    return turn(m, true);
}

void outside_stop(struct machine *m)
{
    if (!m->outside.told)
        (void)turn(m, false);
}

uint64_t outside_next(const struct machine *m)
{
    const struct outside *o = &m->outside;

    return o->next < o->n ? o->change[o->next].at.ns : UINT64_MAX;
}
