/* SPDX-License-Identifier: MIT */
/*
 * mem_cow.h - the past of guest memory: what pages held before they were written
 *
 * A set collects the former contents of all pages that are written while it is open. Put back from the newest set to
 * an older one, memory is what it was when the older one was opened. Used by rewind.c. Who writes goes through
 * mem_host, or, as the software CPU's translation cache, asks before it lets others write without asking.
 *
 * The copies lie in an area of a fixed size; pages that were zero take no room in it. One thread at a time.
 */
#ifndef CORE_MEM_COW_H
#define CORE_MEM_COW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/mem.h"

struct cow_page {
    uint64_t page;  /* guest-physical page number */
    uint32_t place; /* in the area */
};

/* Zeroed is an empty one. Owns its places in the area. */
struct cow_set {
    struct cow_page *page; /* owned */
    size_t n, room;
};

struct mem_cow {
    const struct mem *mem; /* borrowed */
    uint64_t npages;
    uint8_t *saved;   /* a page: in the open set, or nothing is kept of it */
    uint8_t *marked;  /* a page: while two sets are joined */
    uint8_t *area;    /* owned: nplaces pages */
    uint32_t nplaces; /* of which the first `fresh` have been used, and these are free again: */
    uint32_t fresh, nfree;
    uint32_t *free;
    struct cow_set *open; /* NULL: nothing is saved */
    bool failed;          /* no room: the open set is not complete */
    /* The area is full: false when nothing could be given up. */
    bool (*make_room)(void *ctx);
    void *ctx;
};

/* bytes: of the area; it has a page at least. Memory must have all its slots. -ENOMEM. */
WARN_UNUSED int mem_cow_new(const struct mem *mem, uint64_t bytes, struct mem_cow **out,
                            struct vitro_err *err);
void mem_cow_free(struct mem_cow *cow); /* NULL is fine; sets are dropped before */

/* From now on what is written is saved into `set`, which is empty; it must stay where it is while open. */
void mem_cow_open(struct mem_cow *cow, struct cow_set *set);

/* [gpa, gpa + len) is about to be written. */
void mem_cow_note(struct mem_cow *cow, gpa_t gpa, uint64_t len);

/* Whether writes to the page need not be noted any more until another set is opened. */
static inline bool mem_cow_is_saved(const struct mem_cow *cow, gpa_t gpa)
{
    return cow->open == NULL || gpa / 4096 >= cow->npages || cow->saved[gpa / 4096] != 0;
}

/* Writes the pages back, through the door that tells others of writes, and empties the set. None is open. */
void mem_cow_put_back(struct mem_cow *cow, struct cow_set *set);

/* Empties `newer` into the set opened before it: what that has already is dropped. False: out of memory, nothing done. */
WARN_UNUSED bool mem_cow_join(struct mem_cow *cow, struct cow_set *older, struct cow_set *newer);

void mem_cow_drop(struct mem_cow *cow, struct cow_set *set);

/* Bytes of the area in use. */
uint64_t mem_cow_used(const struct mem_cow *cow);

#endif
