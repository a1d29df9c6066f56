/* SPDX-License-Identifier: MIT */
/* elf_notes.h - the notes of an ELF file (PT_NOTE): how kernels say what they are; used by boot/. */
#ifndef BOOT_ELF_NOTES_H
#define BOOT_ELF_NOTES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct elf_note {
    const uint8_t *desc; /* borrowed from the file */
    uint32_t len;        /* bytes of it */
};

/*
 * elf_note_find - the first note of an owner and type
 *
 * bytes,len  an ELF file, any alignment
 * owner      without its NUL
 *
 * Looks at all notes in any case, so that malformed ones are found. Returns 1 (found), 0 (none) or
 * -ENOEXEC with a reason (VITRO_ERR_IMAGE). Thread: any. Owns nothing.
 */
WARN_UNUSED int elf_note_find(const void *bytes, size_t len, const char *owner, uint32_t type,
                              struct elf_note *out, struct vitro_err *err);

#endif
