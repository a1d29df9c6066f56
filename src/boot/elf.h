/* SPDX-License-Identifier: MIT */
/*
 * elf.h - what is in an ELF executable: segments and entry, from bytes in memory
 *
 * For bare-metal x86 executables of both classes: guests of one's own, kernels, unikernels. Pure:
 * touches no guest memory and no file. Whether the segments fit into RAM, and what the notes say,
 * is for the loaders to judge.
 *
 * Source: System V gABI, "Object Files" and "Program Loading and Dynamic Linking".
 */
#ifndef BOOT_ELF_H
#define BOOT_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ELF_SEGMENTS_MAX 64

struct elf_segment {
    uint64_t gpa;         /* p_paddr: where it is loaded */
    uint64_t gva;         /* p_vaddr: where its code believes to be */
    uint64_t memsz;       /* bytes in memory, never 0; may be far larger than any RAM */
    uint64_t filesz;      /* bytes in the file, <= memsz; the rest is to be zero */
    const uint8_t *bytes; /* filesz bytes, borrowed from the input; never NULL */
    bool read, write, exec;
};

struct elf_image {
    bool is64;
    uint64_t entry; /* guest-physical, inside one of the segments */
    unsigned nsegments;
    struct elf_segment segment[ELF_SEGMENTS_MAX]; /* by gpa; neither overlap nor wrap */
};

/* Begins like an ELF file; says nothing about whether it can be used. */
bool elf_is(const void *bytes, size_t len);

/*
 * elf_parse - read the loadable segments and the entry of an executable
 *
 * bytes,len  the file, any alignment; the segments borrow from it
 * out        all zero after a failure
 *
 * e_entry is taken as a linear address and translated by the segment that holds it; if none does,
 * as the physical address that Linux's vmlinux has there. Segments end at or below 4 GiB (ELF32)
 * or the 52 bits of a physical address (ELF64).
 * Returns 0 or -ENOEXEC with a reason; VITRO_ERR_IMAGE. Thread: any. Owns nothing.
 */
WARN_UNUSED int elf_parse(const void *bytes, size_t len, struct elf_image *out,
                          struct vitro_err *err);

/*
 * For other readers of the same file (symbols, notes): fields by name, whatever the class.
 */
struct elf_file { /* bytes borrowed */
    const uint8_t *bytes;
    size_t len;
    bool is64;
};

/* X(record, field): every field that is read somewhere, by its name in the gABI. */
#define ELF_FIELDS(X)    \
    X(Ehdr, e_type)      \
    X(Ehdr, e_machine)   \
    X(Ehdr, e_version)   \
    X(Ehdr, e_entry)     \
    X(Ehdr, e_phoff)     \
    X(Ehdr, e_shoff)     \
    X(Ehdr, e_phentsize) \
    X(Ehdr, e_phnum)     \
    X(Ehdr, e_shentsize) \
    X(Ehdr, e_shnum)     \
    X(Phdr, p_type)      \
    X(Phdr, p_flags)     \
    X(Phdr, p_offset)    \
    X(Phdr, p_vaddr)     \
    X(Phdr, p_paddr)     \
    X(Phdr, p_filesz)    \
    X(Phdr, p_memsz)     \
    X(Phdr, p_align)     \
    X(Shdr, sh_type)     \
    X(Shdr, sh_addr)     \
    X(Shdr, sh_offset)   \
    X(Shdr, sh_size)     \
    X(Shdr, sh_link)     \
    X(Shdr, sh_entsize)  \
    X(Sym, st_name)      \
    X(Sym, st_info)      \
    X(Sym, st_shndx)     \
    X(Sym, st_value)     \
    X(Sym, st_size)

#define X(record, field) ELF_##field,
enum elf_field { ELF_FIELDS(X) ELF_FIELD_COUNT };
#undef X

enum elf_record { ELF_Ehdr, ELF_Phdr, ELF_Shdr, ELF_Sym };

/* Accepts any x86 ELF file, also an object or a library. Returns 0 or -ENOEXEC with a reason. */
WARN_UNUSED int elf_file_init(struct elf_file *f, const void *bytes, size_t len,
                              struct vitro_err *err);

/* Where the program headers are, all of them inside the file: offset and count. -ENOEXEC. */
WARN_UNUSED int elf_program_headers(const struct elf_file *f, uint64_t *off, unsigned *n,
                                    struct vitro_err *err);

/* [off, off+len) is inside the file. */
static inline bool elf_has(const struct elf_file *f, uint64_t off, uint64_t len)
{
    return off <= f->len && len <= f->len - off;
}

/* A field of the record at file offset off, which the caller has found to be inside the file. */
uint64_t elf_get(const struct elf_file *f, uint64_t off, enum elf_field field);

unsigned elf_record_size(const struct elf_file *f, enum elf_record record);

/* One line about what is wrong with the image; gives -ENOEXEC. */
#define elf_refuse(err, ...) err_class(err, VITRO_ERR_IMAGE, -ENOEXEC, "ELF: " __VA_ARGS__)

#endif
