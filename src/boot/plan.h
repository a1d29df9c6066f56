/* SPDX-License-Identifier: MIT */
/* plan.h - taking ranges of guest RAM for a boot plan; used by the loaders of boot/ only. */
#ifndef BOOT_PLAN_H
#define BOOT_PLAN_H

#include "boot/boot.h"

/* One boot_plan() call on its way. */
struct planner {
    const struct image *img;
    const struct boot_request *req;
    struct boot_plan *plan;
    struct vitro_err *err;
};

/* A range that may lie anywhere between two addresses. */
struct room {
    uint64_t len;   /* bytes, not 0 */
    uint64_t align; /* a power of two */
    gpa_t min, max; /* first and last address it may take */
    bool high;      /* as high as it goes, else as low */
    enum mem_use use;
    const char *name; /* static */
};

enum { PLAN_PAGE = 4096 };
enum {
    PLAN_LOW = 0x10000
}; /* below: BIOS data, boot sectors, and where small systems start other CPUs */

/* Every byte is RAM by the memory map. */
bool plan_ram(const struct planner *p, gpa_t gpa, uint64_t len);

/* Finds free RAM, the lowest or highest; takes nothing. */
bool plan_find(const struct planner *p, const struct room *room, gpa_t *at);

/* Takes a range whose place is fixed. VITRO_ERR_IMAGE: not RAM, or taken. memsz 0 takes nothing. */
WARN_UNUSED int plan_take(struct planner *p, const struct image_part *part);

/* Finds room and takes it for bytes of a file. VITRO_ERR_IMAGE: there is none. */
WARN_UNUSED int plan_copy(struct planner *p, const struct room *room, const uint8_t *bytes,
                          uint64_t len, gpa_t *at);

/* The same for bytes that are written now: *bytes is room->len of zeros, owned by the plan. -ENOMEM. */
WARN_UNUSED int plan_build(struct planner *p, const struct room *room, uint8_t **bytes, gpa_t *at);

/* All segments of an ELF file. */
struct elf_image;
WARN_UNUSED int plan_elf(struct planner *p, const struct elf_image *elf);

/* Low memory, page-aligned, for a kernel's tables. */
struct room plan_low(uint64_t len, const char *name);

/*
 * plan_cmdline - the command line, as a part of its own
 *
 * max  bytes without the NUL that the kernel takes
 * at   receives its place; 0 when there is none
 */
WARN_UNUSED int plan_cmdline(struct planner *p, uint64_t max, gpa_t *at);

/* plan_cmdline()'s rules for any text that is handed to a kernel. VITRO_ERR_USAGE. */
WARN_UNUSED int plan_check_text(struct planner *p, const char *what, const char *text,
                                uint64_t max);

/* A module in its place. */
struct planned_module {
    gpa_t gpa;
    uint64_t len;
    const char *cmdline; /* NULL: none */
};

struct planned_modules {
    struct planned_module module[BOOT_MODULES_MAX];
    unsigned n;
};

/* The initrd and the modules, page-aligned and below 4 GiB; as high as it goes, or above all else. */
WARN_UNUSED int plan_modules(struct planner *p, bool high, struct planned_modules *out);

/* Bytes that plan_add_text() takes for a text, 0 for NULL. */
uint64_t plan_text_len(const char *text);

/* Texts put one after another into a part that plan_build() gave. */
struct text_area {
    uint8_t *bytes; /* of the next text */
    gpa_t gpa;      /* the same */
};

/* Adds text and its NUL; returns where it is, 0 for NULL. */
gpa_t plan_add_text(struct text_area *area, const char *text);

/* The descriptor table of boot32 and boot64 by plan->start; for boot64 the page tables too. */
WARN_UNUSED int plan_tables(struct planner *p);

#endif
