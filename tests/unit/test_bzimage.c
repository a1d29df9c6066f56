/* SPDX-License-Identifier: MIT */
/* test_bzimage.c - the setup header of a bzImage: every field broken, one at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/bits.h"
#include "boot/bzimage.h"
#include "bzimage_rig.h"

static const struct refusal refusals[] = {
    { "no magic", "no magic number 'HdrS'", { { HEADER, 1, 'h' } }, 0 },
    { "cut in the magic", "no magic number", { { 0 } }, 0x205 },
    { "cut in the header", "truncated: 0x3ff", { { 0 } }, 0x3ff },
    { "boot flag", "boot_flag is 0x55aa", { { BOOT_FLAG, 2, 0x55aa } }, 0 },
    { "protocol 1", "protocol 1.99", { { VERSION, 2, 0x163 } }, 0 },
    { "protocol 2.01", "protocol 2.01", { { VERSION, 2, 0x201 } }, 0 },
    { "protocol 3", "protocol 3.00", { { VERSION, 2, 0x300 } }, 0 },
    { "no jump", "no short jump", { { JUMP, 1, 0xe9 } }, 0 },
    { "header too short", "ends at 0x26b", { { JUMP + 1, 1, 0x69 } }, 0 },
    { "header too long", "ends at 0x291", { { JUMP + 1, 1, 0x8f } }, 0 },
    { "setup_sects 0 is 4", "syssize says 0x8000", { { SETUP_SECTS, 1, 0 } }, 0 },
    { "setup_sects 65", "setup_sects is 65", { { SETUP_SECTS, 1, 65 } }, 0 },
    { "setup_sects 255", "setup_sects is 255", { { SETUP_SECTS, 1, 255 } }, 0 },
    { "setup_sects of the whole file",
      "real-mode part alone",
      { { SETUP_SECTS, 1, 64 } },
      65 * 512 },
    { "syssize 0", "syssize is 0", { { SYSSIZE, 4, 0 } }, 0 },
    { "syssize too large", "truncated", { { SYSSIZE, 4, CODE / 16 + 1 } }, 0 },
    { "syssize huge", "syssize says 0xffffffff0", { { SYSSIZE, 4, UINT32_MAX } }, 0 },
    { "zImage", "zImage", { { LOADFLAGS, 1, 0 } }, 0 },
    { "subarchitecture", "hardware_subarch is 0x2", { { SUBARCH, 4, 2 } }, 0 },
    { "setup_data", "setup_data is 0x1000", { { SETUP_DATA, 8, 0x1000 } }, 0 },
    { "entry below", "code32_start 0xfffff", { { CODE32, 4, 0xfffff } }, 0 },
    { "entry above", "code32_start 0x108000", { { CODE32, 4, 0x100000 + CODE } }, 0 },
    { "64-bit entry outside",
      "64-bit entry",
      { { SYSSIZE, 4, 0x20 }, { PAYLOAD_LENGTH, 4, 0 }, { PAYLOAD_OFFSET, 4, 0 } },
      0 },
    { "alignment of three", "kernel_alignment 0x300000", { { ALIGNMENT, 4, 0x300000 } }, 0 },
    { "alignment below a page", "kernel_alignment 0x800", { { ALIGNMENT, 4, 0x800 } }, 0 },
    { "alignment 0", "kernel_alignment 0x0", { { ALIGNMENT, 4, 0 } }, 0 },
    { "alignment 2 GiB", "kernel_alignment 0x80000000", { { ALIGNMENT, 4, 0x80000000 } }, 0 },
    { "least alignment", "min_alignment 2^22", { { MIN_ALIGNMENT, 1, 22 } }, 0 },
    { "least alignment 2^255", "min_alignment 2^255", { { MIN_ALIGNMENT, 1, 255 } }, 0 },
    { "preferred address not aligned", "not aligned", { { PREF_ADDRESS, 8, 0x1100000 } }, 0 },
    { "preferred address high", "above 4 GiB", { { PREF_ADDRESS, 8, 4 * GIB } }, 0 },
    { "preferred address highest", "above 4 GiB", { { PREF_ADDRESS, 8, ~UINT64_C(0x1fffff) } }, 0 },
    { "ends above 4 GiB", "above 4 GiB", { { PREF_ADDRESS, 8, 0xffe00000 } }, 0 },
    { "init_size high", "init_size 0xffffffff", { { INIT_SIZE, 4, UINT32_MAX } }, 0 },
    { "cmdline_size 0", "cmdline_size is 0", { { CMDLINE_SIZE, 4, 0 } }, 0 },
    { "initrd_addr_max low", "initrd_addr_max 0xfffff", { { INITRD_MAX, 4, 0xfffff } }, 0 },
    { "payload outside", "payload 0x8001", { { PAYLOAD_OFFSET, 4, CODE + 1 } }, 0 },
    { "payload ends outside", "payload 0x1000+0x7001", { { PAYLOAD_LENGTH, 4, 0x7001 } }, 0 },
    { "payload wraps", "payload", { { PAYLOAD_LENGTH, 4, UINT32_MAX } }, 0 },
    { "kernel_info outside", "kernel_info_offset 0x8000", { { KERNEL_INFO, 4, CODE } }, 0 },
    { "handover outside", "handover_offset 0x8000", { { HANDOVER, 4, CODE } }, 0 },
    { "name outside",
      "kernel_version names file offset 0x800",
      { { KERNEL_VERSION, 2, SETUP - 512 } },
      0 },
};

static void refuses(void **state)
{
    const struct refusal *row = *state;
    uint8_t img[IMAGE], *file;
    size_t len = row->len != 0 ? row->len : IMAGE;
    struct vitro_err err = { 0 };
    struct linux_header h;

    bzimage_build(img);
    apply(img, row->patch, ARRAY_LEN(row->patch));
    file = exact_file(img, len);
    check_refused(linux_read(file, len, &h, &err), &err, VITRO_ERR_IMAGE, row->words);
    assert_int_equal(h.code_len, 0);
    assert_int_equal(linux_read(file, len, &h, NULL), -ENOEXEC);
    free_file(file);
}

/* L7: cut at every sector, and at every byte around the header. */
static void refuses_every_cut(void **state)
{
    uint8_t img[IMAGE];
    struct linux_header h;

    (void)state;
    bzimage_build(img);
    for (size_t len = 0; len < IMAGE - 15; len += len < 0x300 || len > IMAGE - 64 ? 1 : 256) {
        uint8_t *file = exact_file(img, len);
        struct vitro_err err = { 0 };

        check_refused(linux_read(file, len, &h, &err), &err, VITRO_ERR_IMAGE, "Linux bzImage: ");
        free_file(file);
    }
}

static void read_image(const uint8_t *img, size_t len, struct linux_header *h)
{
    struct vitro_err err = { 0 };

    if (linux_read(img, len, h, &err) != 0)
        fail_msg("refused: %s", err.text);
}

static void reads_all_fields(void **state)
{
    struct linux_header h;
    uint8_t img[IMAGE];

    (void)state;
    bzimage_build(img);
    read_image(img, IMAGE, &h);
    assert_int_equal(h.version, 0x20f);
    assert_ptr_equal(h.setup, img + 0x1f1);
    assert_int_equal(h.setup_len, 0x26c - 0x1f1);
    assert_ptr_equal(h.code, img + SETUP);
    assert_int_equal(h.code_len, CODE);
    assert_true(h.entry64 && h.high_initrd && h.relocatable);
    assert_int_equal(h.align, 0x200000);
    assert_int_equal(h.run, 0x1000000);
    assert_int_equal(h.run_len, 0x300000);
    assert_int_equal(h.initrd_max, 0x7fffffff);
    assert_int_equal(h.cmdline_max, 2047);
    assert_string_equal(h.name, "6.1.0-9-cloud-amd64");
    assert_string_equal(h.packed, "LZ4");
}

static void leaves_the_signature_out(void **state)
{
    uint8_t img[IMAGE + 100] = { 0 };
    struct linux_header h;

    (void)state;
    bzimage_build(img);
    read_image(img, IMAGE + 100, &h);
    assert_int_equal(h.code_len, CODE);
    read_image(img, IMAGE - 15, &h); /* the last paragraph may be cut short */
    assert_int_equal(h.code_len, CODE - 15);
}

/* Protocol 2.02: what later fields would say is not looked at. */
static void old_protocol(void **state)
{
    const struct patch patch[] = { { VERSION, 2, 0x202 },   { JUMP + 1, 1, 0x2a },
                                   { PREF_ADDRESS, 8, 77 }, { XLOADFLAGS, 2, 1 },
                                   { CMDLINE_SIZE, 4, 0 },  { SYSSIZE, 4, UINT32_MAX },
                                   { INITRD_MAX, 4, 0 },    { ALIGNMENT, 4, 3 } };
    struct linux_header h;
    uint8_t img[IMAGE];

    (void)state;
    bzimage_build(img);
    apply(img, patch, ARRAY_LEN(patch));
    read_image(img, IMAGE, &h);
    assert_false(h.entry64 || h.relocatable || h.high_initrd);
    assert_int_equal(h.run, 0x100000);
    assert_int_equal(h.run_len, CODE);
    assert_int_equal(h.cmdline_max, 255);
    assert_int_equal(h.initrd_max, 0x37ffffff);
    assert_null(h.packed);
}

static void names(void **state)
{
    static const struct row {
        const char *text, *name;
    } rows[] = {
        { "Memtest86+ v6.10", "Memtest86+ v6.10" },
        { "6.1 (x)", "6.1" },
        { "6.1\x1b[2J", "6.1" },
        { "", "" },
        { "\xff", "" },
    };
    struct linux_header h;
    uint8_t img[IMAGE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bzimage_build(img);
        strcpy((char *)img + NAME, rows[i].text);
        read_image(img, IMAGE, &h);
        assert_string_equal(h.name, rows[i].name);
    }
    bzimage_build(img);
    memset(img + NAME, 'x', SETUP - NAME);
    read_image(img, IMAGE, &h);
    assert_int_equal(strlen(h.name), LINUX_NAME_MAX - 1);
}

static void found_words(const struct patch *patch, size_t n, const char *words)
{
    struct vitro_err err = { 0 };
    struct image out;
    uint8_t img[IMAGE];

    bzimage_build(img);
    apply(img, patch, n);
    assert_int_equal(image_boot(IMAGE_BZIMAGE, img, IMAGE, &out, &err), 0);
    assert_string_equal(out.found, words);
    assert_string_equal(image_kind_name(out.kind), "linux");
}

static void says_what_it_found(void **state)
{
    const struct patch odd[] = { { SETUP + PAYLOAD, 4, 0x12345678 } };
    const struct patch plain[] = { { XLOADFLAGS, 2, 0 },
                                   { KERNEL_VERSION, 2, 0 },
                                   { PAYLOAD_LENGTH, 4, 0 } };

    (void)state;
    found_words(NULL, 0, "Linux bzImage 6.1.0-9-cloud-amd64 (protocol 2.15, 64-bit entry, LZ4)");
    found_words(odd, 1,
                "Linux bzImage 6.1.0-9-cloud-amd64 (protocol 2.15, 64-bit entry, unknown "
                "compression)");
    found_words(plain, 3, "Linux bzImage (protocol 2.15, 32-bit entry)");
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(refuses_every_cut),
        cmocka_unit_test(reads_all_fields),
        cmocka_unit_test(leaves_the_signature_out),
        cmocka_unit_test(old_protocol),
        cmocka_unit_test(names),
        cmocka_unit_test(says_what_it_found),
    };
    struct CMUnitTest tests[ARRAY_LEN(refusals) + ARRAY_LEN(others)];

    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        tests[i] = (struct CMUnitTest){ .name = refusals[i].name,
                                        .test_func = refuses,
                                        .initial_state = (void *)(uintptr_t)&refusals[i] };
    memcpy(tests + ARRAY_LEN(refusals), others, sizeof(others));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
