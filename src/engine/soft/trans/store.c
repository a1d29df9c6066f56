/* SPDX-License-Identifier: MIT */
/*
 * store.c - blocks by address, links between them, and what happens when code is written
 *
 * A page with translated code is in no table that writes go through, so that each write there comes to
 * trans_note_store, which drops all blocks of the page. The more often that has happened to a page, the more
 * executions its code needs before it is translated once more.
 */
#include <limits.h>
#include <string.h>

#include "engine/soft/trans/block.h"
#include "engine/soft/trans/check.h"
#include "engine/soft/trans/emit.h"

enum { PAGE = 4096 };

/* ---- physical pages --------------------------------------------------------------------------- */

bool trans_has_code(const struct trans *t, uint64_t gpa)
{
    uint64_t page = gpa / PAGE;

    return page < t->code->npages &&
           atomic_load_explicit(&t->code->page[page], memory_order_relaxed) != MEM_CODE_NONE;
}

static void set_code(struct trans *t, uint64_t gpa, enum mem_code_state to)
{
    atomic_store_explicit(&t->code->page[gpa / PAGE], (uint8_t)to, memory_order_relaxed);
}

static uint32_t *page_bucket(struct trans *t, uint64_t gpa)
{
    uint64_t page = gpa / PAGE;

    return &t->page_bucket[(page ^ page >> 12) % PAGE_BUCKETS];
}

/* Number 0 is no page. */
static struct code_page *page_find(struct trans *t, uint64_t gpa)
{
    uint64_t page = gpa - gpa % PAGE;

    for (uint32_t i = *page_bucket(t, gpa); i != 0; i = t->page[i].next) {
        if (t->page[i].gpa == page)
            return &t->page[i];
    }
    return NULL;
}

static struct code_page *page_make(struct trans *t, uint64_t gpa)
{
    struct code_page *p = page_find(t, gpa);
    uint32_t *bucket = page_bucket(t, gpa);

    if (p != NULL)
        return p;
    p = &t->page[t->npages];
    *p = (struct code_page){ .gpa = gpa - gpa % PAGE, .next = *bucket };
    *bucket = t->npages++;
    return p;
}

unsigned trans_reluctance(struct trans *t, uint64_t gpa)
{
    const struct code_page *p = page_find(t, gpa);

    if (gpa / PAGE >= t->code->npages || (p == NULL && t->npages == PAGES_MAX))
        return UINT_MAX;
    return p == NULL ? 0 : p->writes < 100 ? 2 * p->writes : 200;
}

/* Who may write the page without asking so far has to ask. */
static void guard(struct trans *t, uint64_t gpa, const uint8_t *host)
{
    struct soft_cpu *c = t->c;

    set_code(t, gpa, MEM_CODE_MADE);
    for (unsigned i = 0; i < SOFT_TLB; i++) {
        struct soft_tlb_entry *e = &c->tlb[i];

        if (e->gpa != gpa - gpa % PAGE)
            continue;
        for (unsigned b = 0; b < BANKS; b++) {
            e->held[b] |= e->allow[b] & HOW_WRITE;
            e->allow[b] &= (uint8_t)~HOW_WRITE;
        }
    }
    trans_pages_strip(t, host);
}

/* ---- blocks ----------------------------------------------------------------------------------- */

static uint32_t *bucket(struct trans *t, uint64_t gpa)
{
    return &t->bucket[(gpa ^ gpa >> 15) % BLOCK_BUCKETS];
}

struct block *trans_find(struct trans *t, uint64_t rip, uint64_t gpa, enum soft_bank bank)
{
    for (uint32_t i = *bucket(t, gpa); i != BLOCK_NONE; i = t->block[i].next) {
        struct block *b = &t->block[i];

        if (b->gpa == gpa && b->rip == rip && b->bank == bank)
            return b;
    }
    return NULL;
}

void trans_insert(struct trans *t, struct block *b, const uint8_t *host)
{
    uint32_t number = (uint32_t)(b - t->block), *head = bucket(t, b->gpa);
    struct code_page *page = page_make(t, b->gpa);

    b->next = *head;
    *head = number;
    b->next_in_page = page->blocks;
    page->blocks = number;
    if (!trans_has_code(t, b->gpa))
        guard(t, b->gpa, host);
}

void trans_link(struct trans *t, uint32_t number, const struct block *to)
{
    struct site *s = &t->site[number];

    if (s->patch == 0) {
        t->frame->cell[s->cell] = t->cache.rx + to->entry;
        if (t->nlinked < ARRAY_LEN(t->linked))
            t->linked[t->nlinked] = number;
        t->nlinked++;
        return;
    }
    emit_patch(t->cache.rw + s->patch, t->cache.rw + to->entry);
    s->next = to->edges;
    t->block[to - t->block].edges = number;
}

static void unhash(struct trans *t, const struct block *b)
{
    uint32_t number = (uint32_t)(b - t->block);

    for (uint32_t *at = bucket(t, b->gpa); *at != BLOCK_NONE; at = &t->block[*at].next) {
        if (*at == number) {
            *at = b->next;
            return;
        }
    }
}

static void drop(struct trans *t, struct block *b)
{
    unhash(t, b);
    for (uint32_t i = b->edges; i != 0; i = t->site[i].next)
        emit_patch(t->cache.rw + t->site[i].patch, t->cache.rw + t->site[i].stub);
    b->edges = 0;
    b->dead = true;
    t->stats.invalidated++;
}

static void drop_page(struct trans *t, uint64_t gpa)
{
    struct code_page *p = page_find(t, gpa);

    set_code(t, gpa, MEM_CODE_NONE);
    if (p == NULL)
        return;
    for (uint32_t i = p->blocks; i != BLOCK_NONE; i = t->block[i].next_in_page)
        drop(t, &t->block[i]);
    p->blocks = BLOCK_NONE;
    p->writes++;
    /* Links from other pages and indirect branches are not kept by target: all go. */
    trans_pages_free(t);
}

void trans_note_store(struct trans *t, uint64_t gpa, uint64_t len)
{
    if (t->check != NULL)
        check_store(t, gpa, len);
    for (uint64_t page = gpa - gpa % PAGE; page < gpa + len; page += PAGE) {
        if (trans_has_code(t, page))
            drop_page(t, page);
    }
}

void trans_note_mark(struct trans *t, uint64_t gpa)
{
    if (t->check != NULL)
        check_mark(t, gpa);
}

bool trans_wants_stores(const struct trans *t, uint64_t gpa)
{
    return t->check != NULL || trans_has_code(t, gpa);
}

void trans_look_for_writes(struct trans *t)
{
    if (!atomic_exchange_explicit(&t->code->written, false, memory_order_relaxed))
        return;
    for (uint32_t i = 1; i < t->npages; i++) {
        uint64_t gpa = t->page[i].gpa;

        if (atomic_load_explicit(&t->code->page[gpa / PAGE], memory_order_relaxed) ==
            MEM_CODE_WRITTEN)
            drop_page(t, gpa);
    }
}

/* ---- all -------------------------------------------------------------------------------------- */

void trans_reset(struct trans *t)
{
    if (t->nblocks == 1)
        return; /* as it is */
    for (uint32_t i = 1; i < t->npages; i++) {
        if (t->page[i].blocks != BLOCK_NONE)
            set_code(t, t->page[i].gpa, MEM_CODE_NONE);
    }
    trans_pages_free(t);
    memset(t->bucket, 0, sizeof(t->bucket));
    memset(t->page_bucket, 0, sizeof(t->page_bucket));
    memset(t->counter, 0, sizeof(t->counter));
    t->nblocks = t->nsites = t->npages = 1;
    t->nbounds = t->ncells = 0;
    t->cache.used = 0;
    t->stats.resets++;
}

void trans_begin(struct trans *t)
{
    const struct machine *m = t->c->vcpu->m;
    bool exact = m->clock.counted || m->stop_at_insns != 0;

    if (t->config.exact_flags == exact)
        return;
    t->config.exact_flags = exact;
    trans_reset(t);
}
