/* SPDX-License-Identifier: MIT */
/*
 * text.h - a growing string, for the views and reports
 *
 * Running out of memory sets `failed` and drops what follows; the caller looks once, at the end.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct text {
    char *buf; /* NUL-terminated, owned; NULL while empty */
    size_t len, cap;
    bool failed;
};

void text_add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_add_bytes(struct text *t, const char *bytes, size_t len);

/* Guest bytes made safe to look at: printable ASCII as it is, the rest as \n, \t, \\ or \xNN. */
void text_add_escaped(struct text *t, const void *bytes, size_t len);

/* Hands the string over (caller frees), or NULL if memory ran out; t is empty after. */
char *text_take(struct text *t);

void text_fini(struct text *t);

#endif
