/* SPDX-License-Identifier: MIT */
/* test_linux.c - where the plans for Linux put things and what its kernel finds there; Debian's kernels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "bzimage_rig.h"
#include "x86/walk.h"

static void plan_patched(const struct patch *patch, size_t n, const struct board *b,
                         struct boot_plan *out)
{
    static uint8_t img[IMAGE]; /* borrowed by the plan */

    bzimage_build(img);
    apply(img, patch, n);
    plan(IMAGE_BZIMAGE, img, IMAGE, b, out);
}

static void patched_refused(const struct patch *patch, size_t n, const struct board *b,
                            enum vitro_err_class class, const char *words)
{
    uint8_t img[IMAGE];

    bzimage_build(img);
    apply(img, patch, n);
    plan_refused(IMAGE_BZIMAGE, img, IMAGE, b, class, words);
}

static void zero_page(void **state)
{
    struct boot_plan p;
    struct board b;
    gpa_t page;

    (void)state;
    board_init(&b, 64);
    b.req.cmdline = "console=ttyS0 name=\xc3\xa9";
    plan_patched(NULL, 0, &b, &p);
    page = p.rsi;
    assert_int_equal(part_named(&p, "zero page")->gpa, page);
    assert_int_equal(planned_word(&p, page + 0x1ef, 1), 0); /* sentinel */
    assert_int_equal(planned_word(&p, page + SETUP_SECTS, 1), SECTS);
    assert_int_equal(planned_word(&p, page + BOOT_FLAG, 2), 0xaa55);
    assert_memory_equal(planned(&p, page + HEADER, 4), "HdrS", 4);
    assert_int_equal(planned_word(&p, page + KERNEL_INFO, 4), 0x500);
    assert_int_equal(planned_word(&p, page + 0x26c, 4), 0); /* past the header nothing is copied */
    assert_int_equal(planned_word(&p, page + LOADER, 1), 0xff);
    assert_int_equal(planned_word(&p, page + CODE32, 4), 0x1000000);
    assert_string_equal((const char *)planned(&p, planned_word(&p, page + CMD_LINE, 4), 22),
                        b.req.cmdline);
    assert_int_equal(planned_word(&p, page + RAMDISK, 4), 0);
    assert_int_equal(planned_word(&p, page + RAMDISK_SIZE, 4), 0);
    assert_int_equal(planned_word(&p, page + 0x70, 8), 0xe0000);
    assert_int_equal(planned_word(&p, page + 0x1e8, 1), 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(planned_word(&p, page + 0x2d0 + 20 * i, 8), b.row[i].base);
        assert_int_equal(planned_word(&p, page + 0x2d8 + 20 * i, 8), b.row[i].len);
        assert_int_equal(planned_word(&p, page + 0x2e0 + 20 * i, 4), b.row[i].type);
    }
    for (unsigned i = 0; i < 0x40; i++)
        assert_int_equal(planned_word(&p, page + i, 1), 0); /* no screen */
    boot_plan_fini(&p);
}

static void text_screen(void **state)
{
    struct boot_plan p;
    struct board b;

    (void)state;
    board_init(&b, 64);
    b.req.vga_text = true;
    plan_patched(NULL, 0, &b, &p);
    assert_int_equal(planned_word(&p, p.rsi + 6, 1), 3);
    assert_int_equal(planned_word(&p, p.rsi + 7, 1), 80);
    assert_int_equal(planned_word(&p, p.rsi + 0xe, 1), 25);
    assert_int_equal(planned_word(&p, p.rsi + 0xf, 1), 1);
    assert_int_equal(planned_word(&p, p.rsi + 0x10, 2), 16);
    assert_true(planned_word(&p, p.rsi + 0xa, 1) != 0x10); /* 0x10: no EGA or VGA */
    boot_plan_fini(&p);
}

static bool read_planned(void *ctx, uint64_t gpa, void *buf, unsigned len)
{
    memcpy(buf, planned(ctx, gpa, len), len);
    return true;
}

static void check_identity(struct boot_plan *p, const struct x86_state *s, gva_t gva)
{
    struct x86_phys phys = { read_planned, p };
    struct x86_paging_regs regs;
    struct x86_walk w;

    x86_paging_regs_from(s, 40, &regs);
    x86_walk(&regs, &phys, gva, &w);
    assert_int_equal(w.end, X86_WALK_MAPPED);
    assert_int_equal(w.gpa, gva);
    assert_true(w.writable && w.executable);
}

static void entry64(void **state)
{
    struct x86_state s;
    struct boot_plan p;
    struct board b;

    (void)state;
    board_init(&b, 64);
    plan_patched(NULL, 0, &b, &p);
    boot_state(&p, &s);
    assert_int_equal(p.start, X86_START_BOOT64);
    assert_int_equal(s.rip, 0x1000200);
    assert_int_equal(s.gpr[X86_RSI], p.rsi);
    assert_int_equal(s.rflags, 2);
    assert_int_equal(s.seg[X86_CS].selector, 0x10);
    assert_true(s.seg[X86_CS].l && !s.seg[X86_CS].db);
    for (unsigned i = 0; i < X86_NSREG; i++)
        assert_int_equal(s.seg[i].selector, i == X86_CS ? 0x10 : 0x18);
    assert_true(s.efer & X86_EFER_LMA);
    assert_int_equal(s.gdtr.limit, 0x1f);
    assert_int_equal(planned_word(&p, s.gdtr.base, 8), 0);
    assert_int_equal(planned_word(&p, s.gdtr.base + 0x10, 8), 0x00af9b000000ffff);
    assert_int_equal(planned_word(&p, s.gdtr.base + 0x18, 8), 0x00cf93000000ffff);
    check_identity(&p, &s, 0);
    check_identity(&p, &s, 0x1000200);
    check_identity(&p, &s, 3 * GIB + 0x1234567);
    check_identity(&p, &s, 4 * GIB - 1);
    for (unsigned i = 0; i < CODE; i += 255)
        assert_true(i - PAYLOAD < 4 || planned_word(&p, 0x1000000 + i, 1) == bzimage_code(i));
    assert_int_equal(part_named(&p, "kernel")->memsz, 0x300000);
    assert_false(has_part(&p, "unpacked kernel"));
    boot_plan_fini(&p);
}

static void entry32(void **state)
{
    const struct patch patch[] = { { XLOADFLAGS, 2, 0 }, { CODE32, 4, 0x100010 } };
    struct x86_state s;
    struct boot_plan p;
    struct board b;

    (void)state;
    board_init(&b, 64);
    plan_patched(patch, 2, &b, &p);
    boot_state(&p, &s);
    assert_int_equal(s.rip, 0x1000010);
    assert_int_equal(s.gpr[X86_RSI], p.rsi);
    assert_int_equal(s.cr0 & (X86_CR0_PE | X86_CR0_PG), X86_CR0_PE);
    assert_int_equal(s.efer, 0);
    assert_true(s.seg[X86_CS].db && !s.seg[X86_CS].l);
    assert_int_equal(planned_word(&p, s.gdtr.base + 0x10, 8), 0x00cf9b000000ffff);
    assert_false(has_part(&p, "page tables"));
    boot_plan_fini(&p);
}

/* memtest86+ is such a one: it stays where it is loaded, at 1 MiB. */
static void not_relocatable(void **state)
{
    const struct patch stays[] = { { RELOCATABLE, 1, 0 },
                                   { ALIGNMENT, 4, 0x1000 },
                                   { PREF_ADDRESS, 8, 0x100000 } };
    const struct patch moves[] = { { RELOCATABLE, 1, 0 } };
    const struct patch meets[] = { { RELOCATABLE, 1, 0 },
                                   { ALIGNMENT, 4, 0x1000 },
                                   { PREF_ADDRESS, 8, 0x104000 } };
    const struct patch below[] = { { RELOCATABLE, 1, 0 },
                                   { ALIGNMENT, 4, 0x1000 },
                                   { PREF_ADDRESS, 8, 0x80000 } };
    struct boot_plan p;
    struct board b;

    (void)state;
    board_init(&b, 64);
    plan_patched(stays, 3, &b, &p);
    assert_int_equal(p.entry, 0x100200);
    assert_int_equal(part_named(&p, "kernel")->memsz, 0x300000);
    boot_plan_fini(&p);
    plan_patched(moves, 1, &b, &p);
    assert_int_equal(p.entry, 0x100200);
    assert_int_equal(part_named(&p, "kernel")->memsz, CODE);
    assert_int_equal(part_named(&p, "unpacked kernel")->gpa, 0x1000000);
    assert_int_equal(part_named(&p, "unpacked kernel")->memsz, 0x300000);
    boot_plan_fini(&p);
    plan_patched(meets, 3, &b, &p);
    assert_int_equal(part_named(&p, "kernel")->memsz, 0x304000);
    boot_plan_fini(&p);
    patched_refused(below, 3, &b, VITRO_ERR_IMAGE, "over its own code");
}

/* A hole at the preferred address: the next aligned one above. */
static void relocated(void **state)
{
    struct boot_plan p;
    struct board b;

    (void)state;
    board_init(&b, 64);
    b.row[3].len = 15 * MIB + 4096;
    b.row[4] = (struct boot_row){ 17 * MIB, 47 * MIB, BOOT_ROW_RAM };
    b.req.nrows = 5;
    plan_patched(NULL, 0, &b, &p);
    assert_int_equal(p.entry, 18 * MIB + 0x200);
    assert_int_equal(planned_word(&p, p.rsi + CODE32, 4), 18 * MIB);
    boot_plan_fini(&p);
}

static void too_little_memory(void **state)
{
    const struct patch stays[] = { { RELOCATABLE, 1, 0 } };
    struct boot_plan p;
    struct board b;

    (void)state;
    board_init(&b, 18);
    patched_refused(NULL, 0, &b, VITRO_ERR_IMAGE, "3072 KiB of RAM");
    patched_refused(stays, 1, &b, VITRO_ERR_IMAGE, "not in the guest's RAM");
    board_init(&b, 19);
    plan_patched(NULL, 0, &b, &p);
    boot_plan_fini(&p);
    /* No low memory: the tables go above 1 MiB. None there either: no room. */
    b.row[0].len = 0x1000;
    plan_patched(NULL, 0, &b, &p);
    assert_in_range(p.rsi, MIB, 16 * MIB);
    boot_plan_fini(&p);
    b.row[3] = (struct boot_row){ 16 * MIB, 3 * MIB, BOOT_ROW_RAM };
    patched_refused(NULL, 0, &b, VITRO_ERR_IMAGE, "no room for the zero page");
}

/* ---- initrd and command line ------------------------------------------------------------------ */

static uint8_t initrd_bytes[3 * MIB + 5] = { [0] = 0x1f, [3 * MIB + 4] = 0x99 };

static void initrd_at(unsigned mib, const struct patch *patch, size_t n, gpa_t want)
{
    struct boot_module initrd = { .bytes = initrd_bytes, .len = sizeof(initrd_bytes) };
    struct boot_plan p;
    struct board b;

    board_init(&b, mib);
    b.req.initrd = &initrd;
    plan_patched(patch, n, &b, &p);
    assert_int_equal(part_named(&p, "initrd")->gpa, want);
    assert_int_equal(planned_word(&p, p.rsi + RAMDISK, 4), want & UINT32_MAX);
    assert_int_equal(planned_word(&p, p.rsi + 0xc0, 4), want >> 32);
    assert_int_equal(planned_word(&p, p.rsi + RAMDISK_SIZE, 4), sizeof(initrd_bytes));
    assert_int_equal(planned_word(&p, p.rsi + 0xc4, 4), 0);
    assert_int_equal(planned_word(&p, want, 1), 0x1f);
    assert_int_equal(planned_word(&p, want + 3 * MIB + 4, 1), 0x99);
    boot_plan_fini(&p);
}

static void initrd_as_high_as_it_goes(void **state)
{
    const struct patch limit[] = { { INITRD_MAX, 4, 0x27fffff } };

    (void)state;
    initrd_at(64, NULL, 0, 61 * MIB - 4096);
    initrd_at(4096, NULL, 0, 2048 * MIB - 3 * MIB - 4096);
    initrd_at(64, limit, 1, 40 * MIB - 3 * MIB - 4096);
}

static void initrd_above_4g(void **state)
{
    const struct patch low[] = { { INITRD_MAX, 4, 0x1ffffff },
                                 { INIT_SIZE, 4, 0xe00000 },
                                 { XLOADFLAGS, 2, 3 } };
    const struct patch no_high[] = { { INITRD_MAX, 4, 0x1ffffff },
                                     { INIT_SIZE, 4, 0xe00000 },
                                     { XLOADFLAGS, 2, 1 } };
    struct boot_module initrd = { .bytes = initrd_bytes, .len = sizeof(initrd_bytes) };
    struct boot_plan p;
    struct board b;

    (void)state;
    initrd_at(64, low, 3, 13 * MIB - 4096); /* below the kernel there is room */
    board_init(&b, 4096);
    b.row[3] = (struct boot_row){ 16 * MIB, 3 * GIB - 16 * MIB, BOOT_ROW_RAM };
    b.req.initrd = &initrd;
    plan_patched(low, 3, &b, &p); /* in the last 2 MiB below the limit there is not */
    assert_int_equal(part_named(&p, "initrd")->gpa, 5 * GIB - 3 * MIB - 4096);
    assert_int_equal(planned_word(&p, p.rsi + 0xc0, 4), 1);
    assert_int_equal(planned_word(&p, p.rsi + RAMDISK, 4), GIB - 3 * MIB - 4096);
    boot_plan_fini(&p);
    patched_refused(no_high, 3, &b, VITRO_ERR_IMAGE, "no room for the initrd");
}

static void initrd_refused(void **state)
{
    static const struct patch limit[] = { { INITRD_MAX, 4, 0x300000 } };
    struct boot_module initrd = { .bytes = initrd_bytes, .len = 100 * MIB };
    struct boot_module module = { .bytes = initrd_bytes, .len = 1 };
    struct board b;

    (void)state;
    board_init(&b, 64);
    b.req.initrd = &initrd;
    patched_refused(NULL, 0, &b, VITRO_ERR_IMAGE, "no room for the initrd, 102400 KiB");
    initrd.len = 3 * MIB;
    patched_refused(limit, 1, &b, VITRO_ERR_IMAGE, "between 0x100000 and 0x300000");
    b.req.initrd = NULL;
    b.req.module = &module;
    b.req.nmodules = 1;
    patched_refused(NULL, 0, &b, VITRO_ERR_USAGE, "modules");
}

/* L12. */
static void command_lines(void **state)
{
    static const struct row {
        const char *text, *words;
    } rows[] = {
        { "a\nb", "byte 1 is 0x0a" }, { "\x7f", "0x7f" },         { "caf\xe9", "byte 3 is 0xe9" },
        { "\xc0\x80", "0xc0" },       { "\xed\xa0\x80", "0xed" }, { "\xf4\x90\x80\x80", "0xf4" },
        { "\xe2\x82", "0xe2" },       { "\xe2\x82(", "0xe2" },    { "\xff", "0xff" },
    };
    static const char *const good[] = { "", "a\tb", "\xe2\x82\xac", "\xf0\x9f\x90\xa7", "~" };
    const struct patch shorter[] = { { CMDLINE_SIZE, 4, 5 } };
    struct boot_plan p;
    struct board b;

    (void)state;
    board_init(&b, 64);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        b.req.cmdline = rows[i].text;
        patched_refused(NULL, 0, &b, VITRO_ERR_USAGE, rows[i].words);
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        b.req.cmdline = good[i];
        plan_patched(NULL, 0, &b, &p);
        boot_plan_fini(&p);
    }
    b.req.cmdline = "12345";
    plan_patched(shorter, 1, &b, &p);
    boot_plan_fini(&p);
    b.req.cmdline = "123456";
    patched_refused(shorter, 1, &b, VITRO_ERR_USAGE, "takes at most 5");
}

static void placed(void **state)
{
    struct mem_slot slot = { .len = 64 * MIB, .name = "RAM" };
    struct vitro_err err = { 0 };
    struct mem mem = { 0 };
    struct boot_plan p;
    struct board b;

    (void)state;
    board_init(&b, 64);
    b.req.cmdline = "quiet";
    plan_patched(NULL, 0, &b, &p);
    slot.host = calloc(1, slot.len);
    assert_non_null(slot.host);
    assert_int_equal(mem_add(&mem, &slot, &err), 0);
    assert_int_equal(boot_place(&p, &mem, &err), 0);
    assert_memory_equal(slot.host + 0x1000000, planned(&p, 0x1000000, CODE), CODE);
    assert_memory_equal(slot.host + p.rsi, planned(&p, p.rsi, 4096), 4096);
    assert_int_equal(mem.nnotes, p.nparts);
    assert_string_equal(mem.note[0].name, "kernel");
    mem.slot[0].len = 16 * MIB;
    assert_int_equal(boot_place(&p, &mem, &err), -ENOEXEC);
    assert_int_equal(err.kind, VITRO_ERR_IMAGE);
    free(slot.host);
    boot_plan_fini(&p);
    assert_int_equal(p.nbuilt, 0);
}

/* ---- Debian's --------------------------------------------------------------------------------- */

static void real_kernel(const char *name, const char *words, gpa_t entry, unsigned mib)
{
    struct vitro_err err = { 0 };
    struct boot_plan p;
    struct image img;
    struct board b;
    size_t len;
    uint8_t *bytes = guest_file(name, &len);

    if (bytes == NULL)
        skip();
    assert_int_equal(image_boot(IMAGE_BZIMAGE, bytes, len, &img, &err), 0);
    if (strstr(img.found, words) == NULL)
        fail_msg("%s does not say %s", img.found, words);
    board_init(&b, mib);
    b.req.cmdline = "console=ttyS0";
    plan(IMAGE_BZIMAGE, bytes, len, &b, &p);
    assert_int_equal(p.entry, entry);
    boot_plan_fini(&p);
    free(bytes);
}

static void debian_cloud(void **state)
{
    (void)state;
    real_kernel("vmlinuz-cloud", "-cloud-amd64 (protocol 2.15, 64-bit entry, LZ4)", 0x1000200, 128);
}

static void debian(void **state)
{
    (void)state;
    real_kernel("vmlinuz", "-amd64 (protocol 2.15, 64-bit entry, XZ)", 0x1000200, 128);
}

static void memtest64(void **state)
{
    (void)state;
    real_kernel("memtest64.bin", "Memtest86+", 0x100200, 8);
}

static void memtest32(void **state)
{
    (void)state;
    real_kernel("memtest32.bin", "32-bit entry", 0x100000, 8);
}

/* The ELF file inside: entered at startup_64, four segments where its linker put them. */
static void debian_vmlinux(void **state)
{
    struct boot_module initrd = { .bytes = initrd_bytes, .len = sizeof(initrd_bytes) };
    struct boot_plan p;
    struct board b;
    size_t len;
    uint8_t *bytes = guest_file("vmlinux-cloud", &len);

    (void)state;
    if (bytes == NULL)
        skip();
    board_init(&b, 256);
    b.req.cmdline = "console=ttyS0";
    b.req.initrd = &initrd;
    plan(IMAGE_VMLINUX, bytes, len, &b, &p);
    assert_int_equal(p.start, X86_START_BOOT64);
    assert_int_equal(p.entry, 0x1000000);
    assert_int_equal(part_named(&p, "kernel code")->gpa, 0x1000000);
    assert_memory_equal(planned(&p, p.rsi + HEADER, 4), "HdrS", 4);
    assert_int_equal(planned_word(&p, p.rsi + BOOT_FLAG, 2), 0xaa55);
    assert_int_equal(planned_word(&p, p.rsi + LOADER, 1), 0xff);
    assert_string_equal((const char *)planned(&p, planned_word(&p, p.rsi + CMD_LINE, 4), 14),
                        b.req.cmdline);
    assert_int_equal(planned_word(&p, p.rsi + RAMDISK, 4), part_named(&p, "initrd")->gpa);
    assert_int_equal(planned_word(&p, p.rsi + 0x1e8, 1), 4);
    boot_plan_fini(&p);
    board_init(&b, 32);
    plan_refused(IMAGE_VMLINUX, bytes, len, &b, VITRO_ERR_IMAGE, "not in the guest's RAM");
    free(bytes);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_page),         cmocka_unit_test(text_screen),
        cmocka_unit_test(entry64),           cmocka_unit_test(entry32),
        cmocka_unit_test(not_relocatable),   cmocka_unit_test(relocated),
        cmocka_unit_test(too_little_memory), cmocka_unit_test(initrd_as_high_as_it_goes),
        cmocka_unit_test(initrd_above_4g),   cmocka_unit_test(initrd_refused),
        cmocka_unit_test(command_lines),     cmocka_unit_test(placed),
        cmocka_unit_test(debian_cloud),      cmocka_unit_test(debian),
        cmocka_unit_test(memtest64),         cmocka_unit_test(memtest32),
        cmocka_unit_test(debian_vmlinux),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
