/* SPDX-License-Identifier: MIT */
/* sheet.c - rows of text with inks. */
#include "top/sheet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sheet_begin(struct sheet *s, unsigned width, unsigned height)
{
    s->width = width < SHEET_COLUMNS ? width : SHEET_COLUMNS;
    s->height = height < SHEET_ROWS ? height : SHEET_ROWS;
    s->nrows = s->height > 0;
    s->row[0].len = 0;
}

void sheet_next(struct sheet *s)
{
    if (s->nrows < s->height)
        s->row[s->nrows].len = 0;
    s->nrows++;
}

unsigned sheet_left(const struct sheet *s)
{
    return s->nrows < s->height ? s->height - s->nrows : 0;
}

static void put_char(struct sheet *s, enum sheet_ink ink, char c)
{
    struct sheet_row *r;

    if (s->nrows == 0 || s->nrows > s->height)
        return;
    r = &s->row[s->nrows - 1];
    if (r->len >= s->width)
        return;
    r->text[r->len] = c;
    r->ink[r->len++] = (unsigned char)ink;
}

static void put_escaped(struct sheet *s, enum sheet_ink ink, const char *text)
{
    static const char digits[] = "0123456789abcdef";

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c >= 0x20 && c < 0x7f) {
            put_char(s, ink, *text);
            continue;
        }
        put_char(s, ink, '\\');
        put_char(s, ink, 'x');
        put_char(s, ink, digits[c >> 4]);
        put_char(s, ink, digits[c & 15]);
    }
}

void sheet_put(struct sheet *s, enum sheet_ink ink, const char *fmt, ...)
{
    char text[SHEET_COLUMNS + 1];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    put_escaped(s, ink, text);
}

void sheet_to(struct sheet *s, unsigned column)
{
    if (s->nrows == 0 || s->nrows > s->height)
        return;
    do
        put_char(s, SHEET_PLAIN, ' ');
    while (s->row[s->nrows - 1].len < column && s->row[s->nrows - 1].len < s->width);
}

void sheet_put_right(struct sheet *s, enum sheet_ink ink, unsigned column, const char *text)
{
    size_t len = strlen(text);

    sheet_to(s, column > len ? column - (unsigned)len : 0);
    put_escaped(s, ink, text);
}
