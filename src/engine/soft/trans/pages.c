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

enum { PAGES = BANKS * TRANS_ACCESSES * TRANS_TLB, INDIRECTS = TRANS_MODES * TRANS_INDIRECT };

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

static void note(struct trans_used *used, uint32_t number)
{
    if (used->n < ARRAY_LEN(used->entry))
        used->entry[used->n] = number;
    used->n += used->n <= ARRAY_LEN(used->entry);
}

static bool is_all(const struct trans_used *used)
{
    return used->n > ARRAY_LEN(used->entry);
}

static void free_filled(struct trans *t, struct trans_used *used)
{
    uint32_t n = is_all(used) ? PAGES + INDIRECTS : used->n;

    for (uint32_t i = 0; i < n; i++)
        free_entry(t, is_all(used) ? i : used->entry[i]);
    used->n = 0;
}

/* Other vCPUs put the first target into new cells. */
static void set_cell(struct trans *t, uint32_t cell, uint32_t at)
{
    __atomic_store_n(&t->frame->cell[cell], t->store->cache.rx + at, __ATOMIC_RELAXED);
}

static void free_linked(struct trans *t, struct trans_used *used)
{
    const struct trans_store *s = t->store;
    uint32_t n = is_all(used) ? atomic_load_explicit(&s->ncells, memory_order_acquire) : used->n;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t cell = is_all(used) ? i : used->entry[i];

        set_cell(t, cell, s->cell_stub[cell]);
    }
    used->n = 0;
}

/* ---- one page ---------------------------------------------------------------------------------- */

static uint64_t *looked(struct trans *t, uint64_t linear)
{
    return &t->looked[linear >> 63][linear / PAGE % TRANS_LOOKED / 64];
}

void trans_note_looked(struct trans *t, uint64_t rip)
{
    *looked(t, rip) |= UINT64_C(1) << rip / PAGE % 64;
}

bool trans_forget_page(struct trans *t, uint64_t linear)
{
    if (*looked(t, linear) >> linear / PAGE % 64 & 1)
        return false; /* links are not kept by target */
    for (uint32_t i = 0; i < BANKS * TRANS_ACCESSES; i++) {
        uint32_t number = i * TRANS_TLB + (uint32_t)(linear / PAGE % TRANS_TLB);

        if (page_at(t, number)->ntag == -linear)
            free_entry(t, number);
    }
    return true;
}

/* ---- all --------------------------------------------------------------------------------------- */

void trans_pages_flush(struct trans *t)
{
    free_filled(t, &t->filled[0]);
    free_linked(t, &t->linked[0]);
    if (!t->c->global_low)
        memset(t->looked[0], 0, sizeof(t->looked[0]));
}

void trans_pages_free(struct trans *t)
{
    trans_pages_flush(t);
    memset(t->looked, 0, sizeof(t->looked));
    free_filled(t, &t->filled[1]);
    free_linked(t, &t->linked[1]);
}

/* Of code that has just been looked up. */
static bool is_global(const struct trans *t, uint64_t rip)
{
    const struct soft_tlb_entry *e = &t->c->tlb[rip / PAGE % SOFT_TLB];

    return e->tag == ((rip & ~UINT64_C(0xfff)) | t->c->tlb_generation) && e->global;
}

/* ---- fill ------------------------------------------------------------------------------------- */

/* The entries of global pages are hardly ever freed: each is noted once, while it is not among the others. */
static void fill_note(struct trans *t, uint32_t number, bool global, bool was_free)
{
    if (!global || was_free)
        note(&t->filled[global], number);
}

bool trans_page_fill(struct trans *t, uint64_t linear, unsigned size, enum trans_access how,
                     const struct soft_tlb_entry *e)
{
    const struct soft_cpu *c = t->c;
    unsigned soft_how = how == TRANS_WRITE ? HOW_WRITE : HOW_READ;
    uint32_t number = ((unsigned)c->bank * TRANS_ACCESSES + how) * TRANS_TLB +
                      (uint32_t)(linear / PAGE % TRANS_TLB);
    struct trans_page *p = page_at(t, number);
    uint64_t page = linear - linear % PAGE;
    bool was_free;

    if (e->host == NULL || e->watched & soft_how || linear % PAGE > PAGE - size ||
        !((e->allow[c->bank] | e->held[c->bank]) & soft_how) ||
        (how == TRANS_WRITE && trans_has_code(t, e->gpa)) ||
        (p->ntag == -page && p->host == e->host) ||
        (how == TRANS_WRITE && t->check != NULL && !check_page(t, e->host, number)))
        return false;
    was_free = p->ntag == free_page(number % TRANS_TLB).ntag;
    *p = (struct trans_page){ .ntag = -page, .host = e->host };
    fill_note(t, number, e->global, was_free);
    return true;
}

static void strip(struct trans *t, const struct trans_used *used, const uint8_t *host)
{
    uint32_t n = is_all(used) ? PAGES : used->n;

    for (uint32_t i = 0; i < n; i++) {
        uint32_t number = is_all(used) ? i : used->entry[i];

        if (number < PAGES && page_at(t, number)->host == host &&
            number / TRANS_TLB % TRANS_ACCESSES == TRANS_WRITE)
            free_entry(t, number);
    }
}

void trans_pages_strip(struct trans *t, const uint8_t *host)
{
    strip(t, &t->filled[0], host);
    strip(t, &t->filled[1], host);
}

void trans_indirect_fill(struct trans *t, uint64_t rip, const struct block *b)
{
    uint32_t idx = trans_indirect_at(rip);

    struct trans_indirect *e = &t->frame->indirect[b->mode][idx];
    bool was_free = e->rip <= 1;

    *e = (struct trans_indirect){ .rip = rip, .host = t->store->cache.rx + b->indirect };
    fill_note(t, PAGES + b->mode * (uint32_t)TRANS_INDIRECT + idx, is_global(t, rip), was_free);
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

void trans_cell_fill(struct trans *t, uint32_t cell, const struct block *to, bool in_frame)
{
    set_cell(t, cell, in_frame ? to->indirect : to->entry);
    note(&t->linked[is_global(t, to->rip)], cell);
}
