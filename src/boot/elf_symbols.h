/* SPDX-License-Identifier: MIT */
/* elf_symbols.h - the symbols of an ELF file, for the views and the debugger. */
#ifndef BOOT_ELF_SYMBOLS_H
#define BOOT_ELF_SYMBOLS_H

#include "base/err.h"
#include "base/symtab.h"

/*
 * elf_symbols - collect the named functions, objects and labels of .symtab
 *
 * bytes,len  an x86 ELF file, any alignment; not needed after the call
 * out        overwritten; on success the caller's to symtab_fini(), on failure empty
 *
 * Addresses are linear, as linked. A symbol without size reaches to the next one or the end of its
 * section. Undefined symbols are left out, and labels of no section (SHN_ABS): those are mostly
 * assembler constants, which would give their names to low memory.
 * A stripped file has 0 symbols, which is no failure; beyond the limits of symtab.h the first ones
 * are kept and out->cut is set. Returns 0, -ENOEXEC with a reason (VITRO_ERR_IMAGE) if the
 * sections or symbols are malformed, -ENOMEM. Thread: any.
 */
WARN_UNUSED int elf_symbols(const void *bytes, size_t len, struct symtab *out,
                            struct vitro_err *err);

#endif
