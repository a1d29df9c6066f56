/* SPDX-License-Identifier: MIT */
/*
 * pages.c - the tables of the frame: checked pages, targets of indirect branches, cells of links
 *
 * What is in use is noted, so that a flush costs as much as what was filled since the last one. This file is
 * compiled for general registers only, and what fills a table calls nothing: fast.c does it too.
 */
#include <string.h>

#include "base/bits.h"
#include "engine/soft/trans/block.h"

enum { PAGE = 4096 };

/* ---- free ------------------------------------------------------------------------------------- */

/* That of the page at 0, and for index 0, where that looks, of another: no address that looks here is in it. */
static uint64_t free_tag(unsigned idx)
{
    return idx == 0 ? -(uint64_t)(2 * PAGE) : 0;
}

static struct trans_pages *table_of(struct trans *t, uint32_t number)
{
    return &t->frame->tlb[number / TRANS_TLB / TRANS_ACCESSES];
}

static uint64_t *ntag_of(struct trans *t, uint32_t number)
{
    return &table_of(t, number)->ntag[number / TRANS_TLB % TRANS_ACCESSES][number % TRANS_TLB];
}

/* Other vCPUs put the first target into new cells. */
static void set_cell(struct trans *t, uint32_t cell, uint32_t at)
{
    __atomic_store_n(&t->frame->cell[cell], t->store->cache.rx + at, __ATOMIC_RELAXED);
}

static void free_entry(struct trans *t, enum trans_table table, uint32_t number)
{
    switch (table) {
    case TABLE_PAGES:
        *ntag_of(t, number) = free_tag(number % TRANS_TLB);
        break;
    case TABLE_INDIRECT: /* a target that looks at another place */
        (&t->frame->indirect[0][0])[number] =
            (struct trans_indirect){ .rip = number % TRANS_INDIRECT == 0 };
        break;
    default:
        set_cell(t, number, t->store->cell_stub[number]);
        break;
    }
}

void trans_page_free(struct trans *t, uint32_t number)
{
    free_entry(t, TABLE_PAGES, number);
}

static void note(struct trans *t, enum trans_table table, bool global, uint32_t number)
{
    struct trans_used *used = &t->used[table][global];

    if (used->has[number])
        return;
    used->has[number] = true;
    used->entry[used->n++] = number;
}

static void free_used(struct trans *t, enum trans_table table, bool global)
{
    struct trans_used *used = &t->used[table][global];

    for (uint32_t i = 0; i < used->n; i++) {
        used->has[used->entry[i]] = false;
        free_entry(t, table, used->entry[i]);
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

        if (*ntag_of(t, number) == -linear)
            free_entry(t, TABLE_PAGES, number);
    }
    return true;
}

/* ---- all --------------------------------------------------------------------------------------- */

void trans_pages_flush(struct trans *t)
{
    for (unsigned table = 0; table < TABLES; table++)
        free_used(t, (enum trans_table)table, false);
    if (!t->c->global_low)
        memset(t->looked[0], 0, sizeof(t->looked[0]));
}

void trans_links_free(struct trans *t)
{
    for (unsigned global = 0; global < 2; global++) {
        free_used(t, TABLE_INDIRECT, global);
        free_used(t, TABLE_CELLS, global);
    }
}

void trans_pages_free(struct trans *t)
{
    trans_links_free(t);
    memset(t->looked, 0, sizeof(t->looked));
    free_used(t, TABLE_PAGES, false);
    free_used(t, TABLE_PAGES, true);
}

void trans_pages_begin(struct trans *t)
{
    for (uint32_t i = 0; i < TRANS_PAGES; i += TRANS_TLB)
        free_entry(t, TABLE_PAGES, i);
    for (uint32_t i = 0; i < TRANS_INDIRECTS; i += TRANS_INDIRECT)
        free_entry(t, TABLE_INDIRECT, i);
    for (uint32_t i = 0; i < t->store->ncells; i++)
        free_entry(t, TABLE_CELLS, i);
}

/* Of code that has just been looked up. */
static bool is_global(const struct trans *t, uint64_t rip)
{
    const struct soft_tlb_entry *e = &t->c->tlb[rip / PAGE % SOFT_TLB];

    return e->tag == ((rip & ~UINT64_C(0xfff)) | t->c->tlb_generation) && e->global;
}

static bool leads_to_global(const struct trans *t, const struct block *b)
{
    return is_global(t, b->rip) &&
           (b->next_gpa == SOURCE_NO_PAGE || is_global(t, (b->rip | (PAGE - 1)) + 1));
}

/* ---- fill ------------------------------------------------------------------------------------- */

/* The page at this index for all kinds of access; those of another one are free then. */
static void set_host(struct trans *t, uint32_t index, uint64_t ntag, uint8_t *host)
{
    struct trans_pages *table = &t->frame->tlb[t->c->bank];

    for (unsigned how = 0; how < TRANS_ACCESSES; how++) {
        if (table->ntag[how][index] != ntag || table->host[index] != host)
            table->ntag[how][index] = free_tag(index);
    }
    table->host[index] = host;
    table->distance[index] = (uint64_t)(uintptr_t)host + ntag;
}

bool trans_page_fill(struct trans *t, uint64_t linear, enum trans_access how,
                     const struct soft_tlb_entry *e)
{
    uint32_t number = trans_page_number(t->c->bank, how, linear);
    uint64_t ntag = -(linear - linear % PAGE);
    bool known =
        *ntag_of(t, number) == ntag && table_of(t, number)->host[number % TRANS_TLB] == e->host;

    set_host(t, number % TRANS_TLB, ntag, e->host);
    *ntag_of(t, number) = ntag;
    note(t, TABLE_PAGES, e->global, number);
    return !known;
}

static void strip(struct trans *t, const uint8_t *host, uint32_t number)
{
    if (table_of(t, number)->host[number % TRANS_TLB] == host &&
        number / TRANS_TLB % TRANS_ACCESSES == TRANS_WRITE)
        free_entry(t, TABLE_PAGES, number);
}

void trans_pages_strip_at(struct trans *t, const uint8_t *host, uint32_t index)
{
    for (unsigned bank = 0; bank < BANKS; bank++)
        strip(t, host,
              trans_page_number((enum soft_bank)bank, TRANS_WRITE, (uint64_t)index * PAGE));
}

void trans_pages_strip(struct trans *t, const uint8_t *host)
{
    for (unsigned global = 0; global < 2; global++) {
        const struct trans_used *used = &t->used[TABLE_PAGES][global];

        for (uint32_t i = 0; i < used->n; i++)
            strip(t, host, used->entry[i]);
    }
}

void trans_indirect_fill(struct trans *t, uint64_t rip, const struct block *b)
{
    uint32_t idx = trans_indirect_at(rip);

    t->frame->indirect[b->mode][idx] =
        (struct trans_indirect){ .rip = rip, .host = t->store->cache.rx + b->indirect };
    note(t, TABLE_INDIRECT, leads_to_global(t, b), b->mode * (uint32_t)TRANS_INDIRECT + idx);
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
    note(t, TABLE_CELLS, leads_to_global(t, to), cell);
}
