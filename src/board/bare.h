/* SPDX-License-Identifier: MIT */
/*
 * bare.h - the bare board: one range of memory at 0, a debug console, and nothing else
 *
 * The base case that everybody learns from is this board with its defaults: 2 MiB, code at 0, page
 * tables at 0x2000, the stack at the top. docs/memory-map.md draws it.
 */
#ifndef BOARD_BARE_H
#define BOARD_BARE_H

#include "board/board.h"

enum { BARE_TABLES = 0x2000 }; /* preferred place of the page tables */

struct bare {
    struct board board; /* first */
    /* where the page tables are; ntables 0 without paging */
    gpa_t tables;
    unsigned ntables;
    gpa_t stack_top;
};

/* mem_bytes: 64 KiB or more. Free with board_free. */
WARN_UNUSED int bare_new(const struct board_config *cfg, struct board **out, struct vitro_err *err);

#endif
