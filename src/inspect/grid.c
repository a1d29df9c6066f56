/* SPDX-License-Identifier: MIT */
/* grid.c - text in aligned columns. */
#include "inspect/grid.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bits.h"

enum { GAP = 2, CELL_MAX = 512 };

/* SGR parameters of ECMA-48; the plain sixteen-colour set, so that the terminal's theme decides. */
static const char *const inks[] = {
    [INK_PLAIN] = NULL, [INK_DIM] = "2",   [INK_STRONG] = "1", [INK_BAD] = "31",
    [INK_CODE] = "32",  [INK_DATA] = "33", [INK_TABLE] = "36", [INK_STACK] = "35",
};

static void ink_bytes(struct text *t, bool color, enum ink ink, const char *bytes, size_t len)
{
    bool inked = color && inks[ink] != NULL && len > 0;

    if (inked)
        text_add(t, "\x1b[%sm", inks[ink]);
    text_add_bytes(t, bytes, len);
    if (inked)
        text_add(t, "\x1b[0m");
}

void ink_add(struct text *t, bool color, enum ink ink, const char *fmt, ...)
{
    char buf[CELL_MAX];
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    if (n > 0)
        ink_bytes(t, color, ink, buf, (size_t)n < sizeof(buf) ? (size_t)n : sizeof(buf) - 1);
}

static void put(struct grid *g, unsigned column, enum ink ink, const char *bytes, size_t len)
{
    if (g->n == g->cap) {
        size_t cap = g->cap != 0 ? 2 * g->cap : 64;
        struct grid_cell *cell = realloc(g->cell, cap * sizeof(*cell));

        if (cell == NULL) {
            g->failed = true;
            return;
        }
        g->cell = cell;
        g->cap = cap;
    }
    g->cell[g->n++] =
        (struct grid_cell){ g->pool.len, len, (unsigned char)column, (unsigned char)ink };
    text_add_bytes(&g->pool, bytes, len);
}

__attribute__((format(printf, 4, 0))) static void vput(struct grid *g, unsigned column,
                                                       enum ink ink, const char *fmt, va_list ap)
{
    char buf[CELL_MAX];
    int n = vsnprintf(buf, sizeof(buf), fmt, ap);
    size_t len = n < 0 ? 0 : (size_t)n;

    put(g, column, ink, buf, len < sizeof(buf) ? len : sizeof(buf) - 1);
}

void grid_add(struct grid *g, enum ink ink, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vput(g, g->column, ink, fmt, ap);
    va_end(ap);
    if (g->column < GRID_COLUMNS - 1)
        g->column++;
}

void grid_skip(struct grid *g)
{
    grid_add(g, INK_PLAIN, "%s", "");
}

/* A row ends where a line or a cell of column 0 begins. */
void grid_end(struct grid *g)
{
    g->column = 0;
}

void grid_line(struct grid *g, enum ink ink, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vput(g, GRID_COLUMNS, ink, fmt, ap);
    va_end(ap);
    g->column = 0;
}

static void spaces(struct text *t, size_t n)
{
    text_add(t, "%*s", (int)n, "");
}

/* Prints the row that begins at cell i; returns the first cell after it. No space at a line's end. */
static size_t print_row(const struct grid *g, size_t i, const size_t *width, struct text *t)
{
    size_t owed = 0, next = i + 1;

    while (next < g->n && g->cell[next].column > g->cell[next - 1].column &&
           g->cell[next].column < GRID_COLUMNS)
        next++;
    for (; i < next; i++) {
        const struct grid_cell *c = &g->cell[i];
        size_t pad = c->column < GRID_COLUMNS ? width[c->column] - c->len : 0;
        bool right = c->column < GRID_COLUMNS && g->right & BIT(c->column);

        if (c->len > 0) {
            spaces(t, owed + (right ? pad : 0));
            ink_bytes(t, g->color, (enum ink)c->ink, g->pool.buf + c->at, c->len);
            owed = right ? 0 : pad;
        } else {
            owed += pad;
        }
        owed += c->column < GRID_COLUMNS && width[c->column] > 0 ? GAP : 0;
    }
    text_add(t, "\n");
    return next;
}

void grid_print(struct grid *g, struct text *t)
{
    size_t width[GRID_COLUMNS] = { 0 };

    if (g->failed || g->pool.failed)
        t->failed = true;
    for (size_t i = 0; i < g->n; i++) {
        const struct grid_cell *c = &g->cell[i];

        if (c->column < GRID_COLUMNS && c->len > width[c->column])
            width[c->column] = c->len;
    }
    for (size_t i = 0; i < g->n && !t->failed;)
        i = print_row(g, i, width, t);
    text_fini(&g->pool);
    free(g->cell);
    *g = (struct grid){ .color = g->color, .right = g->right };
}
