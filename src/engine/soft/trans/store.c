/* SPDX-License-Identifier: MIT */
/*
 * store.c - blocks by address, links between them, and what happens when code is written
 *
 * A page with translated code is in no table that writes go through (share.c), so that each write there comes to
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
    const struct mem_code *code = t->store->code;
    uint64_t page = gpa / PAGE;

    return page < code->npages && atomic_load(&code->page[page]) != MEM_CODE_NONE;
}

void trans_set_code(struct trans_store *t, uint64_t gpa, enum mem_code_state to)
{
    atomic_store(&t->code->page[gpa / PAGE], (uint8_t)to);
}

static uint32_t *page_bucket(struct trans_store *t, uint64_t gpa)
{
    uint64_t page = gpa / PAGE;

    return &t->page_bucket[(page ^ page >> 12) % PAGE_BUCKETS];
}

/* Number 0 is no page. */
struct code_page *trans_page_find(struct trans_store *t, uint64_t gpa)
{
    uint64_t page = gpa - gpa % PAGE;

    for (uint32_t i = *page_bucket(t, gpa); i != 0; i = t->page[i].next) {
        if (t->page[i].gpa == page)
            return &t->page[i];
    }
    return NULL;
}

struct code_page *trans_page_make(struct trans_store *t, uint64_t gpa)
{
    struct code_page *p = trans_page_find(t, gpa);
    uint32_t *bucket = page_bucket(t, gpa);

    if (p != NULL)
        return p;
    p = &t->page[t->npages];
    *p = (struct code_page){ .gpa = gpa - gpa % PAGE, .next = *bucket };
    *bucket = t->npages++;
    return p;
}

unsigned trans_reluctance(struct trans_store *t, uint64_t gpa)
{
    const struct code_page *p = trans_page_find(t, gpa);

    if (gpa / PAGE >= t->code->npages || (p == NULL && t->npages == PAGES_MAX))
        return UINT_MAX;
    return p == NULL ? 0 : p->writes < 100 ? 2 * p->writes : 200;
}

/* ---- blocks ----------------------------------------------------------------------------------- */

static uint32_t *bucket(struct trans_store *t, uint64_t gpa)
{
    return &t->bucket[(gpa ^ gpa >> 15) % BLOCK_BUCKETS];
}

struct block *trans_find(struct trans_store *t, uint64_t rip, uint64_t gpa, unsigned mode)
{
    for (uint32_t i = *bucket(t, gpa); i != BLOCK_NONE; i = t->block[i].next) {
        struct block *b = &t->block[i];

        if (b->gpa == gpa && b->rip == rip && b->mode == mode)
            return b;
    }
    return NULL;
}

void trans_insert(struct trans_store *t, struct block *b)
{
    uint32_t number = (uint32_t)(b - t->block), *head = bucket(t, b->gpa);
    struct code_page *page = trans_page_find(t, b->gpa);

    b->next = *head;
    *head = number;
    b->next_in_page = page->blocks;
    page->blocks = number;
}

/* A jump is patched only where every vCPU that executes it finds the same bytes at its target. */
void trans_link(struct trans *t, uint32_t number, const struct block *to)
{
    struct trans_store *s = t->store;
    struct site *from = &s->site[number];

    if (from->patch == 0) {
        trans_cell_fill(t, from->cell, to, from->flags == FLAGS_FRAME);
        return;
    }
    if (s->block[from->block].gpa / PAGE != to->gpa / PAGE || from->linked)
        return;
    emit_patch(s->cache.rw + from->patch,
               s->cache.rw + (from->flags == FLAGS_FRAME ? to->indirect : to->entry));
    from->linked = true;
    from->next = to->edges;
    s->block[to - s->block].edges = number;
}

static void unhash(struct trans_store *t, const struct block *b)
{
    uint32_t number = (uint32_t)(b - t->block);

    for (uint32_t *at = bucket(t, b->gpa); *at != BLOCK_NONE; at = &t->block[*at].next) {
        if (*at == number) {
            *at = b->next;
            return;
        }
    }
}

static void drop(struct trans_store *t, struct block *b)
{
    unhash(t, b);
    for (uint32_t i = b->edges; i != 0; i = t->site[i].next) {
        emit_patch(t->cache.rw + t->site[i].patch, t->cache.rw + t->site[i].stub);
        t->site[i].linked = false;
    }
    b->edges = 0;
    b->dead = true;
    t->stats.invalidated++;
}

/* In this order: who finds that a page has no code, and stores there, learns at once that blocks were dropped. */
void trans_drop_page(struct trans_store *t, uint64_t gpa)
{
    struct code_page *p = trans_page_find(t, gpa);

    if (p != NULL) {
        for (uint32_t i = p->blocks; i != BLOCK_NONE; i = t->block[i].next_in_page)
            drop(t, &t->block[i]);
        p->blocks = BLOCK_NONE;
        p->writes++;
        t->drops++;
        atomic_fetch_add(&t->changes, 1);
    }
    trans_set_code(t, gpa, MEM_CODE_NONE);
}

void trans_note_store(struct trans *t, uint64_t gpa, uint64_t len)
{
    if (t->check != NULL)
        check_store(t, gpa, len);
    for (uint64_t page = gpa - gpa % PAGE; page < gpa + len; page += PAGE) {
        if (!trans_has_code(t, page))
            continue;
        trans_lock(t->store);
        trans_drop_page(t->store, page);
        trans_unlock(t->store);
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

/* ---- all -------------------------------------------------------------------------------------- */

void trans_store_clear(struct trans_store *t)
{
    for (uint32_t i = 1; i < t->npages; i++)
        trans_set_code(t, t->page[i].gpa, MEM_CODE_NONE);
    memset(t->bucket, 0, sizeof(t->bucket));
    memset(t->page_bucket, 0, sizeof(t->page_bucket));
    t->nblocks = t->nsites = t->npages = 1;
    t->nbounds = 0;
    t->ncells = 0;
    t->cache.used = 0;
}
