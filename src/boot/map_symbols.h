/* SPDX-License-Identifier: MIT */
/* map_symbols.h - the symbols of a text map, as nm, System.map and /proc/kallsyms have them. */
#ifndef BOOT_MAP_SYMBOLS_H
#define BOOT_MAP_SYMBOLS_H

#include "base/err.h"
#include "base/symtab.h"

/*
 * map_symbols - collect the symbols of a map
 *
 * bytes,len  lines "ADDRESS TYPE NAME", hexadecimal, one letter, no blanks; "[MODULE]" may follow
 * out        overwritten; on success the caller's to symtab_fini(), on failure empty
 *
 * A symbol reaches to the next one. Lines without an address (nm's undefined symbols) and empty ones are passed over.
 * Returns 0, -ENOEXEC with the number of the first line that is of no such form or when there is no symbol at all
 * (VITRO_ERR_IMAGE), -ENOMEM. Thread: any.
 */
WARN_UNUSED int map_symbols(const void *bytes, size_t len, struct symtab *out,
                            struct vitro_err *err);

#endif
