/* SPDX-License-Identifier: MIT */
/*
 * elf_rig.h - a small ELF kernel made in memory: headers, notes, one segment loaded at 1 MiB
 *
 * The text may hold a multiboot header; its other bytes tell their place.
 */
#ifndef ELF_RIG_H
#define ELF_RIG_H

#include "boot_rig.h"

enum {
    ELF_NOTES = 0x200, /* file offset */
    ELF_TEXT = 0x400,  /* file offset */
    ELF_TEXT_LEN = 0x400,
    ELF_LOAD = 0x100000, /* physical; linear is the same */
    ELF_MEMSZ = 0x3000,
    ELF_ENTRY = ELF_LOAD + 0x10,
    ELF_FILE = ELF_TEXT + ELF_TEXT_LEN,
    ELF_PH_NOTE = 64 + 56, /* of the 64-bit file: file offset of the second program header */
};

struct elf_kernel {
    uint8_t bytes[ELF_FILE];
    bool is64;
    uint32_t notes_len;
};

/* Without notes. */
void elf_kernel_build(struct elf_kernel *k, bool is64);

void elf_kernel_note(struct elf_kernel *k, const char *owner, uint32_t type, const void *desc,
                     uint32_t len);

/* XEN_ELFNOTE_PHYS32_ENTRY. */
void elf_kernel_pvh(struct elf_kernel *k, uint64_t entry, uint32_t width);

#endif
