/* SPDX-License-Identifier: MIT */
/* names.h - bit-name tables: one row a bit or field, used for constants and for text alike. */
#ifndef BASE_NAMES_H
#define BASE_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct bit_name {
    uint64_t mask; /* never 0; several adjacent bits make a field */
    const char *name;
    const char *what; /* a few words for people */
};

/* A table with its length, so that views can be driven by data. */
struct bit_table {
    const struct bit_name *row;
    size_t n;
};

/*
 * names_print - the names of the bits set in value, separated by `sep`
 *
 * buf, len  receives NUL-terminated text, cut at len; fields print as NAME=value
 *
 * Bits that no row names print as one hex number at the end. Returns buf.
 */
char *names_print(const struct bit_table *t, uint64_t value, const char *sep, char *buf,
                  size_t len);

#endif
