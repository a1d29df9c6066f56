/* SPDX-License-Identifier: MIT */
/* text.c - a growing string. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool text_room(struct text *t, size_t more)
{
    size_t cap = t->cap ? t->cap : 256;
    char *buf;

    if (t->failed)
        return false;
    while (cap - t->len <= more)
        cap *= 2;
    if (cap == t->cap)
        return true;
    buf = realloc(t->buf, cap);
    if (buf == NULL) {
        t->failed = true;
        return false;
    }
    t->buf = buf;
    t->cap = cap;
    return true;
}

void text_add_bytes(struct text *t, const char *bytes, size_t len)
{
    if (!text_room(t, len))
        return;
    memcpy(t->buf + t->len, bytes, len);
    t->len += len;
    t->buf[t->len] = '\0';
}

void text_add(struct text *t, const char *fmt, ...)
{
    va_list ap, again;
    int n;

    va_start(ap, fmt);
    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n > 0 && text_room(t, (size_t)n)) {
        vsnprintf(t->buf + t->len, (size_t)n + 1, fmt, again);
        t->len += (size_t)n;
    }
    va_end(again);
}

void text_add_escaped(struct text *t, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;

    for (size_t i = 0; i < len; i++) {
        if (p[i] == '\n')
            text_add(t, "\\n");
        else if (p[i] == '\t')
            text_add(t, "\\t");
        else if (p[i] == '\\')
            text_add(t, "\\\\");
        else if (p[i] >= 0x20 && p[i] < 0x7f)
            text_add_bytes(t, (const char *)&p[i], 1);
        else
            text_add(t, "\\x%02x", p[i]);
    }
}

char *text_take(struct text *t)
{
    char *buf;

    if (!text_room(t, 1)) {
        text_fini(t);
        return NULL;
    }
    t->buf[t->len] = '\0';
    buf = t->buf;
    *t = (struct text){ 0 };
    return buf;
}

void text_fini(struct text *t)
{
    free(t->buf);
    *t = (struct text){ 0 };
}
