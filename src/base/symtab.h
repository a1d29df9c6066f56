/* SPDX-License-Identifier: MIT */
/*
 * symtab.h - names of addresses: which function is this, and where is that one
 *
 * Used by the views, the trace and the debugger's server. Knows no file format: a reader of one
 * (boot/elf_symbols.h) adds symbols and sorts once. Names come from outside and may hold any byte
 * but NUL: print them through text_add_escaped().
 */
#ifndef BASE_SYMTAB_H
#define BASE_SYMTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define SYMTAB_SYMBOLS_MAX 1000000
#define SYMTAB_POOL_MAX    (64u << 20) /* bytes of names, their NULs included */

struct symbol {
    uint64_t addr;
    uint64_t last; /* last address that the name may be used for, >= addr */
    uint32_t name; /* offset in the pool; set by symtab_add() */
    uint8_t rank;  /* of several names for one address the highest is shown */
};

/* Zero-initialise before use; everything in it is owned. */
struct symtab {
    struct symbol *sym; /* by address after symtab_sort(), the best of equals last */
    size_t n, cap;
    char *pool; /* NUL-terminated names, one after another */
    size_t pool_len, pool_cap;
    bool cut; /* a limit above left some symbols out */
    bool sorted;
};

/*
 * symtab_add - add one symbol; lookups need symtab_sort() after the last one
 *
 * s         addr, last and rank are copied; its name field is not read
 * name,len  bytes without NUL, copied
 *
 * Returns 0, -ENOSPC if a limit is reached (then `cut` is set and nothing added), -ENOMEM.
 */
WARN_UNUSED int symtab_add(struct symtab *t, const struct symbol *s, const char *name, size_t len);

void symtab_sort(struct symtab *t);

/*
 * symtab_find - the name for an address
 *
 * offset  receives addr minus the symbol's address; may be NULL
 *
 * Takes the nearest symbol at or below addr. Returns its name, borrowed until symtab_fini(), or
 * NULL if there is none or it ends before addr: a gap between functions has no name.
 */
const char *symtab_find(const struct symtab *t, uint64_t addr, uint64_t *offset);

/*
 * symtab_lookup - the address for a name
 *
 * Of several symbols so called (static functions) takes the one of highest rank, then of lowest
 * address. Time is linear in the number of symbols. Returns false if there is none.
 */
bool symtab_lookup(const struct symtab *t, const char *name, uint64_t *addr);

static inline const char *symtab_name(const struct symtab *t, const struct symbol *s)
{
    return t->pool + s->name;
}

/* Leaves an empty table, which may be used again. */
void symtab_fini(struct symtab *t);

#endif
