/* SPDX-License-Identifier: MIT */
/*
 * store.c - blocks by address, links between them, and what happens when code is written
 *
 * A page with translated code is in no table that writes go through (share.c), so that each write there comes to
 * trans_note_store, which drops the blocks that were made of those bytes; all of the page where other vCPUs could
 * translate it meanwhile, or where most stores hit no code. The more often that has happened to a page, the more
 * executions its code needs before it is translated once more; and where what is made of it is dropped soon each time,
 * as of a small program with variables beside its code, the interpreter goes a long way there before it looks again.
 * Breakpoints (points.c) drop blocks by linear address.
 */
#include <assert.h>
#include <limits.h>
#include <string.h>

#include "engine/soft/trans/block.h"
#include "engine/soft/trans/check.h"
#include "engine/soft/trans/emit.h"

enum {
    PAGE = 4096,
    LINE = 64 /* bytes; as block.lines counts */,
    BESIDE_MOST = 64,
    BESIDE_COSTS = 7 /* times it was written */,
    DISTANCE = 4,       /* bytes of that in a jump */
    SHORT_LIFE = 32768, /* instructions */
    SHORT_LIVES = 16,
};

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
    assert(t->npages < PAGES_MAX);
    p = &t->page[t->npages];
    *p = (struct code_page){ .gpa = gpa - gpa % PAGE, .next = *bucket };
    *bucket = t->npages++;
    return p;
}

bool trans_has_room_for_pages(struct trans_store *t, const struct source *at)
{
    unsigned wants = trans_page_find(t, at->gpa) == NULL;

    if (at->next_host != NULL && trans_page_find(t, at->next_gpa) == NULL)
        wants++;
    return wants <= PAGES_MAX - t->npages;
}

unsigned trans_reluctance(struct trans_store *t, uint64_t gpa)
{
    const struct code_page *p = trans_page_find(t, gpa);

    if (gpa / PAGE >= t->code->npages)
        return UINT_MAX;
    return p == NULL || p->writes < 16 ? 0 : p->writes < 100 ? 2 * p->writes : 200;
}

bool trans_is_restless(struct trans_store *t, uint64_t gpa)
{
    const struct code_page *p = trans_page_find(t, gpa);

    return p != NULL && p->short_lives >= SHORT_LIVES;
}

void trans_note_own(struct trans_store *t, const struct block *b)
{
    struct code_page *p = trans_page_find(t, b->gpa);

    if (p != NULL)
        p->own = true;
}

/* ---- blocks ----------------------------------------------------------------------------------- */

static void add_to_page(struct trans *t, struct block *b)
{
    struct code_page *page = trans_page_find(t->store, b->gpa);

    if (page->blocks == BLOCK_NONE)
        page->made = t->c->insns;
    b->next_in_page = page->blocks;
    page->blocks = (uint32_t)(b - t->store->block);
}

void trans_insert(struct trans *t, struct block *b)
{
    struct trans_store *s = t->store;
    uint32_t number = (uint32_t)(b - s->block), *head = trans_bucket(s, b->gpa);
    struct block *next = &s->block[s->nblocks];

    b->next = *head;
    *head = number;
    add_to_page(t, b);
    if (b->next_gpa == SOURCE_NO_PAGE)
        return;
    *next = (struct block){ .gpa = b->next_gpa, .stands_for = number, .lines = 1 };
    add_to_page(t, next);
    s->nblocks++;
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

    for (uint32_t *at = trans_bucket(t, b->gpa); *at != BLOCK_NONE; at = &t->block[*at].next) {
        if (*at == number) {
            *at = b->next;
            return;
        }
    }
}

static void drop(struct trans_store *t, struct block *b)
{
    if (b->stands_for != BLOCK_NONE)
        b = &t->block[b->stands_for];
    if (b->dead)
        return; /* its part of the other page has been written before */
    unhash(t, b);
    for (uint32_t i = b->edges; i != 0; i = t->site[i].next) {
        emit_patch(t->cache.rw + t->site[i].patch, t->cache.rw + t->site[i].patch + DISTANCE);
        t->site[i].linked = false;
    }
    b->edges = 0;
    b->dead = true;
    t->stats.invalidated++;
}

/* Of the page, those that were made of some of these lines. */
static void drop_lines(struct trans_store *t, struct code_page *p, uint64_t lines)
{
    uint32_t *at = &p->blocks;

    while (*at != BLOCK_NONE) {
        struct block *b = &t->block[*at];

        if (b->lines & lines) {
            *at = b->next_in_page;
            drop(t, b);
        } else {
            at = &b->next_in_page;
        }
    }
    p->writes++;
    p->beside = 0;
    t->drops++;
    atomic_fetch_add(&t->changes, 1);
}

/* In this order: who finds that a page has no code, and stores there, learns at once that blocks were dropped. */
void trans_drop_page(struct trans_store *t, uint64_t gpa)
{
    struct code_page *p = trans_page_find(t, gpa);

    if (p != NULL)
        drop_lines(t, p, UINT64_MAX);
    trans_set_code(t, gpa, MEM_CODE_NONE);
}

static void unlist(struct trans_store *t, const struct block *b)
{
    uint32_t number = (uint32_t)(b - t->block);
    uint32_t *at = &trans_page_find(t, b->gpa)->blocks;

    while (*at != BLOCK_NONE && *at != number)
        at = &t->block[*at].next_in_page;
    if (*at == number)
        *at = b->next_in_page;
}

/* Code of the page that was made before may leave flags that nobody read there, or go on to what the point is on. */
void trans_drop_points(struct trans_store *t, const struct soft_points *points)
{
    uint64_t before = t->stats.invalidated;

    for (uint32_t i = 1; i < t->nblocks; i++) {
        struct block *b = &t->block[i];

        if (b->stands_for != BLOCK_NONE || b->dead || !soft_points_in_page(points, b->rip))
            continue;
        unlist(t, b);
        if (b->next_gpa != SOURCE_NO_PAGE)
            unlist(t, b + 1);
        drop(t, b);
    }
    if (t->stats.invalidated == before)
        return;
    t->drops++;
    atomic_fetch_add(&t->changes, 1);
}

static bool hits(const struct trans_store *t, const struct code_page *p, uint64_t lines)
{
    for (uint32_t i = p->blocks; i != BLOCK_NONE; i = t->block[i].next_in_page) {
        if (t->block[i].lines & lines)
            return true;
    }
    return false;
}

/* One vCPU: bytes first to last of a page with code are about to be written. */
static void note_lines(struct trans_store *t, uint64_t page, unsigned first, unsigned last)
{
    struct code_page *p = trans_page_find(t, page);
    uint64_t lines = UINT64_MAX >> (LINE - 1 - last / LINE) & UINT64_MAX << first / LINE;

    if (p != NULL && hits(t, p, lines))
        drop_lines(t, p, lines);
    else if (p != NULL)
        p->beside++;
    if (p != NULL && p->beside == BESIDE_MOST)
        p->writes += BESIDE_COSTS; /* what is stored there so often will be again */
    if (p == NULL || p->blocks == BLOCK_NONE || p->beside == BESIDE_MOST)
        trans_drop_page(t, page);
}

/* The last block of the page has gone by a store. Of another vCPU's insns it is a guess, which costs time alone. */
static void end_life(const struct trans *t, struct code_page *p)
{
    bool is_short = t->c->insns - p->made < SHORT_LIFE;

    p->short_lives = !is_short                      ? 0
                     : p->short_lives < SHORT_LIVES ? p->short_lives + 1
                                                    : SHORT_LIVES;
}

/* Under lock: bytes first to last of a page with code are about to be written. */
static void note_page(struct trans *t, uint64_t page, unsigned first, unsigned last)
{
    struct trans_store *s = t->store;
    struct code_page *p = trans_page_find(s, page);
    bool had = p != NULL && p->blocks != BLOCK_NONE;

    if (s->shared)
        trans_drop_page(s, page);
    else
        note_lines(s, page, first, last);
    if (had && p->blocks == BLOCK_NONE)
        end_life(t, p);
}

void trans_note_store(struct trans *t, uint64_t gpa, uint64_t len)
{
    if (t->check != NULL)
        check_store(t, gpa, len);
    for (uint64_t page = gpa - gpa % PAGE; page < gpa + len; page += PAGE) {
        uint64_t end = gpa + len - page < PAGE ? gpa + len - page : PAGE;

        if (!trans_has_code(t, page))
            continue;
        trans_lock(t->store);
        note_page(t, page, page < gpa ? (unsigned)(gpa - page) : 0, (unsigned)end - 1);
        trans_unlock(t->store);
    }
}

bool trans_wants_stores(const struct trans *t, uint64_t gpa)
{
    return t->check != NULL || trans_has_code(t, gpa);
}

void trans_note_mark(struct trans *t, uint64_t gpa)
{
    if (t->check != NULL)
        check_mark(t, gpa);
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
