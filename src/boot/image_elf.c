/* SPDX-License-Identifier: MIT */
/* image_elf.c - from a parsed ELF file to an image. */
#include <assert.h>

#include "boot/elf.h"
#include "boot/elf_symbols.h"
#include "boot/image.h"

static_assert(IMAGE_PARTS_MAX >= ELF_SEGMENTS_MAX, "every segment becomes a part");

static const char *segment_name(const struct elf_segment *s)
{
    return s->exec ? "code" : s->write ? "data" : "read-only data";
}

int image_elf(const uint8_t *bytes, size_t len, struct image *out, struct vitro_err *err)
{
    struct vitro_err ignored = { 0 };
    struct elf_image elf;
    int rc = elf_parse(bytes, len, &elf, err);

    *out = (struct image){ .kind = IMAGE_ELF };
    if (rc < 0)
        return rc;
    out->start = elf.is64 ? X86_START_LONG : X86_START_PROTECTED;
    out->entry = elf.entry;
    for (unsigned i = 0; i < elf.nsegments; i++) {
        const struct elf_segment *s = &elf.segment[i];

        out->part[out->nparts++] = (struct image_part){
            .gpa = s->gpa,
            .memsz = s->memsz,
            .len = s->filesz,
            .bytes = s->bytes,
            .use = s->exec ? MEM_USE_CODE : MEM_USE_DATA,
            .name = segment_name(s),
        };
    }
    if (elf_symbols(bytes, len, &out->symbols, &ignored) < 0)
        symtab_fini(&out->symbols);
    return 0;
}
