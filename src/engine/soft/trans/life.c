/* SPDX-License-Identifier: MIT */
/* life.c - making and freeing a translator: what the vCPUs of a machine have in common, and what each has alone. */
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/soft/fpu.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/block.h"
#include "engine/soft/trans/check.h"
#include "engine/soft/trans/host_flags.h"

enum { PAGE = 4096, CACHE_LEN = 1 << CACHE_BITS };

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
