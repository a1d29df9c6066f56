/* SPDX-License-Identifier: MIT */
/* names.c - prints a register by its bit-name table. */
#include "base/names.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

struct cursor {
    char *buf;
    size_t len, used;
};

__attribute__((format(printf, 2, 3))) static void put(struct cursor *c, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(c->buf + c->used, c->len - c->used, fmt, ap);
    va_end(ap);
    if (n > 0)
        c->used += (size_t)n < c->len - c->used ? (size_t)n : c->len - c->used - 1;
}

char *names_print(const struct bit_table *t, uint64_t value, const char *sep, char *buf, size_t len)
{
    struct cursor c = { .buf = buf, .len = len };
    uint64_t left = value;

    buf[0] = '\0';
    for (size_t i = 0; i < t->n; i++) {
        const struct bit_name *row = &t->row[i];

        if (!(value & row->mask))
            continue;
        left &= ~row->mask;
        put(&c, "%s%s", c.used ? sep : "", row->name);
        if (row->mask & (row->mask - 1)) /* a field of several bits */
            put(&c, "=%" PRIu64, (value & row->mask) >> __builtin_ctzll(row->mask));
    }
    if (left)
        put(&c, "%s0x%" PRIx64, c.used ? sep : "", left);
    return buf;
}
