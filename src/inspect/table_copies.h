/* SPDX-License-Identifier: MIT */
/*
 * table_copies.h - the pages of a CPU's page tables as they were at one moment
 *
 * Taking them stops a machine for as long as the bytes are copied; they are walked and written out later.
 */
#ifndef INSPECT_TABLE_COPIES_H
#define INSPECT_TABLE_COPIES_H

#include "inspect/inspect_spaces.h"

enum { TABLE_COPIES_MAX = 8192 }; /* pages: tables for 16 GiB of 4 KiB pages */

struct table_copies {
    uint64_t *gpa;         /* [n]: of each page */
    uint8_t (*page)[4096]; /* [n] */
    uint8_t *levels;       /* [n]: as a table of which levels it has been read, a bit each */
    size_t n, room;
    uint32_t *slot; /* open addressing by gpa: 1 + an index, 0: free */
};

/*
 * Copies every table that the CPU's walk can come to. False: there are more than TABLE_COPIES_MAX, or memory
 * has run out; nothing is kept then. table_copies_fini() in any case. The machine stands still.
 */
WARN_UNUSED bool table_copies_take(struct table_copies *tc, const struct cpu_space *c);
void table_copies_fini(struct table_copies *tc);

/* Reads the copies; what is not among them is no memory. Borrows tc. */
struct x86_phys table_copies_phys(const struct table_copies *tc);

#endif
