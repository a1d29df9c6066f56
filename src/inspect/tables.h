/* SPDX-License-Identifier: MIT */
/*
 * tables.h - page tables read and merged into rows; tables.c makes them, tables_show.c writes them
 *
 * Rows are in address order, a table before what it holds.
 */
#ifndef INSPECT_TABLES_H
#define INSPECT_TABLES_H

#include "inspect/inspect_spaces.h"

enum tables_kind {
    TABLES_TABLE,     /* points to the table at gpa */
    TABLES_PAGES,     /* maps */
    TABLES_RESERVED,  /* has bits set that must be 0: maps nothing */
    TABLES_NO_MEMORY, /* points to a table where there is no memory */
};

struct tables_row {
    enum tables_kind kind;
    bool one_page;                   /* all entries lead to the page at gpa */
    bool repeated;                   /* stands for the run of each table of the row above */
    bool loop;                       /* the table is one that leads here: self-map */
    bool writable, user, executable; /* together with all entries above */
    struct x86_walk_step step;       /* of the first entry */
    unsigned first, last;            /* index in its table */
    uint64_t gva, bytes;             /* what all entries of the row cover */
    uint64_t gpa, page_bytes;
    uint64_t flags; /* space_flags, equal in all */
};

struct tables {
    struct cpu_space c;
    struct tables_row *row; /* owned: tables_fini */
    size_t n;
    uint64_t npages, mapped; /* shown; bytes of them */
    uint64_t ntables;        /* pages they take, without the filter; 0: not counted to the end */
    bool filtered, no_root;
    bool cut_rows, cut_entries;
};

/*
 * filter NULL: everything. t needs tables_fini() also on failure. A running machine stands still in between, for as
 * long as it takes to copy its tables. c.phys reads nothing any more after it.
 */
WARN_UNUSED int tables_read(struct tables *t, struct machine *m, unsigned cpu,
                            const struct vitro_tables_filter *filter, struct vitro_err *err);
void tables_fini(struct tables *t);

#endif
