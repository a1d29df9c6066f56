/* SPDX-License-Identifier: MIT */
/*
 * elf_notes.c - walks the notes of an ELF file
 *
 * Source: System V gABI, "Note Section". Entries are padded to 4 bytes, or to 8 where the program
 * header's alignment is 8, as binutils has it.
 *
 * Left out: note sections that no program header covers; kernels that are to be found have one.
 */
#include "boot/elf_notes.h"

#include <elf.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bits.h"
#include "boot/elf.h"

#define HEX "0x%" PRIx64

enum { NOTE_HEADER = 12 }; /* namesz, descsz, type */

struct query {
    const char *owner;
    uint32_t type;
    struct elf_note *out;
    bool found;
};

static uint64_t padded(uint64_t n, uint64_t align)
{
    return (n + align - 1) & ~(align - 1);
}

static bool all_zero(const uint8_t *bytes, uint64_t len)
{
    for (uint64_t i = 0; i < len; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static void look(struct query *q, const uint8_t *note, uint32_t namesz, const uint8_t *desc,
                 uint32_t descsz)
{
    size_t n = strlen(q->owner) + 1; /* namesz counts the NUL */

    if (q->found || namesz != n || memcmp(note + NOTE_HEADER, q->owner, n) != 0 ||
        le_get(note + 8, 4) != q->type)
        return;
    q->found = true;
    *q->out = (struct elf_note){ .desc = desc, .len = descsz };
}

/* The notes of one segment, which is inside the file. Each step passes at least a note's header. */
static int walk(const struct elf_file *f, uint64_t off, uint64_t len, uint64_t align,
                struct query *q, struct vitro_err *err)
{
    const uint8_t *base = f->bytes + off;
    uint64_t at = 0;

    while (len - at >= NOTE_HEADER) {
        const uint8_t *note = base + at;
        uint32_t namesz = (uint32_t)le_get(note, 4), descsz = (uint32_t)le_get(note + 4, 4);
        uint64_t desc = padded(NOTE_HEADER + (uint64_t)namesz, align);

        if (desc > len - at || descsz > len - at - desc)
            return elf_refuse(err,
                              "note at file offset " HEX " has a name of " HEX
                              " bytes and a text of " HEX ", past the end of its segment",
                              off + at, (uint64_t)namesz, (uint64_t)descsz);
        look(q, note, namesz, note + desc, descsz);
        desc = padded(desc + descsz, align);
        at = desc < len - at ? at + desc : len; /* the last one's padding may be missing */
    }
    if (!all_zero(base + at, len - at))
        return elf_refuse(err, "the notes at file offset " HEX " end in the middle of one",
                          off + at);
    return 0;
}

int elf_note_find(const void *bytes, size_t len, const char *owner, uint32_t type,
                  struct elf_note *out, struct vitro_err *err)
{
    struct query q = { .owner = owner, .type = type, .out = out };
    uint64_t ph, left = len; /* segments that overlap would cost time without end */
    struct elf_file f;
    unsigned n;
    int rc = elf_file_init(&f, bytes, len, err);

    *out = (struct elf_note){ 0 };
    if (rc == 0)
        rc = elf_program_headers(&f, &ph, &n, err);
    for (unsigned i = 0; rc == 0 && i < n; i++, ph += elf_record_size(&f, ELF_Phdr)) {
        uint64_t off = elf_get(&f, ph, ELF_p_offset), size = elf_get(&f, ph, ELF_p_filesz);

        if (elf_get(&f, ph, ELF_p_type) != PT_NOTE || size == 0)
            continue;
        if (!elf_has(&f, off, size) || size > left)
            return elf_refuse(err,
                              "program header %u has notes at file bytes " HEX "+" HEX
                              ", past the end or twice",
                              i, off, size);
        left -= size;
        rc = walk(&f, off, size, elf_get(&f, ph, ELF_p_align) == 8 ? 8 : 4, &q, err);
    }
    return rc < 0 ? rc : q.found;
}
