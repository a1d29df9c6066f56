/* SPDX-License-Identifier: MIT */
/* image.c - flat images, and laying any image into guest memory. */
#include "boot/image.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bits.h"

const char *image_kind_name(enum image_kind kind)
{
    static const char *const names[IMAGE_KINDS] = {
        [IMAGE_FLAT] = "flat",           [IMAGE_ELF] = "elf",
        [IMAGE_BUILTIN] = "built-in",    [IMAGE_BZIMAGE] = "linux",
        [IMAGE_VMLINUX] = "linux",       [IMAGE_PVH] = "pvh",
        [IMAGE_MULTIBOOT] = "multiboot", [IMAGE_MULTIBOOT2] = "multiboot2",
    };

    return names[kind];
}

int image_flat(const uint8_t *bytes, size_t len, uint64_t origin, enum x86_start start,
               struct image *out, struct vitro_err *err)
{
    *out = (struct image){ .kind = IMAGE_FLAT, .start = start, .entry = origin, .nparts = 1 };
    if (len == 0)
        return err_class(err, VITRO_ERR_IMAGE, -ENOEXEC, "flat image: the file is empty");
    if (origin > UINT64_MAX - len)
        return err_class(err, VITRO_ERR_IMAGE, -ENOEXEC,
                         "flat image of %zu bytes at 0x%" PRIx64 ": ends past 2^64", len, origin);
    if (start == X86_START_REAL && (len > MIB || origin > MIB - len))
        return err_class(err, VITRO_ERR_IMAGE, -ENOEXEC,
                         "flat image of %zu bytes at 0x%" PRIx64
                         ": real mode reaches the first MiB only; try --mode protected",
                         len, origin);
    if (start == X86_START_REAL && origin > 0xffff)
        return err_class(err, VITRO_ERR_IMAGE, -ENOEXEC,
                         "flat image at 0x%" PRIx64
                         ": real mode starts with segment 0, so the origin is at most 0xffff",
                         origin);
    out->part[0] = (struct image_part){
        .gpa = origin, .memsz = len, .len = len, .bytes = bytes, .use = MEM_USE_CODE, .name = "code"
    };
    return 0;
}

uint64_t image_end(const struct image *img)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < img->nparts; i++) {
        if (img->part[i].gpa + img->part[i].memsz > end)
            end = img->part[i].gpa + img->part[i].memsz;
    }
    return end;
}

int image_place(const struct image *img, struct mem *mem, struct vitro_err *err)
{
    for (unsigned i = 0; i < img->nparts; i++) {
        const struct image_part *p = &img->part[i];
        void *host = mem_host(mem, p->gpa, p->memsz, true);

        if (host == NULL)
            return err_class(err, VITRO_ERR_IMAGE, -ENOEXEC,
                             "%s image: %s at 0x%" PRIx64 ", %" PRIu64
                             " bytes, does not fit the guest's memory of %" PRIu64
                             " KiB: give it more with -m, or another --origin",
                             image_kind_name(img->kind), p->name, p->gpa, p->memsz,
                             mem_bytes(mem) / KIB);
        memcpy(host, p->bytes, p->len); /* MARK: copy-code */
        mem_note(mem, p->use, p->gpa, p->memsz, "%s", p->name);
    }
    return 0;
}

void image_fini(struct image *img)
{
    symtab_fini(&img->symbols);
    *img = (struct image){ 0 };
}
