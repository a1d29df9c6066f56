/* SPDX-License-Identifier: MIT */
/*
 * share.c - what vCPUs have in common: making and freeing it, and how one learns what another has done
 *
 * A page is guarded before anything of it is translated: stores there have to ask (trans_note_store). Other
 * vCPUs may have it in tables that stores go through without asking; so its bytes count only when each of them
 * has looked since, or is not executing anything. Until then its code is interpreted, and nobody waits. Who has
 * never been able to write a page need not look; for most code that is everybody else.
 *
 * What has been dropped may still be executed by other vCPUs until they look, which they do at every instruction
 * that the interpreter executes: so at each that serializes. SDM 3A, "Handling Self- and Cross-Modifying Code".
 */
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/soft/fpu.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/block.h"
#include "engine/soft/trans/check.h"
#include "engine/soft/trans/host_flags.h"
#include "engine/soft/world.h"

enum { PAGE = 4096, CACHE_LEN = 1 << CACHE_BITS };

/* ---- life ------------------------------------------------------------------------------------- */

static uint64_t memory_end(const struct mem *m)
{
    uint64_t end = 0;

    for (size_t i = 0; i < m->nslots; i++) {
        if (m->slot[i].base + m->slot[i].len > end)
            end = m->slot[i].base + m->slot[i].len;
    }
    return end;
}

/* LAHF in 64-bit mode; and which vectors it has. */
static bool host_can(struct trans_store *s)
{
    unsigned a, b, c, d, xcr0, high;

    if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(c & 1))
        return false;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return false;
    s->shifts_kill = host_shifts_write_all();
    s->host_simd = TRANS_SIMD_ALL & ~(unsigned)TRANS_SIMD_AVX;
    if (c & bit_OSXSAVE) {
        __asm__("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
        if (xcr0 & FX_AVX)
            s->host_simd = TRANS_SIMD_ALL;
    }
    return true;
}

static void store_free(struct trans_store *s)
{
    trans_cache_close(&s->cache);
    pthread_mutex_destroy(&s->lock);
    free(s->bound);
    free(s->site);
    free(s->block);
    free(s->writers);
    free(s->code);
    free(s);
}

static void begin_populating(struct trans_store *s)
{
    struct trans_populated *p = s->populated;

    p[STORE_CODE_RW] = (struct trans_populated){ .base = s->cache.rw, .len = s->cache.len };
    p[STORE_CODE_RX] =
        (struct trans_populated){ .base = s->cache.rx, .len = s->cache.len, .read = true };
    p[STORE_BLOCKS] =
        (struct trans_populated){ .base = s->block, .len = BLOCKS_MAX * sizeof(*s->block) };
    p[STORE_SITES] =
        (struct trans_populated){ .base = s->site, .len = SITES_MAX * sizeof(*s->site) };
    p[STORE_BOUNDS] =
        (struct trans_populated){ .base = s->bound, .len = BOUNDS_MAX * sizeof(*s->bound) };
}

static int fill_store(struct trans_store *s, const struct machine *m,
                      const struct trans_config *config, struct vitro_err *err)
{
    uint64_t npages = memory_end(&m->mem) / PAGE;
    int rc;

    if (!host_can(s))
        return err_set(err, -ENOTSUP, "translating code: the host's CPU lacks LAHF in 64-bit mode");
    s->code = calloc(1, sizeof(*s->code) + npages);
    s->writers = calloc(1, sizeof(*s->writers) + npages);
    s->block = calloc(BLOCKS_MAX, sizeof(*s->block));
    s->site = calloc(SITES_MAX, sizeof(*s->site));
    s->bound = calloc(BOUNDS_MAX, sizeof(*s->bound));
    if (s->code == NULL || s->writers == NULL || s->block == NULL || s->site == NULL ||
        s->bound == NULL)
        return err_set(err, -ENOMEM, "making a translator: out of memory");
    s->code->npages = s->writers->npages = npages;
    assert(config->cache_len <= CACHE_LEN);
    rc = trans_cache_open(&s->cache, config->cache_len != 0 ? config->cache_len : CACHE_LEN,
                          config->perf, err);
    if (rc == 0)
        begin_populating(s);
    return rc;
}

static int store_new(struct machine *m, const struct trans_config *config, struct trans_store **out,
                     struct vitro_err *err)
{
    struct trans_store *s = calloc(1, sizeof(*s));
    int rc;

    if (s == NULL)
        return err_set(err, -ENOMEM, "making a translator: out of memory");
    pthread_mutex_init(&s->lock, NULL);
    s->shared = m->ncpus_planned > 1;
    s->threshold = config->threshold;
    s->prove = config->prove;
    s->counts = config->counts;
    s->exact_flags = config->exact_flags;
    rc = fill_store(s, m, config, err);
    if (rc < 0) {
        store_free(s);
        return rc;
    }
    trans_store_clear(s);
    m->mem.code = s->code;
    *out = s;
    return 0;
}

/* That of the vCPUs that are there already; NULL: there is none yet. */
static struct trans_store *store_of(const struct machine *m)
{
    for (unsigned i = 0; i < m->ncpus; i++) {
        const struct soft_cpu *c = soft_of(m->cpu[i]);

        if (c != NULL && c->trans != NULL)
            return c->trans->store;
    }
    return NULL;
}

static int make_frame(struct trans *t, struct vitro_err *err)
{
    const size_t align = _Alignof(struct trans_frame);
    uintptr_t at;

    /* Zero, and nearly none of it is touched before it is used: a small guest uses little of the tables. */
    t->stack = calloc(1, TRANS_STACK + align + sizeof(struct trans_frame));
    if (t->stack == NULL)
        return err_set(err, -ENOMEM, "making a translator: out of memory");
    at = ((uintptr_t)t->stack + TRANS_STACK + align - 1) & ~(uintptr_t)(align - 1);
    t->frame = (struct trans_frame *)at;
    t->frame->gpr = t->c->s.gpr;
    t->frame->xsave = t->c->s.xsave;
    t->frame->leave = (const void *)trans_leave;
    t->frame->simd_load = (const void *)trans_simd_load;
    t->frame->call = (const void *)trans_call;
    t->frame->string = (const void *)trans_string_call;
    t->frame->fill = (const void *)trans_fill;
    t->frame->across = (const void *)trans_across;
    t->frame->across_end = (const void *)trans_across_end;
    t->frame->trans = t;
    t->frame->simd_missing = TRANS_SIMD_ALL;
    t->frame->requests = &t->c->vcpu->requests;
    return 0;
}

static int make_used(struct trans *t, struct vitro_err *err)
{
    static const uint32_t entries[TABLES] = {
        [TABLE_PAGES] = TRANS_PAGES, [TABLE_INDIRECT] = TRANS_INDIRECTS, [TABLE_CELLS] = TRANS_CELLS
    };

    for (unsigned i = 0; i < 2 * TABLES; i++) {
        struct trans_used *used = &t->used[i / 2][i % 2];

        used->entry = calloc(entries[i / 2], sizeof(*used->entry));
        used->has = calloc(entries[i / 2], sizeof(*used->has));
        if (used->entry == NULL || used->has == NULL)
            return err_set(err, -ENOMEM, "making a translator: out of memory");
    }
    t->wrote = calloc(memory_end(&t->c->vcpu->m->mem) / PAGE + 1, sizeof(*t->wrote));
    return t->wrote != NULL ? 0 : err_set(err, -ENOMEM, "making a translator: out of memory");
}

static void free_user(struct trans *t)
{
    for (unsigned i = 0; i < 2 * TABLES; i++) {
        free(t->used[i / 2][i % 2].entry);
        free(t->used[i / 2][i % 2].has);
    }
    free(t->wrote);
    check_free(t->check);
    free(t->stack);
    free(t);
}

int trans_new(struct soft_cpu *c, const struct trans_config *config, struct trans **out,
              struct vitro_err *err)
{
    struct trans *t = calloc(1, sizeof(*t));
    struct machine *m = c->vcpu->m;
    int rc;

    if (t == NULL)
        return err_set(err, -ENOMEM, "making a translator: out of memory");
    t->c = c;
    if (config->check && (t->check = check_new()) == NULL)
        rc = err_set(err, -ENOMEM, "making a translator: out of memory");
    else
        rc = make_frame(t, err);
    if (rc == 0)
        rc = make_used(t, err);
    t->store = store_of(m);
    if (rc == 0 && t->store == NULL)
        rc = store_new(m, config, &t->store, err);
    if (rc < 0) {
        free_user(t);
        return rc;
    }
    t->number = t->store->nusers++;
    t->store->user[t->number] = t;
    trans_pages_begin(t);
    *out = t;
    return 0;
}

void trans_free(struct trans *t)
{
    struct trans_store *s;
    bool last = true;

    if (t == NULL)
        return;
    s = t->store;
    s->user[t->number] = NULL;
    for (unsigned i = 0; i < s->nusers; i++)
        last &= s->user[i] == NULL;
    if (last) {
        if (t->c->vcpu->m->mem.code == s->code)
            t->c->vcpu->m->mem.code = NULL;
        store_free(s);
    }
    free_user(t);
}

int trans_failure(const struct trans *t, struct vitro_err *err)
{
    return t->check != NULL ? check_failure(t->check, err) : 0;
}

int trans_end_of_run(const struct trans *t, struct vitro_err *err)
{
    return t->check != NULL ? check_end_of_run(t->check, err) : 0;
}

bool trans_failed_at(const struct trans *t, uint64_t *rip)
{
    return t->check != NULL && check_found(t->check, rip);
}

void trans_stats_get(const struct trans *t, struct trans_stats *out)
{
    struct trans_store *s = t->store;

    trans_lock(s);
    *out = s->stats;
    trans_unlock(s);
    out->insns = t->stats.insns;
    out->leaves = t->stats.leaves;
    out->steps = t->stats.steps;
}

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
