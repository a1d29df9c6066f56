/* SPDX-License-Identifier: MIT */
/* mem_cow.c - see mem_cow.h */
#include "core/mem_cow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

static const uint32_t zero_page = UINT32_MAX; /* place of a page of zeroes */

/* ---- life ------------------------------------------------------------------------------------ */

static uint64_t memory_end(const struct mem *m)
{
    const struct mem_slot *last = m->nslots > 0 ? &m->slot[m->nslots - 1] : NULL;

    return last != NULL ? last->base + last->len : 0;
}

int mem_cow_new(const struct mem *mem, uint64_t bytes, struct mem_cow **out, struct vitro_err *err)
{
    struct mem_cow *cow = calloc(1, sizeof(*cow));

    if (cow == NULL)
        return err_set(err, -ENOMEM, "keeping what memory held: out of memory");
    cow->mem = mem;
    cow->npages = memory_end(mem) / PAGE;
    cow->nplaces = (uint32_t)(bytes / PAGE < zero_page ? bytes / PAGE : zero_page - 1);
    cow->nplaces += cow->nplaces == 0;
    cow->saved = calloc(cow->npages, 1);
    cow->marked = calloc(cow->npages, 1);
    cow->free = malloc((size_t)cow->nplaces * sizeof(*cow->free));
    /* Takes memory of the host only as it is filled. */
    cow->area = mmap(NULL, (size_t)cow->nplaces * PAGE, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (cow->area == MAP_FAILED)
        cow->area = NULL;
    else /* where the host has them; where not, it is the same in more steps */
        madvise(cow->area, (size_t)cow->nplaces * PAGE, MADV_HUGEPAGE);
    if (cow->saved == NULL || cow->marked == NULL || cow->free == NULL || cow->area == NULL) {
        mem_cow_free(cow);
        return err_set(err, -ENOMEM, "keeping what memory held: out of memory");
    }
    *out = cow;
    return 0;
}

void mem_cow_free(struct mem_cow *cow)
{
    if (cow == NULL)
        return;
    if (cow->area != NULL)
        munmap(cow->area, (size_t)cow->nplaces * PAGE);
    free(cow->free);
    free(cow->marked);
    free(cow->saved);
    free(cow);
}

uint64_t mem_cow_used(const struct mem_cow *cow)
{
    return (uint64_t)(cow->fresh - cow->nfree) * PAGE;
}

/* ---- places ---------------------------------------------------------------------------------- */

static bool take_place(struct mem_cow *cow, uint32_t *out)
{
    if (cow->nfree == 0 && cow->fresh == cow->nplaces &&
        (cow->make_room == NULL || !cow->make_room(cow->ctx)))
        return false;
    if (cow->nfree > 0)
        *out = cow->free[--cow->nfree];
    else if (cow->fresh < cow->nplaces)
        *out = cow->fresh++;
    else
        return false; /* what was given up were zeroes */
    return true;
}

static void give_place(struct mem_cow *cow, uint32_t place)
{
    if (place != zero_page)
        cow->free[cow->nfree++] = place;
}

/* The page is about to be written: who reads one of which the host has nothing yet makes two page faults of one. */
static void touch(uint8_t *page)
{
    __atomic_fetch_or(page, 0, __ATOMIC_RELAXED);
}

static bool is_zero(const uint8_t *page)
{
    uint64_t first;

    memcpy(&first, page, sizeof(first));
    return first == 0 && memcmp(page, page + sizeof(first), PAGE - sizeof(first)) == 0;
}

/* ---- sets ------------------------------------------------------------------------------------ */

static bool reserve(struct cow_set *set, size_t more)
{
    size_t room = set->room;
    struct cow_page *page;

    if (more <= room - set->n)
        return true;
    while (room - set->n < more)
        room = room == 0 ? 64 : 2 * room;
    page = realloc(set->page, room * sizeof(*page));
    if (page == NULL)
        return false;
    set->page = page;
    set->room = room;
    return true;
}

static void fini(struct cow_set *set)
{
    free(set->page);
    *set = (struct cow_set){ 0 };
}

void mem_cow_open(struct mem_cow *cow, struct cow_set *set)
{
    memset(cow->saved, 0, cow->npages);
    cow->open = set;
    cow->failed = false;
}

static bool save(struct mem_cow *cow, uint64_t page)
{
    const struct mem_slot *s = mem_slot_at(cow->mem, page * PAGE);
    struct cow_page to = { .page = page, .place = zero_page };
    uint8_t *host;

    if (s == NULL || s->kind == MEM_ROM)
        return true; /* nothing that is written */
    host = s->host + (page * PAGE - s->base);
    touch(host);
    if (!is_zero(host)) {
        if (!take_place(cow, &to.place))
            return false;
        memcpy(cow->area + (size_t)to.place * PAGE, host, PAGE);
    }
    if (!reserve(cow->open, 1)) {
        give_place(cow, to.place);
        return false;
    }
    cow->open->page[cow->open->n++] = to;
    return true;
}

void mem_cow_note(struct mem_cow *cow, gpa_t gpa, uint64_t len)
{
    if (cow->open == NULL || len == 0)
        return;
    for (uint64_t page = gpa / PAGE; page <= (gpa + len - 1) / PAGE && page < cow->npages; page++) {
        if (cow->saved[page] != 0)
            continue;
        cow->saved[page] = 1;
        if (!cow->failed)
            cow->failed = !save(cow, page);
    }
}

void mem_cow_put_back(struct mem_cow *cow, struct cow_set *set)
{
    assert(cow->open == NULL);
    for (size_t i = 0; i < set->n; i++) {
        const struct cow_page *p = &set->page[i];
        uint8_t *host = mem_host(cow->mem, p->page * PAGE, PAGE, true);

        if (p->place == zero_page)
            memset(host, 0, PAGE);
        else
            memcpy(host, cow->area + (size_t)p->place * PAGE, PAGE);
        give_place(cow, p->place);
    }
    fini(set);
}

bool mem_cow_join(struct mem_cow *cow, struct cow_set *older, struct cow_set *newer)
{
    size_t before = older->n;

    if (!reserve(older, newer->n))
        return false;
    for (size_t i = 0; i < before; i++)
        cow->marked[older->page[i].page] = 1;
    for (size_t i = 0; i < newer->n; i++) {
        if (cow->marked[newer->page[i].page])
            give_place(cow, newer->page[i].place);
        else
            older->page[older->n++] = newer->page[i];
    }
    for (size_t i = 0; i < before; i++)
        cow->marked[older->page[i].page] = 0;
    if (cow->open == newer)
        cow->open = older;
    fini(newer);
    return true;
}

void mem_cow_drop(struct mem_cow *cow, struct cow_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        give_place(cow, set->page[i].place);
    if (cow->open == set)
        cow->open = NULL;
    fini(set);
}
