/* SPDX-License-Identifier: MIT */
/*
 * show.h - how the views write numbers and names for people
 *
 * Used by the text views of inspect/. Everything is made of integers, so that the host's locale cannot
 * change it, and of ASCII, so that a byte is a column.
 */
#ifndef INSPECT_SHOW_H
#define INSPECT_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/symtab.h"
#include "base/text.h"

/* Room for any number or time written here. */
enum { SHOW_NUM = 48, SHOW_SYMBOL = 64 };

/* Each returns buf. */
char *show_ns(uint64_t ns, char buf[SHOW_NUM]);   /* "820 ns", "12.3 us", "1.05 ms": three digits */
char *show_us(uint64_t ns, char buf[SHOW_NUM]);   /* "1234.567": microseconds, for time stamps */
char *show_count(uint64_t n, char buf[SHOW_NUM]); /* "1,234,567" */
char *show_size(uint64_t n, char buf[SHOW_NUM]);  /* "4 GiB", "64 KiB", "1,000 bytes" */
char *show_share(uint64_t part, uint64_t whole, char buf[SHOW_NUM]); /* "93.3 %" */

/*
 * show_symbol - "name+0x12" for an address, "" when no symbol covers it
 *
 * Names come from the guest's image: bytes that are not printable are escaped, long names are cut.
 */
char *show_symbol(const struct symtab *symbols, uint64_t addr, char buf[SHOW_SYMBOL]);

/* "in", "out" for ports, "read", "write" for memory, "" for exits that move nothing. Static. */
const char *show_direction(bool is_access, bool port, bool write);

/* The value of a port or memory access: "0x48 'H'", with the character where one byte shows one. */
void show_data(struct text *t, uint64_t data, unsigned width);

/* Untrusted text, escaped and cut at max bytes; NULL adds nothing. */
void show_name(struct text *t, const char *name, size_t max);

/* Hands the text over as *out; -ENOMEM when memory ran out. `what` names the view. */
WARN_UNUSED int show_finish(struct text *t, const char *what, char **out, struct vitro_err *err);

#endif
