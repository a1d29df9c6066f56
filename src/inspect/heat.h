/* SPDX-License-Identifier: MIT */
/*
 * heat.h - which parts of guest memory change from one look to the next; used by the library's face
 *
 * Memory is divided into equal cells. Of each, some pages are looked at, always the same ones, and their sums
 * compared with those of the look before: what has another sum has been written to. So it works alike on every
 * engine and asks nothing of the guest; a look costs about a millisecond, whatever the size of the memory.
 *
 * Left out: a write of what was there already, and in memory of more than HEAT_CELLS pages what happens to pages
 * that are not looked at. The view says how many are.
 */
#ifndef INSPECT_HEAT_H
#define INSPECT_HEAT_H

#include <vitro/inspect.h>

#include "core/mem.h"

enum {
    HEAT_CELLS = 512, /* at most one more for each slot */
    HEAT_LOOKED = 4,  /* pages of a cell, if it has as many */
};

struct heat;

/* Of this memory, which has to stay. NULL when memory ran out. Owned: heat_free, NULL is fine. */
struct heat *heat_new(const struct mem *mem);
void heat_free(struct heat *h);

/*
 * heat_look - compare with the last look
 *
 * here  whether the host has given a page; others are not touched
 *
 * The machine may run: a page that is written to meanwhile counts for this look or for the next.
 */
void heat_look(struct heat *h, bool (*here)(const void *page));

/* The cells in which the last look found changes. */
WARN_UNUSED int heat_show(const struct heat *h, const struct vitro_style *style, char **out,
                          struct vitro_err *err);

#endif
