/* SPDX-License-Identifier: MIT */
/*
 * grid.h - text in aligned columns, with colour where it is wanted; used by the views
 *
 * Cells are added from left to right, row by row; column widths are known when all is there. Lines that
 * are not cut into columns can be put between rows. ASCII only: a byte is a column.
 */
#ifndef INSPECT_GRID_H
#define INSPECT_GRID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

enum ink { INK_PLAIN, INK_DIM, INK_STRONG, INK_BAD, INK_CODE, INK_DATA, INK_TABLE, INK_STACK };

enum { GRID_COLUMNS = 16 };

struct grid_cell {
    size_t at, len;       /* in the pool */
    unsigned char column; /* GRID_COLUMNS: a whole line */
    unsigned char ink;
};

/* Zero-initialise, set color and right; grid_print() leaves it empty. */
struct grid {
    bool color;
    unsigned right; /* bit n: column n is set to the right */

    unsigned column; /* of the next cell */
    struct text pool;
    struct grid_cell *cell;
    size_t n, cap;
    bool failed;
};

void grid_add(struct grid *g, enum ink ink, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void grid_skip(struct grid *g); /* an empty cell */
void grid_end(struct grid *g);  /* of a row */

/* A line of its own, after a grid_end(). */
void grid_line(struct grid *g, enum ink ink, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Appends all rows to t and frees what g holds. */
void grid_print(struct grid *g, struct text *t);

/* Text in colour outside a grid. */
void ink_add(struct text *t, bool color, enum ink ink, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
