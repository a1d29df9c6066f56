/* SPDX-License-Identifier: MIT */
/* elf_rig.c - see elf_rig.h. */
#include "elf_rig.h"

#include <elf.h>
#include <string.h>

#include "base/bits.h"

#define BUILD(k, bits)                                                                           \
    do {                                                                                         \
        Elf##bits##_Ehdr eh = { .e_type = ET_EXEC,                                               \
                                .e_machine = bits == 64 ? EM_X86_64 : EM_386,                    \
                                .e_version = EV_CURRENT,                                         \
                                .e_entry = ELF_ENTRY,                                            \
                                .e_phoff = sizeof(eh),                                           \
                                .e_ehsize = sizeof(eh),                                          \
                                .e_phentsize = sizeof(Elf##bits##_Phdr),                         \
                                .e_phnum = 2 };                                                  \
        Elf##bits##_Phdr ph[2] = { { .p_type = PT_LOAD,                                          \
                                     .p_flags = PF_R | PF_W | PF_X,                              \
                                     .p_offset = ELF_TEXT,                                       \
                                     .p_vaddr = ELF_LOAD,                                        \
                                     .p_paddr = ELF_LOAD,                                        \
                                     .p_filesz = ELF_TEXT_LEN,                                   \
                                     .p_memsz = ELF_MEMSZ },                                     \
                                   { .p_type = PT_NOTE, .p_offset = ELF_NOTES, .p_align = 4 } }; \
        memcpy(eh.e_ident, ELFMAG, SELFMAG);                                                     \
        eh.e_ident[EI_CLASS] = bits == 64 ? ELFCLASS64 : ELFCLASS32;                             \
        eh.e_ident[EI_DATA] = ELFDATA2LSB;                                                       \
        eh.e_ident[EI_VERSION] = EV_CURRENT;                                                     \
        memcpy((k)->bytes, &eh, sizeof(eh));                                                     \
        memcpy((k)->bytes + sizeof(eh), ph, sizeof(ph));                                         \
    } while (0)

void elf_kernel_build(struct elf_kernel *k, bool is64)
{
    *k = (struct elf_kernel){ .is64 = is64 };
    if (is64)
        BUILD(k, 64);
    else
        BUILD(k, 32);
    for (unsigned i = 0; i < ELF_TEXT_LEN; i++)
        k->bytes[ELF_TEXT + i] = (uint8_t)(i + i / 256 * 3);
}

void elf_kernel_note(struct elf_kernel *k, const char *owner, uint32_t type, const void *desc,
                     uint32_t len)
{
    uint8_t *note = k->bytes + ELF_NOTES + k->notes_len;
    uint32_t name = (uint32_t)strlen(owner) + 1;

    le_put(note, 4, name);
    le_put(note + 4, 4, len);
    le_put(note + 8, 4, type);
    memcpy(note + 12, owner, name);
    memcpy(note + 12 + ((name + 3) & ~3u), desc, len);
    k->notes_len += 12 + ((name + 3) & ~3u) + ((len + 3) & ~3u);
    if (k->is64)
        le_put(k->bytes + ELF_PH_NOTE + offsetof(Elf64_Phdr, p_filesz), 8, k->notes_len);
    else
        le_put(k->bytes + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr) + offsetof(Elf32_Phdr, p_filesz),
               4, k->notes_len);
}

void elf_kernel_pvh(struct elf_kernel *k, uint64_t entry, uint32_t width)
{
    uint8_t desc[8];

    le_put(desc, 8, entry);
    elf_kernel_note(k, "Xen", 18, desc, width);
}
