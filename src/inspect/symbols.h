/* SPDX-License-Identifier: MIT */
/* symbols.h - a symbol table as a view, and as a file for debuggers; used by the library's face. */
#ifndef INSPECT_SYMBOLS_H
#define INSPECT_SYMBOLS_H

#include <vitro/inspect.h>

#include "base/symtab.h"

/* A line or a JSON object a symbol, by address. *out is the caller's to free. */
WARN_UNUSED int symbols_show(const struct symtab *t, const struct vitro_style *style, char **out,
                             struct vitro_err *err);

/*
 * symbols_elf - an ELF file that holds nothing but the symbols
 *
 * A section without bytes covers them all, so that debuggers take the addresses as they are. *out is the caller's to
 * free. -ENOENT (VITRO_ERR_USAGE): there are no symbols; -ENOMEM.
 */
WARN_UNUSED int symbols_elf(const struct symtab *t, void **out, size_t *len, struct vitro_err *err);

#endif
