/* SPDX-License-Identifier: MIT */
/*
 * image.h - a guest image, taken apart and ready to be laid into memory; used by vitro.c and board/
 *
 * Parsers (image.c, elf.c, builtin.c) fill it from bytes they borrow; nothing here touches a machine.
 * Kernels that want a PC and a boot protocol are boot.h's: their parts stay empty.
 */
#ifndef BOOT_IMAGE_H
#define BOOT_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/symtab.h"
#include "core/mem.h"
#include "x86/start.h"

enum { IMAGE_PARTS_MAX = 64, IMAGE_FOUND_MAX = 160 };

enum image_kind {
    IMAGE_FLAT,
    IMAGE_ELF,
    IMAGE_BUILTIN,
    IMAGE_BZIMAGE, /* those from here on are read by boot.h */
    IMAGE_VMLINUX,
    IMAGE_PVH,
    IMAGE_MULTIBOOT,
    IMAGE_MULTIBOOT2,
};
enum { IMAGE_KINDS = IMAGE_MULTIBOOT2 + 1 };

struct image_part {
    gpa_t gpa;
    uint64_t memsz;       /* bytes in guest memory; those after `len` are zero */
    uint64_t len;         /* bytes of the file */
    const uint8_t *bytes; /* borrowed from the image's bytes */
    enum mem_use use;
    const char *name; /* static */
};

struct image {
    enum image_kind kind;
    enum x86_start start; /* of boot.h's kinds only whether they begin in 32 or 64 bits */
    uint64_t entry;       /* guest-physical, which is guest-linear at the start */
    const uint8_t *bytes; /* the whole file, for boot_plan(); borrowed */
    size_t len;
    char found[IMAGE_FOUND_MAX]; /* what it is, in printable ASCII; "" for flat and built-in */
    bool is_linux;               /* by its magic number or note */
    bool unpacks;                /* begins with code that unpacks the kernel */
    unsigned nparts;
    struct image_part part[IMAGE_PARTS_MAX];
    struct symtab symbols; /* owned; empty when there are none */
};

/* "flat", "elf", "built-in", "linux", "pvh", "multiboot", "multiboot2". */
const char *image_kind_name(enum image_kind kind);

/*
 * image_flat - a program that is nothing but its bytes
 *
 * origin  where the first byte goes and where execution starts
 *
 * Refused (VITRO_ERR_IMAGE): empty; real mode and not wholly below 1 MiB; wrapping.
 */
WARN_UNUSED int image_flat(const uint8_t *bytes, size_t len, uint64_t origin, enum x86_start start,
                           struct image *out, struct vitro_err *err);

/*
 * image_elf - a bare-metal ELF executable: 32-bit starts in protected mode, 64-bit in long mode
 *
 * Symbols that cannot be read are not a reason to refuse it: it has none then.
 */
WARN_UNUSED int image_elf(const uint8_t *bytes, size_t len, struct image *out,
                          struct vitro_err *err);

/* End of the highest part. */
uint64_t image_end(const struct image *img);

/*
 * image_place - copy the parts into memory and note them
 *
 * Refused (VITRO_ERR_IMAGE): a part outside memory. Memory must be zero.
 */
WARN_UNUSED int image_place(const struct image *img, struct mem *mem, struct vitro_err *err);

void image_fini(struct image *img);

#endif
