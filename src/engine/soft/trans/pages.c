/* SPDX-License-Identifier: MIT */
/*
 * pages.c - the tables of the frame: checked pages, targets of indirect branches, cells of links
 *
 * What is in use is noted, so that a flush costs as much as what was filled since the last one.
 */
#include <string.h>

#include "base/bits.h"
#include "engine/soft/trans/block.h"
#include "engine/soft/trans/check.h"

enum { PAGE = 4096 };

/* ---- free ------------------------------------------------------------------------------------- */

/* The tag of an index two further on: no address that looks here is in that page. */
static struct trans_page free_page(unsigned idx)
{
    return (struct trans_page){ .ntag = -((uint64_t)((idx + 2) % TRANS_TLB) * PAGE) };
}

static struct trans_page *page_at(struct trans *t, uint32_t number)
{
    return &t->frame->tlb[0][0][0] + number;
}

enum { PAGES = BANKS * TRANS_ACCESSES * TRANS_TLB, INDIRECTS = BANKS * TRANS_INDIRECT };

/* Numbers from PAGES on are indirect ones. A free one has a target that looks at another place. */
static void free_entry(struct trans *t, uint32_t number)
{
    if (number < PAGES)
        *page_at(t, number) = free_page(number % TRANS_TLB);
    else
        (&t->frame->indirect[0][0])[number - PAGES] =
            (struct trans_indirect){ .rip = (number - PAGES) % TRANS_INDIRECT == 0 };
}

void trans_page_free(struct trans *t, uint32_t number)
{
    free_entry(t, number);
}

static void note(struct trans *t, uint32_t number)
{
    if (t->nfilled < ARRAY_LEN(t->filled))
        t->filled[t->nfilled] = number;
    t->nfilled++;
}

static void free_filled(struct trans *t)
{
    if (t->nfilled > ARRAY_LEN(t->filled)) {
        for (uint32_t i = 0; i < PAGES + INDIRECTS; i++)
            free_entry(t, i);
    } else {
        for (uint32_t i = 0; i < t->nfilled; i++)
            free_entry(t, t->filled[i]);
    }
    t->nfilled = 0;
}

/* Other vCPUs put the first target into new cells. */
static void set_cell(struct trans *t, uint32_t cell, uint32_t at)
{
    __atomic_store_n(&t->frame->cell[cell], t->store->cache.rx + at, __ATOMIC_RELAXED);
}

static void free_linked(struct trans *t)
{
    const struct trans_store *s = t->store;
    bool all = t->nlinked > ARRAY_LEN(t->linked);
    uint32_t n = all ? atomic_load_explicit(&s->ncells, memory_order_acquire) : t->nlinked;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t cell = all ? i : t->linked[i];

        set_cell(t, cell, s->cell_stub[cell]);
    }
    t->nlinked = 0;
}

void trans_pages_free(struct trans *t)
{
    free_filled(t);
    free_linked(t);
}

/* ---- fill ------------------------------------------------------------------------------------- */

bool trans_page_fill(struct trans *t, uint64_t linear, unsigned size, enum trans_access how,
                     const struct soft_tlb_entry *e)
{
    const struct soft_cpu *c = t->c;
    unsigned soft_how = how == TRANS_WRITE ? HOW_WRITE : HOW_READ;
    uint32_t number = ((unsigned)c->bank * TRANS_ACCESSES + how) * TRANS_TLB +
                      (uint32_t)(linear / PAGE % TRANS_TLB);
    struct trans_page *p = page_at(t, number);
    uint64_t page = linear - linear % PAGE;

    if (e->host == NULL || e->watched & soft_how || linear % PAGE > PAGE - size ||
        !((e->allow[c->bank] | e->held[c->bank]) & soft_how) ||
        (how == TRANS_WRITE && trans_has_code(t, e->gpa)) ||
        (p->ntag == -page && p->host == e->host) ||
        (how == TRANS_WRITE && t->check != NULL && !check_page(t, e->host, number)))
        return false;
    *p = (struct trans_page){ .ntag = -page, .host = e->host };
    note(t, number);
    return true;
}

void trans_pages_strip(struct trans *t, const uint8_t *host)
{
    uint32_t n = t->nfilled > ARRAY_LEN(t->filled) ? PAGES : t->nfilled;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t number = n == PAGES ? i : t->filled[i];

        if (number < PAGES && page_at(t, number)->host == host &&
            number / TRANS_TLB % TRANS_ACCESSES == TRANS_WRITE)
            free_entry(t, number);
    }
}

void trans_indirect_fill(struct trans *t, uint64_t rip, const struct block *b)
{
    uint32_t idx = trans_indirect_at(rip);

    t->frame->indirect[b->bank][idx] =
        (struct trans_indirect){ .rip = rip, .host = t->store->cache.rx + b->indirect };
    note(t, PAGES + b->bank * (uint32_t)TRANS_INDIRECT + idx);
}

uint32_t trans_cell_new(struct trans_store *s, uint32_t stub)
{
    uint32_t cell = atomic_load_explicit(&s->ncells, memory_order_relaxed);

    s->cell_stub[cell] = stub;
    for (unsigned i = 0; i < s->nusers; i++) {
        if (s->user[i] != NULL)
            set_cell(s->user[i], cell, stub);
    }
    atomic_store_explicit(&s->ncells, cell + 1, memory_order_release);
    return cell;
}

void trans_cell_fill(struct trans *t, uint32_t cell, const struct block *to)
{
    set_cell(t, cell, to->entry);
    if (t->nlinked < ARRAY_LEN(t->linked))
        t->linked[t->nlinked] = cell;
    t->nlinked++;
}
