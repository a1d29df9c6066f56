/* SPDX-License-Identifier: MIT */
/*
 * target.h - the registers that a debugger sees: their order, their description, and where their values come from
 *
 * Used by the session. A target is one of three descriptions, chosen when a debugger attaches and kept while it
 * stays, since the protocol has no way to change it: amd64, i386, i8086 (i386's registers, 16-bit instructions).
 */
#ifndef GDB_TARGET_H
#define GDB_TARGET_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum { REG_BYTES_MAX = 16 };

struct reg_row {
    const char *name;
    uint8_t bits, feature; /* bits: 16, 32, 64, 80 or 128 */
    const char *type;
    const char *path; /* in the registers' document; "msr:NAME"; "fpu:NAME" */
    unsigned shift;   /* bits of that value below this register's lowest */
    const char *set;  /* name that regs.set has for it; NULL: cannot be set */
};

struct target {
    const char *name;         /* "amd64": what --arch takes */
    const char *architecture; /* gdb's name */
    const struct reg_row *rows;
    unsigned nrows;
    unsigned word; /* bytes of an address */
};

/* What one CPU had when it was read. */
struct reg_source {
    const json_t *doc; /* the view "regs" with all */
    const json_t *fpu; /* regs.get with fpu; NULL: not known */
};

/* NULL: no such target. */
const struct target *target_find(const char *name);
/* For an instruction size of 16, 32 or 64 bits. */
const struct target *target_for(unsigned bits);

/* The description as XML. */
void target_xml(const struct target *t, struct text *out);

/* bits / 8 bytes, little-endian; false: not available. */
bool target_read(const struct reg_row *row, const struct reg_source *src, uint8_t *out);

static inline unsigned reg_bytes(const struct reg_row *row)
{
    return row->bits / 8u;
}

#endif
