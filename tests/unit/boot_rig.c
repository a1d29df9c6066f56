/* SPDX-License-Identifier: MIT */
/* boot_rig.c - see boot_rig.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "boot_rig.h"
#include "host/file.h"

void apply(uint8_t *bytes, const struct patch *patch, size_t n)
{
    for (size_t i = 0; i < n; i++)
        le_put(bytes + patch[i].off, patch[i].width, patch[i].value);
}

uint8_t *exact_file(const uint8_t *bytes, size_t len)
{
    uint8_t *block = malloc(len + 1);

    assert_non_null(block);
    memcpy(block + 1, bytes, len);
    return block + 1;
}

void free_file(uint8_t *file)
{
    free(file - 1);
}

void check_refused(int rc, const struct vitro_err *err, enum vitro_err_class kind,
                   const char *words)
{
    assert_int_equal(rc, kind == VITRO_ERR_USAGE ? -EINVAL : -ENOEXEC);
    assert_int_equal(err->code, rc);
    assert_int_equal(err->kind, kind);
    assert_true(strlen(err->text) < sizeof(err->text) - 1);
    if (strstr(err->text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err->text, words);
}

void board_init(struct board *b, unsigned mib)
{
    uint64_t len = mib * MIB, low = len < 3 * GIB ? len : 3 * GIB;
    unsigned n = 0;

    *b = (struct board){ 0 };
    b->row[n++] = (struct boot_row){ 0, 0x9fc00, BOOT_ROW_RAM };
    b->row[n++] = (struct boot_row){ 0x9fc00, 0x400, BOOT_ROW_RESERVED };
    b->row[n++] = (struct boot_row){ 0xe0000, 0x20000, BOOT_ROW_ACPI };
    b->row[n++] = (struct boot_row){ MIB, low - MIB, BOOT_ROW_RAM };
    if (len > low)
        b->row[n++] = (struct boot_row){ 4 * GIB, len - low, BOOT_ROW_RAM };
    b->req = (struct boot_request){ .row = b->row, .nrows = n, .rsdp = 0xe0000 };
}

static bool in_ram(const struct board *b, const struct image_part *part)
{
    for (unsigned i = 0; i < b->req.nrows; i++) {
        const struct boot_row *r = &b->req.row[i];

        if (r->type == BOOT_ROW_RAM && part->gpa >= r->base && part->memsz <= r->len &&
            part->gpa - r->base <= r->len - part->memsz)
            return true;
    }
    return false;
}

static void check_parts(const struct boot_plan *p, const struct board *b)
{
    for (unsigned i = 0; i < p->nparts; i++) {
        const struct image_part *a = &p->part[i];

        assert_true(a->memsz > 0 && a->len <= a->memsz);
        assert_true(strlen(a->name) < MEM_NAME_MAX);
        if (!in_ram(b, a))
            fail_msg("%s at 0x%" PRIx64 "+0x%" PRIx64 " is not in RAM", a->name, a->gpa, a->memsz);
        for (unsigned k = i + 1; k < p->nparts; k++) {
            const struct image_part *c = &p->part[k];

            if (ranges_overlap(a->gpa, a->memsz, c->gpa, c->memsz))
                fail_msg("%s and %s overlap", a->name, c->name);
        }
    }
}

void plan(enum image_kind kind, const uint8_t *bytes, size_t len, const struct board *b,
          struct boot_plan *out)
{
    struct vitro_err err = { 0 };
    struct image img;

    if (image_boot(kind, bytes, len, &img, &err) != 0 || boot_plan(&img, &b->req, out, &err) != 0)
        fail_msg("refused: %s", err.text);
    assert_true(img.found[0] != '\0');
    assert_true(planned(out, out->entry, 1) != NULL);
    check_parts(out, b);
}

void plan_refused(enum image_kind kind, const uint8_t *bytes, size_t len, const struct board *b,
                  enum vitro_err_class class, const char *words)
{
    struct vitro_err err = { 0 };
    struct boot_plan out;
    struct image img;
    int rc;

    if (image_boot(kind, bytes, len, &img, &err) != 0)
        fail_msg("refused too early: %s", err.text);
    rc = boot_plan(&img, &b->req, &out, &err);
    check_refused(rc, &err, class, words);
    boot_plan_fini(&out);
}

bool has_part(const struct boot_plan *p, const char *name)
{
    for (unsigned i = 0; i < p->nparts; i++) {
        if (strcmp(p->part[i].name, name) == 0)
            return true;
    }
    return false;
}

const struct image_part *part_named(const struct boot_plan *p, const char *name)
{
    for (unsigned i = 0; i < p->nparts; i++) {
        if (strcmp(p->part[i].name, name) == 0)
            return &p->part[i];
    }
    fail_msg("no part named %s", name);
    return NULL;
}

const uint8_t *planned(const struct boot_plan *p, gpa_t gpa, uint64_t len)
{
    for (unsigned i = 0; i < p->nparts; i++) {
        const struct image_part *a = &p->part[i];

        if (gpa >= a->gpa && gpa - a->gpa <= a->len && len <= a->len - (gpa - a->gpa))
            return a->bytes + (gpa - a->gpa);
    }
    fail_msg("nothing is planned for 0x%" PRIx64, gpa);
    return NULL;
}

uint64_t planned_word(const struct boot_plan *p, gpa_t gpa, unsigned width)
{
    return le_get(planned(p, gpa, width), width);
}

uint8_t *guest_file(const char *name, size_t *len)
{
    const char *folder = getenv("VITRO_KERNELS");
    struct vitro_err err = { 0 };
    uint8_t *bytes = NULL;
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder != NULL ? folder : KERNELS_DIR, name);
    if (file_read(path, GIB, &bytes, len, &err) < 0) {
        print_message("cannot read %s: run scripts/guest-kernels\n", path);
        return NULL;
    }
    return bytes;
}
