/* SPDX-License-Identifier: MIT */
/*
 * sheet.h - rows of text with inks, for a terminal or as plain text
 *
 * What machines and guests say goes through here: whatever is not printable ASCII is written as \xNN, so that
 * nothing of it acts on a terminal, and a byte is a column.
 */
#ifndef TOP_SHEET_H
#define TOP_SHEET_H

enum { SHEET_COLUMNS = 300, SHEET_ROWS = 150 };

enum sheet_ink { SHEET_PLAIN, SHEET_DIM, SHEET_STRONG, SHEET_TITLE, SHEET_HOT, SHEET_INKS };

struct sheet_row {
    char text[SHEET_COLUMNS]; /* no end mark */
    unsigned char ink[SHEET_COLUMNS];
    unsigned len;
};

/* The last row is the one that is written to. */
struct sheet {
    unsigned width, height; /* what does not fit is dropped; at most SHEET_COLUMNS, SHEET_ROWS */
    unsigned nrows;
    struct sheet_row row[SHEET_ROWS];
};

/* Empties it. */
void sheet_begin(struct sheet *s, unsigned width, unsigned height);
void sheet_next(struct sheet *s); /* row */
void sheet_put(struct sheet *s, enum sheet_ink ink, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Spaces up to a column; one at least. */
void sheet_to(struct sheet *s, unsigned column);
/* Right-aligned: the text ends before the column. */
void sheet_put_right(struct sheet *s, enum sheet_ink ink, unsigned column, const char *text);
/* Rows that are left. */
unsigned sheet_left(const struct sheet *s);

#endif
