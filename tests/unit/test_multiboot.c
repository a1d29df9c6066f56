/* SPDX-License-Identifier: MIT */
/* test_multiboot.c - multiboot 1: headers broken one at a time, load addresses, information. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "elf_rig.h"

#define MAGIC UINT64_C(0x1badb002)

enum { KLUDGE = 0x10000, AT = 0x40, FLAT = 0x2000, LOAD = 0x200000 };

/* With a right checksum. */
static void put_header(uint8_t *h, uint32_t flags)
{
    le_put(h, 4, MAGIC);
    le_put(h + 4, 4, flags);
    le_put(h + 8, 4, 0 - MAGIC - flags);
}

/* Not ELF: load addresses in the header at AT; loaded whole at LOAD, 0x1000 bytes of bss. */
static void build_flat(uint8_t *img)
{
    const struct patch patch[] = {
        { AT + 12, 4, LOAD + AT },    { AT + 16, 4, LOAD },
        { AT + 20, 4, LOAD + FLAT },  { AT + 24, 4, LOAD + FLAT + 0x1000 },
        { AT + 28, 4, LOAD + 0x100 },
    };

    for (unsigned i = 0; i < FLAT; i++)
        img[i] = (uint8_t)(i + i / 256);
    put_header(img + AT, KLUDGE | 3);
    apply(img, patch, ARRAY_LEN(patch));
}

/* L9. */
static const struct refusal refusals[] = {
    { "magic", "no header in the first 8 KiB", { { AT, 1, 3 } }, 0 },
    { "checksum", "wrong checksum", { { AT + 8, 1, 0x33 } }, 0 },
    { "cut in the header", "no header", { { 0 } }, AT + 11 },
    { "cut in the addresses", "past the first 8 KiB or the file", { { 0 } }, AT + 31 },
    { "load address above the header", "do not fit", { { AT + 16, 4, LOAD + AT + 1 } }, 0 },
    { "load address before the file", "do not fit", { { AT + 16, 4, LOAD - 1 } }, 0 },
    { "header address wraps", "do not fit", { { AT + 12, 4, UINT32_MAX } }, 0 },
    { "load end below", "load end 0x1fffff", { { AT + 20, 4, LOAD - 1 } }, 0 },
    { "load end empty", "load end 0x200000", { { AT + 20, 4, LOAD } }, 0 },
    { "load end past the file", "truncated", { { AT + 20, 4, LOAD + FLAT + 1 } }, 0 },
    { "load end highest", "truncated", { { AT + 20, 4, UINT32_MAX } }, 0 },
    { "file cut", "truncated", { { 0 } }, FLAT - 1 },
    { "bss end below", "bss end 0x201fff", { { AT + 24, 4, LOAD + FLAT - 1 } }, 0 },
    { "bss end 1", "bss end 0x1", { { AT + 24, 4, 1 } }, 0 },
    { "entry below", "entry 0x1fffff", { { AT + 28, 4, LOAD - 1 } }, 0 },
    { "entry above", "entry 0x203000", { { AT + 28, 4, LOAD + FLAT + 0x1000 } }, 0 },
    { "entry 0", "entry 0x0", { { AT + 28, 4, 0 } }, 0 },
};

static void refuses(void **state)
{
    const struct refusal *row = *state;
    size_t len = row->len != 0 ? row->len : FLAT;
    struct vitro_err err = { 0 };
    uint8_t img[FLAT], *file;
    struct image out;

    build_flat(img);
    apply(img, row->patch, ARRAY_LEN(row->patch));
    file = exact_file(img, len);
    check_refused(image_boot(IMAGE_MULTIBOOT, file, len, &out, &err), &err, VITRO_ERR_IMAGE,
                  row->words);
    free_file(file);
}

static void refused_flags(uint32_t flags, const char *words)
{
    struct vitro_err err = { 0 };
    uint8_t img[FLAT];
    struct image out;

    build_flat(img);
    put_header(img + AT, flags);
    check_refused(image_boot(IMAGE_MULTIBOOT, img, FLAT, &out, &err), &err, VITRO_ERR_IMAGE, words);
}

static void flags(void **state)
{
    struct vitro_err err = { 0 };
    uint8_t img[FLAT];
    struct image out;

    (void)state;
    for (unsigned bit = 3; bit < 16; bit++)
        refused_flags(KLUDGE | 1u << bit, "demand what is not known");
    refused_flags(3, "neither an ELF file nor load addresses");
    build_flat(img);
    put_header(img + AT, 0xffff0003); /* the others may be ignored */
    assert_int_equal(image_boot(IMAGE_MULTIBOOT, img, FLAT, &out, &err), 0);
    assert_string_equal(out.found, "multiboot kernel (load addresses in its header, 32-bit entry)");
    assert_string_equal(image_kind_name(out.kind), "multiboot");
}

/* In 4-byte steps, within 8 KiB to its last byte. */
static void search(void **state)
{
    static uint8_t img[0x4000];
    struct vitro_err err = { 0 };
    struct image out;

    (void)state;
    for (unsigned at = 8192 - 40; at < 8200; at++) {
        const struct patch patch[] = { { at + 12, 4, LOAD + at },
                                       { at + 16, 4, LOAD },
                                       { at + 28, 4, LOAD } };
        bool good = at % 4 == 0 && at + 32 <= 8192;

        memset(img, 0, sizeof(img));
        put_header(img + at, KLUDGE);
        apply(img, patch, ARRAY_LEN(patch));
        err = (struct vitro_err){ 0 };
        assert_int_equal(image_boot(IMAGE_MULTIBOOT, img, sizeof(img), &out, &err),
                         good ? 0 : -ENOEXEC);
    }
}

/* A magic number with a wrong checksum before the header is none. */
static void first_that_is_right(void **state)
{
    struct vitro_err err = { 0 };
    uint8_t img[FLAT];
    struct image out;

    (void)state;
    build_flat(img);
    le_put(img, 4, MAGIC);
    assert_int_equal(image_boot(IMAGE_MULTIBOOT, img, FLAT, &out, &err), 0);
}

static void load_addresses(void **state)
{
    const struct patch open_end[] = { { AT + 20, 4, 0 }, { AT + 24, 4, 0 } };
    const struct patch later[] = { { AT + 16, 4, LOAD + 0x20 } };
    static uint8_t img[FLAT];
    struct boot_plan p;
    struct board b;

    (void)state;
    board_init(&b, 64);
    build_flat(img);
    plan(IMAGE_MULTIBOOT, img, FLAT, &b, &p);
    assert_int_equal(part_named(&p, "kernel")->gpa, LOAD);
    assert_int_equal(part_named(&p, "kernel")->memsz, FLAT + 0x1000);
    assert_int_equal(p.entry, LOAD + 0x100);
    assert_memory_equal(planned(&p, LOAD, FLAT), img, FLAT);
    boot_plan_fini(&p);
    apply(img, open_end, 2);
    plan(IMAGE_MULTIBOOT, img, FLAT, &b, &p);
    assert_int_equal(part_named(&p, "kernel")->memsz, FLAT);
    boot_plan_fini(&p);
    apply(img, later, 1); /* the file's first 0x20 bytes are not loaded */
    plan(IMAGE_MULTIBOOT, img, FLAT, &b, &p);
    assert_int_equal(part_named(&p, "kernel")->gpa, LOAD + 0x20);
    assert_memory_equal(planned(&p, LOAD + 0x20, FLAT - 0x20), img + 0x20, FLAT - 0x20);
    boot_plan_fini(&p);
}

/* L9: a file that is both: the header's addresses win, as the specification has it. */
static void elf_with_addresses(void **state)
{
    const struct patch patch[] = {
        { ELF_TEXT + 12, 4, LOAD + ELF_TEXT },
        { ELF_TEXT + 16, 4, LOAD },
        { ELF_TEXT + 20, 8, 0 },
        { ELF_TEXT + 28, 4, LOAD + 8 },
    };
    struct elf_kernel k;
    struct boot_plan p;
    struct board b;

    (void)state;
    board_init(&b, 64);
    for (unsigned is64 = 0; is64 < 2; is64++) {
        elf_kernel_build(&k, is64);
        put_header(k.bytes + ELF_TEXT, 0);
        plan(IMAGE_MULTIBOOT, k.bytes, ELF_FILE, &b, &p);
        assert_int_equal(p.entry, ELF_ENTRY);
        assert_int_equal(part_named(&p, "kernel code")->gpa, ELF_LOAD);
        boot_plan_fini(&p);
        put_header(k.bytes + ELF_TEXT, KLUDGE);
        apply(k.bytes, patch, ARRAY_LEN(patch));
        plan(IMAGE_MULTIBOOT, k.bytes, ELF_FILE, &b, &p);
        assert_int_equal(p.entry, LOAD + 8);
        assert_int_equal(part_named(&p, "kernel")->gpa, LOAD);
        boot_plan_fini(&p);
    }
}

static const uint8_t module_bytes[5000] = { [0] = 0x42, [4999] = 0x43 };

static const char *text_at(const struct boot_plan *p, gpa_t field)
{
    return (const char *)planned(p, planned_word(p, field, 4), 1);
}

static void information(void **state)
{
    const struct boot_module initrd = { module_bytes, 5000, "first" };
    const struct boot_module module[2] = { { module_bytes, 0, NULL }, { module_bytes, 1, "x y" } };
    struct elf_kernel k;
    struct boot_plan p;
    struct board b;
    gpa_t info, map, list;

    (void)state;
    elf_kernel_build(&k, false);
    put_header(k.bytes + ELF_TEXT, 3);
    board_init(&b, 64);
    b.req.cmdline = "debug";
    b.req.initrd = &initrd;
    b.req.module = module;
    b.req.nmodules = 2;
    plan(IMAGE_MULTIBOOT, k.bytes, ELF_FILE, &b, &p);
    info = p.rbx;
    assert_int_equal(planned_word(&p, info, 4),
                     0x24d); /* memory, command line, modules, map, name */
    assert_int_equal(planned_word(&p, info + 4, 4), 0x9fc00 / 1024);
    assert_int_equal(planned_word(&p, info + 8, 4), 63 * 1024);
    assert_string_equal(text_at(&p, info + 16), "debug");
    assert_string_equal(text_at(&p, info + 64), "Vitro");
    assert_int_equal(planned_word(&p, info + 44, 4), 4 * 24);
    map = planned_word(&p, info + 48, 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(planned_word(&p, map + 24 * i, 4), 20);
        assert_int_equal(planned_word(&p, map + 24 * i + 4, 8), b.row[i].base);
        assert_int_equal(planned_word(&p, map + 24 * i + 12, 8), b.row[i].len);
        assert_int_equal(planned_word(&p, map + 24 * i + 20, 4), b.row[i].type);
    }
    assert_int_equal(planned_word(&p, info + 20, 4), 3);
    list = planned_word(&p, info + 24, 4);
    assert_int_equal(planned_word(&p, list, 4), ELF_LOAD + ELF_MEMSZ); /* right above the kernel */
    assert_int_equal(planned_word(&p, list + 4, 4), ELF_LOAD + ELF_MEMSZ + 5000);
    assert_string_equal(text_at(&p, list + 8), "first");
    assert_int_equal(planned_word(&p, list + 16, 4), planned_word(&p, list + 20, 4));
    assert_int_equal(planned_word(&p, list + 24, 4), 0);
    assert_int_equal(planned_word(&p, list + 32, 4) % 4096, 0);
    assert_int_equal(planned_word(&p, list + 36, 4) - planned_word(&p, list + 32, 4), 1);
    assert_string_equal(text_at(&p, list + 40), "x y");
    boot_plan_fini(&p);
}

static void registers(void **state)
{
    struct elf_kernel k;
    struct x86_state s;
    struct boot_plan p;
    struct board b;

    (void)state;
    elf_kernel_build(&k, false);
    put_header(k.bytes + ELF_TEXT, 0);
    board_init(&b, 64);
    plan(IMAGE_MULTIBOOT, k.bytes, ELF_FILE, &b, &p);
    boot_state(&p, &s);
    assert_int_equal(s.gpr[X86_RAX], 0x2badb002);
    assert_int_equal(s.gpr[X86_RBX], p.rbx);
    assert_int_equal(s.cr0, X86_CR0_PE | X86_CR0_ET);
    assert_int_equal(s.rflags, 2);
    assert_int_equal(planned_word(&p, p.rbx, 4), 0x249); /* no command line */
    assert_int_equal(planned_word(&p, p.rbx + 20, 4), 0);
    boot_plan_fini(&p);
}

static void screen(void **state)
{
    struct elf_kernel k;
    struct boot_plan p;
    struct board b;

    (void)state;
    elf_kernel_build(&k, false);
    put_header(k.bytes + ELF_TEXT, 4);
    board_init(&b, 64);
    plan_refused(IMAGE_MULTIBOOT, k.bytes, ELF_FILE, &b, VITRO_ERR_IMAGE, "demands a screen");
    b.req.vga_text = true;
    plan(IMAGE_MULTIBOOT, k.bytes, ELF_FILE, &b, &p);
    assert_true(planned_word(&p, p.rbx, 4) & 0x1000);
    assert_int_equal(planned_word(&p, p.rbx + 88, 8), 0xb8000);
    assert_int_equal(planned_word(&p, p.rbx + 96, 4), 160);
    assert_int_equal(planned_word(&p, p.rbx + 109, 1), 2);
    boot_plan_fini(&p);
}

static void plans_refused(void **state)
{
    const struct boot_module big = { module_bytes, 64 * MIB, NULL };
    struct elf_kernel k;
    struct board b;

    (void)state;
    elf_kernel_build(&k, false);
    put_header(k.bytes + ELF_TEXT, 0);
    board_init(&b, 64);
    b.req.module = &big;
    b.req.nmodules = 1;
    plan_refused(IMAGE_MULTIBOOT, k.bytes, ELF_FILE, &b, VITRO_ERR_IMAGE, "no room for the module");
    b.req.nmodules = 0;
    b.req.cmdline = "a\nb";
    plan_refused(IMAGE_MULTIBOOT, k.bytes, ELF_FILE, &b, VITRO_ERR_USAGE, "byte 1 is 0x0a");
    b.req.cmdline = NULL;
    b.row[3].base = 2 * MIB;
    plan_refused(IMAGE_MULTIBOOT, k.bytes, ELF_FILE, &b, VITRO_ERR_IMAGE, "not in the guest's RAM");
}

/* A kernel at the end of RAM: modules go below it. */
static void modules_below(void **state)
{
    const struct boot_module module = { module_bytes, 5000, NULL };
    static uint8_t img[FLAT];
    struct boot_plan p;
    struct board b;

    (void)state;
    build_flat(img);
    board_init(&b, 3);
    b.row[3].len = LOAD + FLAT + 0x1000 - MIB;
    b.req.module = &module;
    b.req.nmodules = 1;
    plan(IMAGE_MULTIBOOT, img, FLAT, &b, &p);
    assert_int_equal(part_named(&p, "module")->gpa, MIB);
    boot_plan_fini(&p);
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(flags),
        cmocka_unit_test(search),
        cmocka_unit_test(first_that_is_right),
        cmocka_unit_test(load_addresses),
        cmocka_unit_test(elf_with_addresses),
        cmocka_unit_test(information),
        cmocka_unit_test(registers),
        cmocka_unit_test(screen),
        cmocka_unit_test(plans_refused),
        cmocka_unit_test(modules_below),
    };
    struct CMUnitTest tests[ARRAY_LEN(refusals) + ARRAY_LEN(others)];

    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        tests[i] = (struct CMUnitTest){ .name = refusals[i].name,
                                        .test_func = refuses,
                                        .initial_state = (void *)(uintptr_t)&refusals[i] };
    memcpy(tests + ARRAY_LEN(refusals), others, sizeof(others));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
