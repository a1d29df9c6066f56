/* SPDX-License-Identifier: MIT */
/*
 * share.c - how a vCPU learns what another has done to the code that they have in common
 *
 * A page is guarded before anything of it is translated: stores there have to ask (trans_note_store). Other
 * vCPUs may have it in tables that stores go through without asking; so its bytes count only when each of them
 * has looked since, or is not executing anything. Until then its code is interpreted, and nobody waits. Who has
 * never been able to write a page need not look; for most code that is everybody else.
 *
 * What has been dropped may still be executed by other vCPUs until they look, which they do at every instruction
 * that the interpreter executes: so at each that serializes. SDM 3A, "Handling Self- and Cross-Modifying Code".
 */
#include <string.h>

#include "engine/soft/mem.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/block.h"
#include "engine/soft/world.h"

enum { PAGE = 4096 };

/* ---- lock ------------------------------------------------------------------------------------- */

void trans_lock(struct trans_store *s)
{
    if (s->shared)
        pthread_mutex_lock(&s->lock);
}

void trans_unlock(struct trans_store *s)
{
    if (s->shared)
        pthread_mutex_unlock(&s->lock);
}

/* ---- guarded pages ---------------------------------------------------------------------------- */

void trans_note_writer(struct trans *t, uint64_t gpa, uint64_t linear)
{
    struct trans_store *s = t->store;
    uint64_t page = gpa / PAGE;
    uint8_t me = (uint8_t)(t->number + 1), was;
    uint32_t index = (uint32_t)(linear / PAGE % TRANS_TLB + 1);

    if (page >= s->writers->npages)
        return;
    if (t->wrote[page] != index)
        t->wrote[page] = t->wrote[page] == 0 ? index : WROTE_SEVERAL;
    if (!s->shared)
        return;
    was = atomic_load_explicit(&s->writers->page[page], memory_order_relaxed);
    if (was == me || was == WRITER_SEVERAL)
        return;
    if (was != WRITER_NONE || !atomic_compare_exchange_strong(&s->writers->page[page], &was, me))
        atomic_store(&s->writers->page[page], WRITER_SEVERAL);
}

static void hold(struct soft_tlb_entry *e)
{
    for (unsigned b = 0; b < BANKS; b++) {
        e->held[b] |= e->allow[b] & HOW_WRITE;
        e->allow[b] &= (uint8_t)~HOW_WRITE;
    }
}

static void strip_tlb(struct trans *t, uint64_t gpa, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++) {
        if (t->c->tlb[i].gpa == gpa)
            hold(&t->c->tlb[i]);
    }
}

/* Who may write the page without asking so far has to ask. */
static void strip(struct trans *t, uint64_t gpa, const uint8_t *host)
{
    uint32_t wrote = t->wrote[gpa / PAGE];

    if (wrote == WROTE_SEVERAL) {
        strip_tlb(t, gpa, 0, SOFT_TLB);
        trans_pages_strip(t, host);
    } else if (wrote != 0) {
        uint32_t at = (wrote - 1) % SOFT_TLB;

        strip_tlb(t, gpa, at, at + 1);
        trans_pages_strip_at(t, host, wrote - 1);
    }
}

/* Under lock: the pages that have been guarded since it looked; too many to be known, then all. */
static void strip_since(struct trans *t)
{
    struct trans_store *s = t->store;
    uint64_t seen = atomic_load_explicit(&t->seen, memory_order_relaxed);

    if (s->guards - seen > GUARDED_MAX) {
        soft_flush(t->c, true);
    } else {
        for (; seen < s->guards; seen++)
            strip(t, s->guarded[seen % GUARDED_MAX].gpa, s->guarded[seen % GUARDED_MAX].host);
    }
    atomic_store_explicit(&t->seen, s->guards, memory_order_release);
}

/* Under lock: another vCPU may have the page in a table that it stores through. */
static bool others_write(const struct trans *t, uint64_t gpa)
{
    const struct trans_store *s = t->store;
    uint8_t who = s->shared ? atomic_load(&s->writers->page[gpa / PAGE]) : WRITER_NONE;

    return who != WRITER_NONE && who != t->number + 1;
}

static bool all_have_seen(const struct trans *t, uint64_t guard)
{
    const struct trans_store *s = t->store;

    for (unsigned i = 0; i < s->nusers; i++) {
        const struct trans *u = s->user[i];

        if (u != NULL && u != t && atomic_load(&u->c->inside) &&
            atomic_load_explicit(&u->seen, memory_order_acquire) < guard)
            return false;
    }
    return true;
}

/* Under lock. */
static void begin_guard(struct trans *t, struct code_page *p)
{
    struct trans_store *s = t->store;

    trans_set_code(s, p->gpa, MEM_CODE_MADE);
    strip(t, p->gpa, p->host);
    p->ready = !others_write(t, p->gpa);
    if (p->ready)
        return;
    strip_since(t);
    s->guarded[s->guards % GUARDED_MAX] = (struct guarded){ .gpa = p->gpa, .host = p->host };
    p->guard = ++s->guards;
    atomic_store_explicit(&t->seen, s->guards, memory_order_release);
    atomic_fetch_add(&s->changes, 1);
}

bool trans_guard(struct trans *t, uint64_t gpa, uint8_t *host)
{
    struct code_page *p = trans_page_make(t->store, gpa);

    if (!trans_has_code(t, gpa)) {
        p->host = host;
        begin_guard(t, p);
    }
    p->ready = p->ready || all_have_seen(t, p->guard);
    return p->ready;
}

/* ---- looking ---------------------------------------------------------------------------------- */

/* Under lock. Others that look meanwhile wait for the lock until what has been written is dropped. */
static void look_for_writes(struct trans_store *s)
{
    atomic_store(&s->looking, true);
    if (atomic_exchange(&s->code->written, false)) {
        for (uint32_t i = 1; i < s->npages; i++) {
            uint64_t gpa = s->page[i].gpa;

            if (atomic_load_explicit(&s->code->page[gpa / PAGE], memory_order_relaxed) ==
                MEM_CODE_WRITTEN)
                trans_drop_page(s, gpa);
        }
    }
    atomic_store(&s->looking, false);
}

static void reset(struct trans *t)
{
    struct trans_store *s = t->store;

    soft_world_stop(t->c);
    trans_lock(s);
    if (atomic_exchange(&s->reset_wanted, false) && (s->nblocks > 1 || s->npages > 1)) {
        for (unsigned i = 0; i < s->nusers; i++) {
            if (s->user[i] == NULL)
                continue;
            trans_pages_free(s->user[i]); /* they stand still */
            memset(s->user[i]->counter, 0, sizeof(s->user[i]->counter));
        }
        trans_store_clear(s);
        s->stats.resets++;
        s->resets++;
        atomic_fetch_add(&s->changes, 1);
    }
    trans_unlock(s);
    soft_world_go(t->c);
}

static void see_changes(struct trans *t)
{
    struct trans_store *s = t->store;

    trans_lock(s);
    t->changes_seen = atomic_load(&s->changes);
    strip_since(t);
    if (t->drops_seen != s->drops) {
        /* Links from other pages and indirect branches are not kept by target: all go. */
        t->drops_seen = s->drops;
        trans_links_free(t);
    }
    trans_unlock(s);
    if (s->shared)
        trans_serialize();
}

void trans_catch_up(struct trans *t)
{
    struct trans_store *s = t->store;

    if (atomic_load_explicit(&s->reset_wanted, memory_order_relaxed))
        reset(t);
    if (trans_is_written(s)) {
        trans_lock(s);
        look_for_writes(s);
        trans_unlock(s);
    }
    if (t->changes_seen != atomic_load_explicit(&s->changes, memory_order_acquire))
        see_changes(t);
    if (t->flushes_seen == t->c->flushes)
        return;
    t->flushes_seen = t->c->flushes;
    if (t->global_seen == t->c->global_flushes) {
        trans_pages_flush(t);
        return;
    }
    t->global_seen = t->c->global_flushes;
    trans_pages_free(t);
}

void trans_reset(struct trans *t)
{
    atomic_store(&t->store->reset_wanted, true);
}

void trans_begin(struct trans *t)
{
    const struct machine *m = t->c->vcpu->m;
    bool exact = m->clock.counted || m->stop_at_insns != 0;

    if (atomic_load(&t->store->exact_flags) != exact &&
        atomic_exchange(&t->store->exact_flags, exact) != exact)
        trans_reset(t);
}
