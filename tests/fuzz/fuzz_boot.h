/* SPDX-License-Identifier: MIT */
/* fuzz_boot.h - any bytes through a loader: what image_boot() and boot_plan() promise must hold. */
#ifndef FUZZ_BOOT_H
#define FUZZ_BOOT_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "boot/boot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Not assert(): must hold in every build. */
static void must(bool promise)
{
    if (!promise)
        abort();
}

/* A plan may also fail with VITRO_ERR_USAGE: the command line is longer than this kernel takes. */
static void check_error(int rc, const struct vitro_err *err, bool planned)
{
    must(rc == 0 || (rc == -ENOEXEC && err->kind == VITRO_ERR_IMAGE) ||
         (planned && rc == -EINVAL && err->kind == VITRO_ERR_USAGE));
    must(err->code == rc);
    must((rc == 0) == (err->text[0] == '\0'));
    must(strchr(err->text, '\n') == NULL && strlen(err->text) < sizeof(err->text) - 1);
}

/* 64 MiB with the hole below 1 MiB. */
static const struct boot_row fuzz_rows[] = {
    { 0, 0x9fc00, BOOT_ROW_RAM },
    { 0xe0000, 0x20000, BOOT_ROW_RESERVED },
    { MIB, 63 * MIB, BOOT_ROW_RAM },
    { 4 * GIB, GIB, BOOT_ROW_RAM },
};

static bool fuzz_in_ram(gpa_t gpa, uint64_t len)
{
    for (size_t i = 0; i < ARRAY_LEN(fuzz_rows); i++) {
        const struct boot_row *r = &fuzz_rows[i];

        if (r->type == BOOT_ROW_RAM && gpa >= r->base && len <= r->len &&
            gpa - r->base <= r->len - len)
            return true;
    }
    return false;
}

static void check_plan(const struct boot_plan *p)
{
    unsigned holders = 0;

    must(p->nparts > 0 && p->nparts <= BOOT_PARTS_MAX);
    for (unsigned i = 0; i < p->nparts; i++) {
        const struct image_part *a = &p->part[i];
        uint8_t sum = 0;

        must(a->memsz > 0 && a->len <= a->memsz && fuzz_in_ram(a->gpa, a->memsz));
        for (uint64_t k = 0; k < a->len; k++)
            sum ^= a->bytes[k]; /* all of it can be read */
        must(sum <= UINT8_MAX);
        holders += ranges_overlap(a->gpa, a->memsz, p->entry, 1);
        for (unsigned k = i + 1; k < p->nparts; k++)
            must(!ranges_overlap(a->gpa, a->memsz, p->part[k].gpa, p->part[k].memsz));
    }
    must(holders == 1);
}

/* Each loader gets all it may be asked for. */
static int fuzz_boot(enum image_kind kind, const uint8_t *data, size_t size, bool modules)
{
    static const uint8_t bytes[5000] = { 1 };
    const struct boot_module initrd = { bytes, sizeof(bytes), "an initrd" };
    const struct boot_module module[2] = { { bytes, 0, NULL }, { bytes, 1, "" } };
    const struct boot_request req = {
        .cmdline = "one two",
        .initrd = &initrd,
        .module = module,
        .nmodules = modules ? 2 : 0,
        .row = fuzz_rows,
        .nrows = ARRAY_LEN(fuzz_rows),
        .rsdp = 0xe0000,
        .rsdp_len = 36,
        .vga_text = size % 2,
    };
    struct vitro_err err = { 0 };
    struct boot_plan plan;
    struct image img;
    int rc = image_boot(kind, data, size, &img, &err);

    check_error(rc, &err, false);
    if (rc < 0)
        return 0;
    must(strlen(img.found) > 0 && strlen(img.found) < IMAGE_FOUND_MAX - 1);
    for (const char *c = img.found; *c != '\0'; c++)
        must(*c >= ' ' && *c <= '~');
    rc = boot_plan(&img, &req, &plan, &err);
    check_error(rc, &err, true);
    if (rc == 0)
        check_plan(&plan);
    boot_plan_fini(&plan);
    return 0;
}

#endif
