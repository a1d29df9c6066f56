/* SPDX-License-Identifier: MIT */
/*
 * table_copies.c - finds the tables from the top down, and copies each once
 *
 * A page may be a table of several levels (a self-map): it is looked through once for each.
 */
#include "inspect/table_copies.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "core/mem.h"

enum { PAGE = 4096, SLOTS = 4 * TABLE_COPIES_MAX };

struct taker {
    struct table_copies *tc;
    const struct cpu_space *c;
};

/* The page's slot, or the free one where it belongs. At most a quarter of all are taken. */
static uint32_t *slot_of(const struct table_copies *tc, uint64_t page)
{
    uint32_t at = (uint32_t)((page >> 12) * 0x9e3779b97f4a7c15u >> 40) % SLOTS;

    while (tc->slot[at] != 0 && tc->gpa[tc->slot[at] - 1] != page)
        at = (at + 1) % SLOTS;
    return &tc->slot[at];
}

static bool make_room(struct table_copies *tc)
{
    size_t room = tc->room != 0 ? 2 * tc->room : 64;
    void *gpa, *page, *levels;

    if (tc->n < tc->room)
        return true;
    if (tc->n == TABLE_COPIES_MAX)
        return false;
    gpa = realloc(tc->gpa, room * sizeof(tc->gpa[0]));
    tc->gpa = gpa != NULL ? gpa : tc->gpa;
    page = realloc(tc->page, room * sizeof(tc->page[0]));
    tc->page = page != NULL ? page : tc->page;
    levels = realloc(tc->levels, room * sizeof(tc->levels[0]));
    tc->levels = levels != NULL ? levels : tc->levels;
    if (gpa == NULL || page == NULL || levels == NULL)
        return false;
    tc->room = room;
    return true;
}

/* The page's index; TABLE_COPIES_MAX: there is no memory, or no room (then *full). */
static size_t copy_page(struct taker *t, uint64_t page, bool *full)
{
    struct table_copies *tc = t->tc;
    uint32_t *slot = slot_of(tc, page);

    if (*slot != 0)
        return *slot - 1;
    if (mem_left(t->c->mem, page) < PAGE)
        return TABLE_COPIES_MAX;
    *full = !make_room(tc);
    if (*full || !mem_get(t->c->mem, page, tc->page[tc->n], PAGE))
        return TABLE_COPIES_MAX;
    tc->gpa[tc->n] = page;
    tc->levels[tc->n] = 0;
    *slot = (uint32_t)++tc->n;
    return tc->n - 1;
}

static uint64_t entry_at(const struct table_copies *tc, size_t i, unsigned offset, unsigned len)
{
    uint64_t raw = 0;

    memcpy(&raw, &tc->page[i][offset], len);
    return raw;
}

/* The table at gpa, and what it leads to. False: no room. */
static bool take(struct taker *t, uint64_t gpa, unsigned level)
{
    unsigned bits = space_index_bits(t->c->form, level), len = t->c->form == X86_PG_32 ? 4 : 8;
    bool full = false;
    size_t i = copy_page(t, gpa & ~(uint64_t)(PAGE - 1), &full);

    if (i == TABLE_COPIES_MAX)
        return !full;
    if (level == 1 || t->tc->levels[i] & BIT(level))
        return true;
    t->tc->levels[i] |= (uint8_t)BIT(level);
    for (unsigned k = 0; k < BIT(bits); k++) {
        struct x86_walk_step step = { .level = (uint8_t)level, .entry_len = (uint8_t)len };

        step.raw = entry_at(t->tc, i, (gpa & (PAGE - 1)) + k * len, len);
        if (!(step.raw & X86_PTE_P) || space_is_leaf(&t->c->regs, &step))
            continue;
        if (!take(t, step.raw & (BIT(52) - PAGE), level - 1))
            return false;
    }
    return true;
}

bool table_copies_take(struct table_copies *tc, const struct cpu_space *c)
{
    struct taker t = { .tc = tc, .c = c };
    bool all = true;

    *tc = (struct table_copies){ .slot = calloc(SLOTS, sizeof(tc->slot[0])) };
    if (tc->slot == NULL)
        return false;
    if (c->form == X86_PG_PAE && c->regs.pdptr_valid) {
        for (int i = 0; i < 4 && all; i++)
            all = !(c->regs.pdptr[i] & X86_PTE_P) ||
                  take(&t, c->regs.pdptr[i] & (BIT(52) - PAGE), c->levels - 1);
    } else if (c->levels > 0) {
        all = take(&t, c->root, c->levels);
    }
    if (!all)
        table_copies_fini(tc);
    return all;
}

void table_copies_fini(struct table_copies *tc)
{
    free(tc->gpa);
    free(tc->page);
    free(tc->levels);
    free(tc->slot);
    *tc = (struct table_copies){ 0 };
}

static bool read_copy(void *ctx, uint64_t gpa, void *buf, unsigned len)
{
    const struct table_copies *tc = ctx;
    uint32_t slot = *slot_of(tc, gpa & ~(uint64_t)(PAGE - 1));
    unsigned offset = gpa & (PAGE - 1);

    if (slot == 0 || len > PAGE - offset)
        return false;
    memcpy(buf, &tc->page[slot - 1][offset], len);
    return true;
}

struct x86_phys table_copies_phys(const struct table_copies *tc)
{
    return (struct x86_phys){ .read = read_copy, .ctx = (void *)(uintptr_t)tc };
}
