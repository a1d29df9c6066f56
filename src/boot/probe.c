/* SPDX-License-Identifier: MIT */
/* probe.c - which kind of image a file is, by its bytes. */
#include <errno.h>

#include "boot/boot.h"
#include "boot/bzimage.h"
#include "boot/elf.h"
#include "boot/elf_probe.h"
#include "boot/multiboot.h"

/* A file that is broken otherwise too is elf_parse()'s to refuse, which says more. */
static int refuse_notes(const uint8_t *bytes, size_t len, const struct vitro_err *notes,
                        struct vitro_err *err)
{
    struct elf_image elf;

    if (elf_parse(bytes, len, &elf, NULL) < 0)
        return 0;
    return err_class(err, VITRO_ERR_IMAGE, notes->code, "%s (--kind elf: look at no notes)",
                     notes->text);
}

static int probe_elf(const uint8_t *bytes, size_t len, enum image_kind *out, struct vitro_err *err)
{
    struct vitro_err malformed = { 0 };
    struct elf_note note;
    uint64_t at;
    int rc = elf_pvh_note(bytes, len, &note, &malformed);

    *out = IMAGE_ELF;
    if (rc < 0)
        return refuse_notes(bytes, len, &malformed, err);
    if (rc > 0)
        *out = IMAGE_PVH;
    else if (multiboot2_find(bytes, len, &at))
        *out = IMAGE_MULTIBOOT2;
    else if (multiboot_find(bytes, len, &at))
        *out = IMAGE_MULTIBOOT;
    else if (elf_is_linux(bytes, len))
        *out = IMAGE_VMLINUX;
    return 0;
}

int image_probe(const uint8_t *bytes, size_t len, enum image_kind *out, struct vitro_err *err)
{
    uint64_t at;

    *out = IMAGE_FLAT;
    if (linux_is(bytes, len))
        *out = IMAGE_BZIMAGE;
    else if (elf_is(bytes, len))
        return probe_elf(bytes, len, out, err);
    else if (multiboot2_find(bytes, len, &at))
        *out = IMAGE_MULTIBOOT2;
    else if (multiboot_find(bytes, len, &at))
        *out = IMAGE_MULTIBOOT;
    return 0;
}
