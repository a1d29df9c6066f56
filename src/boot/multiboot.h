/* SPDX-License-Identifier: MIT */
/* multiboot.h - what both versions of the multiboot protocol share; used by multiboot*.c and image_probe(). */
#ifndef BOOT_MULTIBOOT_H
#define BOOT_MULTIBOOT_H

#include "boot/elf.h"
#include "boot/loader.h"

/* A header with a right checksum in the part of the file where one may be; *at is its offset. */
bool multiboot_find(const uint8_t *bytes, size_t len, uint64_t *at);
bool multiboot2_find(const uint8_t *bytes, size_t len, uint64_t *at);

/* Load addresses that a header gives for files that are not ELF, or in place of ELF's own. */
struct mb_addresses {
    bool given;
    uint64_t header;   /* of the header itself */
    uint64_t load;     /* MB_FROM_START: the file's first byte */
    uint64_t load_end; /* 0: the end of the file */
    uint64_t bss_end;  /* 0: there is none */
};
#define MB_FROM_START UINT64_MAX

/* A kernel, read and judged. */
struct mb_kernel {
    uint64_t at; /* file offset of the header */
    struct mb_addresses addresses;
    bool entry_given;
    uint64_t entry;
    bool wants_screen; /* does not run without a console or video mode */
    bool relocatable;
    struct image_part flat; /* with load addresses */
    struct elf_image elf;   /* without */
};

/* Fills flat or elf and the entry from what the header said. -ENOEXEC. */
WARN_UNUSED int mb_judge(const struct image *img, struct mb_kernel *k, struct vitro_err *err);

/* Takes the kernel's segments, sets the start state; refuses a screen that is not there. */
WARN_UNUSED int mb_plan_kernel(struct planner *p, const struct mb_kernel *k);

/* KiB of RAM from 0 (at most 640) and from 1 MiB on, as the BIOS counts. */
struct mb_memory {
    uint32_t lower, upper;
};
struct mb_memory mb_memory(const struct boot_request *req);

/* Fills img's words and mode from a kernel that was judged. */
void mb_describe(struct image *img, const struct mb_kernel *k, const char *name);

/* One line about what is wrong with the image; gives -ENOEXEC. */
int mb_refuse(const struct image *img, struct vitro_err *err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
