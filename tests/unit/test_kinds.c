/* SPDX-License-Identifier: MIT */
/* test_kinds.c - which kind a file is, by its bytes: the order of the probes, Debian's kernels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "base/bits.h"
#include "bzimage_rig.h"
#include "elf_rig.h"

static enum image_kind probe(const uint8_t *bytes, size_t len)
{
    struct vitro_err err = { 0 };
    enum image_kind kind;

    if (image_probe(bytes, len, &kind, &err) != 0)
        fail_msg("refused: %s", err.text);
    return kind;
}

static void put_header1(uint8_t *h)
{
    le_put(h, 4, 0x1badb002);
    le_put(h + 4, 4, 0);
    le_put(h + 8, 4, 0u - 0x1badb002u);
}

static void put_header2(uint8_t *h)
{
    le_put(h, 4, 0xe85250d6);
    le_put(h + 4, 4, 0);
    le_put(h + 8, 4, 24);
    le_put(h + 12, 4, 0u - 0xe85250d6u - 24);
}

static void elf_with_all(void **state)
{
    struct elf_kernel k;

    (void)state;
    for (unsigned is64 = 0; is64 < 2; is64++) {
        elf_kernel_build(&k, is64);
        assert_int_equal(probe(k.bytes, ELF_FILE), IMAGE_ELF);
        elf_kernel_note(&k, "Linux", 0x100, "6.1.0", 6);
        assert_int_equal(probe(k.bytes, ELF_FILE), IMAGE_VMLINUX);
        put_header1(k.bytes + ELF_TEXT);
        assert_int_equal(probe(k.bytes, ELF_FILE), IMAGE_MULTIBOOT);
        put_header2(k.bytes + ELF_TEXT + 64);
        assert_int_equal(probe(k.bytes, ELF_FILE), IMAGE_MULTIBOOT2);
        elf_kernel_pvh(&k, ELF_ENTRY, 4);
        assert_int_equal(probe(k.bytes, ELF_FILE), IMAGE_PVH);
    }
}

static void not_elf(void **state)
{
    uint8_t img[IMAGE], flat[256] = { 0xf4 };

    (void)state;
    assert_int_equal(probe(flat, sizeof(flat)), IMAGE_FLAT);
    assert_int_equal(probe(flat, 0), IMAGE_FLAT);
    put_header1(flat + 32);
    assert_int_equal(probe(flat, sizeof(flat)), IMAGE_MULTIBOOT);
    flat[32 + 8]++;
    assert_int_equal(probe(flat, sizeof(flat)), IMAGE_FLAT);
    put_header2(flat + 64);
    assert_int_equal(probe(flat, sizeof(flat)), IMAGE_MULTIBOOT2);
    bzimage_build(img);
    put_header2(img + SETUP);
    assert_int_equal(probe(img, IMAGE), IMAGE_BZIMAGE);
}

/* L6: an ELF file whose notes alone are malformed is refused, one that is broken all over is ELF's. */
static void malformed_notes(void **state)
{
    struct vitro_err err = { 0 };
    struct elf_kernel k;
    enum image_kind kind;

    (void)state;
    elf_kernel_build(&k, true);
    elf_kernel_note(&k, "Linux", 0x100, "6.1.0", 6);
    le_put(k.bytes + ELF_NOTES, 4, UINT32_MAX);
    check_refused(image_probe(k.bytes, ELF_FILE, &kind, &err), &err, VITRO_ERR_IMAGE, "--kind elf");
    le_put(k.bytes + 16, 2, 3); /* ET_DYN */
    assert_int_equal(probe(k.bytes, ELF_FILE), IMAGE_ELF);
    assert_int_equal(probe(k.bytes, 30), IMAGE_ELF);
}

static void which_boot(void **state)
{
    (void)state;
    assert_false(image_boots(IMAGE_FLAT) || image_boots(IMAGE_ELF) || image_boots(IMAGE_BUILTIN));
    for (unsigned k = IMAGE_BZIMAGE; k < IMAGE_KINDS; k++) {
        assert_true(image_boots(k));
        assert_non_null(image_kind_name(k));
    }
}

static void debian(void **state)
{
    static const struct row {
        const char *name;
        enum image_kind kind;
    } rows[] = {
        { "vmlinuz-cloud", IMAGE_BZIMAGE },  { "vmlinuz", IMAGE_BZIMAGE },
        { "memtest64.bin", IMAGE_BZIMAGE },  { "memtest32.bin", IMAGE_BZIMAGE },
        { "vmlinux-cloud", IMAGE_PVH },      { "vmlinux", IMAGE_PVH },
        { "initramfs.cpio.gz", IMAGE_FLAT },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        size_t len;
        uint8_t *bytes = guest_file(rows[i].name, &len);

        if (bytes == NULL)
            skip();
        assert_int_equal(probe(bytes, len), rows[i].kind);
        free(bytes);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(elf_with_all),    cmocka_unit_test(not_elf),
        cmocka_unit_test(malformed_notes), cmocka_unit_test(which_boot),
        cmocka_unit_test(debian),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
