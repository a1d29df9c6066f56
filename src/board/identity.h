/* SPDX-License-Identifier: MIT */
/*
 * identity.h - page tables that map guest memory to itself; used by bare.c
 *
 * long     PML4, PDPT, page directories with 2 MiB pages, or page tables with 4 KiB pages
 * paged32  one page directory with 4 MiB pages, or page tables with 4 KiB pages
 */
#ifndef BOARD_IDENTITY_H
#define BOARD_IDENTITY_H

#include "core/mem.h"
#include "x86/start.h"

struct identity {
    enum x86_start start;
    uint64_t mem_bytes;  /* what to map, from 0 */
    uint64_t page_bytes; /* 4 KiB, or 0 for large pages */
    unsigned ntables;    /* out: pages the tables take; 0 when the mode has no paging */
};

/* Fills ntables. VITRO_ERR_USAGE: the page size is not one the mode has. */
WARN_UNUSED int identity_plan(struct identity *id, struct vitro_err *err);

/* Writes the tables at `at`, top table first, and notes them. The range must be RAM and zero. */
void identity_write(const struct identity *id, struct mem *mem, gpa_t at);

#endif
