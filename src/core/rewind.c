/* SPDX-License-Identifier: MIT */
/*
 * rewind.c - see rewind.h
 *
 * A part of the machine is saved and put back by copying its bytes, pointers and all: what they point at lives as
 * long as the machine. All timers of such a machine lie in saved parts, so that their list is put back by that, too.
 */
#include "core/rewind.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/machine.h"
#include "core/mem_cow.h"

enum { POINTS_MAX = 512, DENSITY = 8, DEFAULT_MIB = 256 };

struct checkpoint {
    uint64_t insns;
    size_t log_next;      /* of the host's events: the first after it */
    size_t outside_next;  /* of changes from outside, the same */
    struct cow_set pages; /* what was in those that have been written since */
    uint8_t state[];
};

struct rewind {
    uint64_t bytes, spacing;
    uint64_t state_bytes;
    struct mem_cow *cow;
    struct checkpoint *point[POINTS_MAX]; /* owned; oldest first */
    unsigned npoints;
    uint64_t next;      /* instructions at which the next is due */
    struct place until; /* how far the machine has ever been */
    uint64_t taken;
};

/* ---- the state in bytes ---------------------------------------------------------------------- */

struct cursor {
    uint8_t *at; /* NULL: only counts */
    uint64_t n;
    bool load;
};

static void move_bytes(struct cursor *c, void *part, size_t len)
{
    if (c->at != NULL && c->load)
        memcpy(part, c->at + c->n, len);
    else if (c->at != NULL)
        memcpy(c->at + c->n, part, len);
    c->n += len;
}

#define MOVE(c, part) move_bytes(c, &(part), sizeof(part))

static void move_cpu(struct cursor *c, struct vcpu *cpu)
{
    unsigned requests = atomic_load(&cpu->requests);

    MOVE(c, requests);
    atomic_store(&cpu->requests, requests);
    MOVE(c, cpu->sipi_vector);
    MOVE(c, cpu->exit);
    MOVE(c, cpu->answered);
    MOVE(c, cpu->ended);
    MOVE(c, cpu->irqs_on);
    MOVE(c, cpu->activity);
    MOVE(c, cpu->started);
    MOVE(c, cpu->tables_changed);
    MOVE(c, cpu->chain);
    MOVE(c, cpu->mark_ticks);
    MOVE(c, cpu->exits); /* guests can ask for them */
    if (c->at != NULL && c->load)
        cpu->m->engine->load(cpu, c->at + c->n);
    else if (c->at != NULL)
        cpu->m->engine->save(cpu, c->at + c->n);
    c->n += cpu->m->engine->saved_bytes;
}

static void move_machine(struct cursor *c, struct machine *m)
{
    MOVE(c, m->clock.counted_ns);
    MOVE(c, m->turns.cpu);
    MOVE(c, m->turns.slice_ns);
    MOVE(c, m->turns.skipped_ns);
    MOVE(c, m->turns.hashed);
    MOVE(c, m->turns.ran);
    MOVE(c, m->turns.ran_at);
    MOVE(c, m->accesses);
    MOVE(c, m->resets);
    MOVE(c, m->timers.first);
    MOVE(c, m->timers.round);
    MOVE(c, m->pio.unclaimed);
    MOVE(c, m->mmio.unclaimed);
    for (unsigned i = 0; i < m->ncpus; i++)
        move_cpu(c, m->cpu[i]);
    for (unsigned i = 0; i < m->ndevs; i++)
        move_bytes(c, m->dev[i], m->dev[i]->ops->bytes);
    for (unsigned i = 0; i < m->nparts; i++)
        move_bytes(c, m->part[i].at, m->part[i].len);
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool make_room(void *ctx);

static int check(const struct machine *m, struct vitro_err *err)
{
    if (!m->clock.counted || m->engine->save == NULL)
        return err_class(err, VITRO_ERR_ENGINE, -ENOTSUP,
                         "going back in time: only a run that counts instructions can be repeated; "
                         "add --deterministic");
    for (unsigned i = 0; i < m->ndevs; i++) {
        if (m->dev[i]->ops->bytes == 0)
            return err_class(err, VITRO_ERR_USAGE, -ENOTSUP,
                             "going back in time: device %s cannot be put back",
                             m->dev[i]->ops->name);
    }
    return 0;
}

int rewind_open(struct machine *m, const struct rewind_config *cfg, struct vitro_err *err)
{
    struct cursor count = { 0 };
    struct rewind *r;
    int rc = check(m, err);

    if (rc < 0)
        return rc;
    r = calloc(1, sizeof(*r));
    if (r == NULL)
        return err_set(err, -ENOMEM, "keeping checkpoints: out of memory");
    r->bytes = cfg->bytes != 0 ? cfg->bytes : (uint64_t)DEFAULT_MIB << 20;
    r->spacing = cfg->spacing != 0 ? cfg->spacing : REWIND_SPACING;
    rc = mem_cow_new(&m->mem, r->bytes, &r->cow, err);
    if (rc < 0) {
        free(r);
        return rc;
    }
    move_machine(&count, m);
    r->state_bytes = count.n;
    r->cow->make_room = make_room;
    r->cow->ctx = r;
    m->mem.cow = r->cow;
    m->rewind = r;
    return 0;
}

static void drop_point(struct rewind *r, unsigned i)
{
    mem_cow_drop(r->cow, &r->point[i]->pages);
    free(r->point[i]);
    memmove(&r->point[i], &r->point[i + 1], (r->npoints - i - 1) * sizeof(r->point[0]));
    r->npoints--;
}

static void drop_all(struct rewind *r)
{
    while (r->npoints > 0)
        drop_point(r, r->npoints - 1);
    r->next = 0;
}

void rewind_close(struct machine *m)
{
    struct rewind *r = m->rewind;

    if (r == NULL)
        return;
    drop_all(r);
    m->mem.cow = NULL;
    m->rewind = NULL;
    mem_cow_free(r->cow);
    free(r);
}

/* ---- fewer and fewer ------------------------------------------------------------------------- */

static uint64_t used(const struct rewind *r)
{
    return mem_cow_used(r->cow) + r->npoints * (sizeof(struct checkpoint) + r->state_bytes);
}

/* Takes one out from between two others, or off the end. False: out of memory. */
static bool remove_point(struct rewind *r, unsigned i)
{
    if (i > 0 && !mem_cow_join(r->cow, &r->point[i - 1]->pages, &r->point[i]->pages))
        return false;
    drop_point(r, i);
    return true;
}

/* The rounder a number the longer it stays: of those `age` behind, one in age/density. */
static void thin(struct rewind *r, uint64_t density)
{
    uint64_t now = r->point[r->npoints - 1]->insns / r->spacing;

    for (unsigned i = r->npoints - 1; i-- > 1;) {
        uint64_t number = r->point[i]->insns / r->spacing;
        uint64_t round = number & -number;

        if (number != 0 && (now - number) / density >= round && !remove_point(r, i))
            return;
    }
}

static void keep_bounds(struct rewind *r)
{
    thin(r, DENSITY);
    for (uint64_t density = DENSITY / 2; used(r) > r->bytes && density > 0; density /= 2)
        thin(r, density);
    while ((used(r) > r->bytes && r->npoints > 1) || r->npoints == POINTS_MAX)
        drop_point(r, 0);
}

/* In the middle of a turn. The newest stays: its pages are being saved. */
static bool make_room(void *ctx)
{
    struct rewind *r = ctx;

    if (r->npoints < 2)
        return false;
    drop_point(r, 0);
    return true;
}

/* ---- there ----------------------------------------------------------------------------------- */

static bool take(struct machine *m)
{
    struct rewind *r = m->rewind;
    struct checkpoint *p = malloc(sizeof(*p) + r->state_bytes);
    struct cursor c = { .load = false };

    if (p == NULL)
        return false;
    *p = (struct checkpoint){ .insns = turns_insns(m),
                              .log_next = m->host_log.next,
                              .outside_next = m->outside.next };
    c.at = p->state;
    move_machine(&c, m);
    assert(c.n == r->state_bytes);
    r->point[r->npoints++] = p;
    r->taken++;
    mem_cow_open(r->cow, &p->pages);
    return true;
}

void rewind_turn(struct machine *m)
{
    struct rewind *r = m->rewind;
    uint64_t now;

    if (r == NULL)
        return;
    now = turns_insns(m);
    if (now < r->next)
        return;
    for (unsigned i = 0; i < m->ncpus; i++)
        m->engine->forget(m->cpu[i]);
    if (r->cow->failed)
        drop_all(r);
    pthread_mutex_lock(&m->lock);
    if (!take(m))
        drop_all(r); /* what is written from here on is in no set: older ones are of no use */
    pthread_mutex_unlock(&m->lock);
    r->next = (now / r->spacing + 1) * r->spacing;
    if (r->npoints > 0)
        keep_bounds(r);
}

uint64_t rewind_next(const struct machine *m)
{
    return m->rewind != NULL ? m->rewind->next : UINT64_MAX;
}

/* ---- and back -------------------------------------------------------------------------------- */

int rewind_to(struct machine *m, uint64_t insns, struct vitro_err *err)
{
    struct rewind *r = m->rewind;
    struct place now = place_now(m);
    struct cursor c = { .load = true };
    struct checkpoint *p;

    if (r == NULL || r->npoints == 0 || r->cow->failed || r->point[0]->insns > insns)
        return err_class(err, VITRO_ERR_USAGE, -ENOENT, "going back in time: no past is kept");
    if (place_before(&r->until, &now))
        r->until = now;
    r->cow->open = NULL;
    for (;;) {
        p = r->point[r->npoints - 1];
        mem_cow_put_back(r->cow, &p->pages);
        if (p->insns <= insns)
            break;
        drop_point(r, r->npoints - 1);
    }
    pthread_mutex_lock(&m->lock);
    c.at = p->state;
    move_machine(&c, m);
    pthread_mutex_unlock(&m->lock);
    m->host_log.next = p->log_next;
    m->outside.next = p->outside_next;
    m->outside.told = false;
    r->next = (p->insns / r->spacing + 1) * r->spacing;
    for (unsigned i = 0; i < m->ncpus; i++)
        m->engine->forget(m->cpu[i]);
    mem_cow_open(r->cow, &p->pages);
    return 0;
}

bool rewind_repeats(const struct machine *m)
{
    struct place now;

    if (m->rewind == NULL || m->clock.counted_ns > m->rewind->until.ns)
        return false;
    now = place_now(m);
    return place_before(&now, &m->rewind->until);
}

bool rewind_keeps(const struct machine *m)
{
    const struct rewind *r = m->rewind;

    return r != NULL && r->npoints > 0 && !r->cow->failed;
}

void rewind_branch(struct machine *m)
{
    m->rewind->until = (struct place){ 0 };
    m->host_log.n = m->host_log.next;
}

void rewind_cut(struct machine *m)
{
    struct rewind *r = m->rewind;

    if (r == NULL)
        return;
    drop_all(r);
    r->cow->failed = false;
    r->until = (struct place){ 0 };
    m->host_log.n = m->host_log.next = 0;
    outside_fini(&m->outside);
}

void rewind_stats_get(const struct machine *m, struct rewind_stats *out)
{
    const struct rewind *r = m->rewind;

    *out = (struct rewind_stats){ 0 };
    if (r == NULL)
        return;
    out->checkpoints = r->npoints;
    out->bytes = used(r);
    out->taken = r->taken;
    out->oldest_insns = r->npoints > 0 ? r->point[0]->insns : 0;
}
