/* SPDX-License-Identifier: MIT */
/* boot_rig.h - what the tests of the loaders share: a PC's memory map, plans made and checked. */
#ifndef BOOT_RIG_H
#define BOOT_RIG_H

#include "boot/boot.h"

/* One field to overwrite; width 0 is not used. */
struct patch {
    unsigned off, width;
    uint64_t value;
};

/* A refusal: what is patched, where the file is cut (0: not) and words that the message must hold. */
struct refusal {
    const char *name, *words;
    struct patch patch[4];
    size_t len;
};

void apply(uint8_t *bytes, const struct patch *patch, size_t n);

/* A copy of exact size at an odd address, so that the sanitizers see a read past the end. */
uint8_t *exact_file(const uint8_t *bytes, size_t len);
void free_file(uint8_t *file);

/* The result is a refusal of that class which says these words. */
void check_refused(int rc, const struct vitro_err *err, enum vitro_err_class kind,
                   const char *words);

/* RAM as on a PC: below 0x9fc00, and from 1 MiB on to `mib` MiB, at most 3 GiB of it below 4 GiB. */
struct board {
    struct boot_row row[8];
    struct boot_request req;
};
void board_init(struct board *b, unsigned mib);

/* Must succeed; checks what every plan promises. Give it to boot_plan_fini(). */
void plan(enum image_kind kind, const uint8_t *bytes, size_t len, const struct board *b,
          struct boot_plan *out);

/* image_boot() must succeed and boot_plan() must refuse. */
void plan_refused(enum image_kind kind, const uint8_t *bytes, size_t len, const struct board *b,
                  enum vitro_err_class class, const char *words);

/* The part of that name; fails the test if there is none. */
const struct image_part *part_named(const struct boot_plan *plan, const char *name);
bool has_part(const struct boot_plan *plan, const char *name);

/* Bytes of the planned memory at gpa, which must be in one part's len. */
const uint8_t *planned(const struct boot_plan *plan, gpa_t gpa, uint64_t len);
uint64_t planned_word(const struct boot_plan *plan, gpa_t gpa, unsigned width);

/* A file of Debian's kernels; NULL, and a line that says so, if scripts/guest-kernels was not run. */
uint8_t *guest_file(const char *name, size_t *len);

#endif
