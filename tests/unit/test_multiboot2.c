/* SPDX-License-Identifier: MIT */
/* test_multiboot2.c - multiboot 2: header tags, load addresses, information tags. */
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

#define MAGIC UINT64_C(0xe85250d6)

enum { LOAD = 0x200000, FLAT = 0x1000, AT = 0x40 };

/* A header under way. */
struct header {
    uint8_t *bytes;
    unsigned len;
};

static void finish(struct header *h)
{
    le_put(h->bytes, 4, MAGIC);
    le_put(h->bytes + 4, 4, 0);
    le_put(h->bytes + 8, 4, h->len);
    le_put(h->bytes + 12, 4, 0 - MAGIC - h->len);
}

static struct header begin(uint8_t *at)
{
    struct header h = { at, 16 };

    memset(at, 0, 256);
    return h;
}

/* A tag with n words after its head. */
static void tag(struct header *h, unsigned type, unsigned flags, unsigned n, const uint32_t *words)
{
    uint8_t *t = h->bytes + h->len;

    le_put(t, 2, type);
    le_put(t + 2, 2, flags);
    le_put(t + 4, 4, 8 + 4 * n);
    for (unsigned i = 0; i < n; i++)
        le_put(t + 8 + 4 * i, 4, words[i]);
    h->len += (8 + 4 * n + 7) & ~7u;
}

#define TAG(h, type, flags, ...)                                          \
    tag(h, type, flags, sizeof((uint32_t[]){ 0, ##__VA_ARGS__ }) / 4 - 1, \
        (uint32_t[]){ 0, ##__VA_ARGS__ } + 1)

static void end(struct header *h)
{
    TAG(h, 0, 0);
    finish(h);
}

/* ---- the header ------------------------------------------------------------------------------ */

static void boot_says(const struct elf_kernel *k, const char *words)
{
    struct vitro_err err = { 0 };
    struct image out;
    int rc = image_boot(IMAGE_MULTIBOOT2, k->bytes, ELF_FILE, &out, &err);

    if (words == NULL && rc != 0)
        fail_msg("refused: %s", err.text);
    if (words != NULL)
        check_refused(rc, &err, VITRO_ERR_IMAGE, words);
}

/* The kernel with one tag. */
static void one_tag(unsigned type, unsigned flags, unsigned n, const uint32_t *words,
                    const char *refusal)
{
    struct elf_kernel k;
    struct header h;

    elf_kernel_build(&k, true);
    h = begin(k.bytes + ELF_TEXT);
    tag(&h, type, flags, n, words);
    end(&h);
    boot_says(&k, refusal);
}

static void tags(void **state)
{
    const uint32_t known[] = { 1, 2, 4, 6, 8, 9, 14, 21 }, odd[] = { 6, 22 }, screen[] = { 3 };
    const uint32_t zero[8] = { 0 };

    (void)state;
    one_tag(1, 0, 8, known, NULL);
    one_tag(1, 0, 2, odd, "information of unknown type 22");
    one_tag(1, 1, 2, odd, NULL);
    one_tag(4, 0, 1, screen, NULL);
    one_tag(5, 0, 3, zero, NULL);
    one_tag(6, 0, 0, NULL, NULL);
    one_tag(7, 0, 0, NULL, "EFI boot services");
    one_tag(7, 1, 0, NULL, NULL);
    one_tag(8, 0, 1, zero, NULL);
    one_tag(9, 0, 1, zero, NULL);
    one_tag(10, 0, 4, zero, NULL);
    one_tag(11, 0, 0, NULL, "demands header tag 11");
    one_tag(11, 1, 0, NULL, NULL);
    one_tag(65535, 0, 0, NULL, "demands header tag 65535");
    one_tag(2, 0, 3, zero, "header tag 2 has 20 bytes, must have 24");
    one_tag(3, 0, 0, NULL, "header tag 3 has 8 bytes");
    one_tag(4, 0, 0, NULL, "header tag 4 has 8 bytes");
    one_tag(5, 0, 2, zero, "header tag 5 has 16 bytes");
    one_tag(10, 0, 3, zero, "header tag 10 has 20 bytes");
    one_tag(3, 0, 1, zero, "entry 0x0 is outside");
    one_tag(2, 0, 4, zero, "without an entry address");
}

static void header_refused(const struct patch *patch, size_t n, bool sum, const char *words)
{
    struct elf_kernel k;
    struct header h;

    elf_kernel_build(&k, true);
    h = begin(k.bytes + ELF_TEXT);
    TAG(&h, 1, 1, 4);
    end(&h);
    apply(h.bytes, patch, n);
    if (sum)
        le_put(h.bytes + 12, 4, 0 - MAGIC - le_get(h.bytes + 4, 4) - le_get(h.bytes + 8, 4));
    boot_says(&k, words);
}

#define BROKEN(sum, words, off, width, value)                   \
    do {                                                        \
        const struct patch patch[] = { { off, width, value } }; \
        header_refused(patch, 1, sum, words);                   \
    } while (0)

static void headers(void **state)
{
    (void)state;
    BROKEN(false, "no header in the first 32 KiB", 0, 1, 0);
    BROKEN(false, "wrong checksum", 12, 1, 0);
    BROKEN(true, "architecture 0x4", 4, 4, 4);
    BROKEN(true, "past the first 32 KiB or the file", 8, 4, 0x401);
    BROKEN(true, "past the first 32 KiB or the file", 8, 4, UINT32_MAX);
    BROKEN(true, "no end tag", 8, 4, 0);
    BROKEN(true, "no end tag", 8, 4, 16);
    BROKEN(true, "no end tag", 8, 4, 32);
    BROKEN(true, "no end tag", 8, 4, 39);
    BROKEN(false, "header tag 1 has 0x7 bytes", 20, 4, 7);
    BROKEN(false, "header tag 1 has 0x0 bytes", 20, 4, 0);
    BROKEN(false, "header tag 1 has 0xffffffff bytes", 20, 4, UINT32_MAX);
    BROKEN(false, "header tag 1 has 0x19 bytes", 20, 4, 25);
    BROKEN(false, "header tag 0 has 0x7 bytes", 36, 4, 7);
}

static void search(void **state)
{
    static uint8_t img[0x9000];
    const unsigned len = 16 + 24 + 16 + 8;
    struct vitro_err err = { 0 };
    struct image out;

    (void)state;
    for (unsigned at = 32768 - 80; at < 32768 + 16; at++) {
        bool good = at % 8 == 0 && at + len <= 32768;
        struct header h;

        memset(img, 0, sizeof(img));
        h = begin(img + at);
        TAG(&h, 2, 0, LOAD + at, LOAD, 0, 0);
        TAG(&h, 3, 0, LOAD);
        end(&h);
        assert_int_equal(h.len, len);
        err = (struct vitro_err){ 0 };
        assert_int_equal(image_boot(IMAGE_MULTIBOOT2, img, sizeof(img), &out, &err),
                         good ? 0 : -ENOEXEC);
    }
}

/* ---- load addresses and plans ----------------------------------------------------------------- */

static void build_flat(uint8_t *img, const uint32_t addresses[4], uint32_t entry)
{
    struct header h;

    for (unsigned i = 0; i < FLAT; i++)
        img[i] = (uint8_t)(i + i / 256);
    h = begin(img + AT);
    tag(&h, 2, 0, 4, addresses);
    TAG(&h, 3, 0, entry);
    end(&h);
}

/* L9, for the second version. */
static void refused_addresses(void **state)
{
    static const struct row {
        uint32_t addresses[4], entry;
        const char *words;
    } rows[] = {
        { { LOAD + AT, LOAD + AT + 1, 0, 0 }, LOAD, "do not fit" },
        { { LOAD + AT, LOAD - 1, 0, 0 }, LOAD, "do not fit" },
        { { AT - 1, UINT32_MAX, 0, 0 }, LOAD, "do not fit" },
        { { LOAD + AT, LOAD, LOAD, 0 }, LOAD, "load end 0x200000" },
        { { LOAD + AT, LOAD, LOAD + FLAT + 1, 0 }, LOAD, "truncated" },
        { { LOAD + AT, LOAD, UINT32_MAX, 0 }, LOAD, "truncated" },
        { { LOAD + AT, LOAD, 0, LOAD + FLAT - 1 }, LOAD, "bss end" },
        { { LOAD + AT, LOAD, 0, 0 }, LOAD - 1, "entry 0x1fffff" },
        { { LOAD + AT, LOAD, 0, 0 }, LOAD + FLAT, "entry 0x201000" },
    };
    uint8_t img[FLAT];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct vitro_err err = { 0 };
        struct image out;

        build_flat(img, rows[i].addresses, rows[i].entry);
        check_refused(image_boot(IMAGE_MULTIBOOT2, img, FLAT, &out, &err), &err, VITRO_ERR_IMAGE,
                      rows[i].words);
    }
}

static void load_addresses(void **state)
{
    const uint32_t whole[4] = { LOAD + AT, UINT32_MAX, LOAD + 0x800, LOAD + 0x4000 };
    const uint32_t highest[4] = { 0xfffff000u + AT, 0xfffff000u, 0, UINT32_MAX };
    static uint8_t img[FLAT];
    struct vitro_err err = { 0 };
    struct boot_plan p;
    struct image out;
    struct board b;

    (void)state;
    board_init(&b, 64);
    build_flat(img, whole, LOAD + 0x100);
    plan(IMAGE_MULTIBOOT2, img, FLAT, &b, &p);
    assert_int_equal(part_named(&p, "kernel")->gpa, LOAD);
    assert_int_equal(part_named(&p, "kernel")->len, 0x800);
    assert_int_equal(part_named(&p, "kernel")->memsz, 0x4000);
    assert_memory_equal(planned(&p, LOAD, 0x800), img, 0x800);
    boot_plan_fini(&p);
    build_flat(img, highest, 0xfffff000u);
    /* The load end is at 4 GiB, and no bss end can say so. */
    check_refused(image_boot(IMAGE_MULTIBOOT2, img, FLAT, &out, &err), &err, VITRO_ERR_IMAGE,
                  "bss end");
}

/* The information's tag of that type, from the first or after another; its bytes are planned. */
static gpa_t info_tag(const struct boot_plan *p, unsigned type, gpa_t after)
{
    gpa_t at = after != 0 ? after : p->rbx + 8;

    if (after != 0)
        at += (planned_word(p, at + 4, 4) + 7) & ~UINT64_C(7);
    while (planned_word(p, at, 4) != 0) {
        if (planned_word(p, at, 4) == type)
            return at;
        at += (planned_word(p, at + 4, 4) + 7) & ~UINT64_C(7);
    }
    assert_int_equal(planned_word(p, at + 4, 4), 8);
    assert_int_equal(at + 8 - p->rbx, planned_word(p, p->rbx, 4));
    return 0;
}

static const uint8_t module_bytes[5000] = { [0] = 0x42, [4999] = 0x43 };

static void check_modules(const struct boot_plan *p)
{
    gpa_t m = info_tag(p, 3, 0);
    gpa_t start = planned_word(p, m + 8, 4);

    assert_int_equal(start, ELF_LOAD + ELF_MEMSZ);
    assert_int_equal(planned_word(p, m + 12, 4), start + 5000);
    assert_string_equal((const char *)planned(p, m + 16, 6), "first");
    assert_int_equal(planned_word(p, start, 1), 0x42);
    m = info_tag(p, 3, m);
    assert_int_equal(planned_word(p, m + 8, 4) % 4096, 0);
    assert_int_equal(planned_word(p, m + 16, 1), 0); /* no command line: an empty one */
    assert_int_equal(info_tag(p, 3, m), 0);
}

static void check_memory(const struct boot_plan *p, const struct board *b)
{
    gpa_t t = info_tag(p, 4, 0);

    assert_int_equal(planned_word(p, t + 8, 4), 639);
    assert_int_equal(planned_word(p, t + 12, 4), 63 * 1024);
    t = info_tag(p, 6, 0);
    assert_int_equal(planned_word(p, t + 4, 4), 16 + 4 * 24);
    assert_int_equal(planned_word(p, t + 8, 8), 24); /* bytes a row, version */
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(planned_word(p, t + 16 + 24 * i, 8), b->row[i].base);
        assert_int_equal(planned_word(p, t + 24 + 24 * i, 8), b->row[i].len);
        assert_int_equal(planned_word(p, t + 32 + 24 * i, 8), b->row[i].type);
    }
}

static void information(void **state)
{
    const struct boot_module initrd = { module_bytes, 5000, "first" };
    const struct boot_module module = { module_bytes, 1, NULL };
    struct elf_kernel k;
    struct boot_plan p;
    struct header h;
    struct board b;
    gpa_t t;

    (void)state;
    elf_kernel_build(&k, true);
    h = begin(k.bytes + ELF_TEXT);
    TAG(&h, 10, 0, 0, UINT32_MAX, 4096, 0);
    end(&h);
    board_init(&b, 64);
    b.req.cmdline = "debug";
    b.req.initrd = &initrd;
    b.req.module = &module;
    b.req.nmodules = 1;
    b.req.rsdp_len = 36;
    memcpy(b.req.rsdp_bytes, "RSD PTR and what follows, 36 bytes..", 36);
    plan(IMAGE_MULTIBOOT2, k.bytes, ELF_FILE, &b, &p);
    assert_int_equal(p.rbx % 8, 0);
    t = info_tag(&p, 1, 0);
    assert_string_equal((const char *)planned(&p, t + 8, 6), "debug");
    assert_int_equal(planned_word(&p, t + 4, 4), 14);
    assert_string_equal((const char *)planned(&p, info_tag(&p, 2, 0) + 8, 6), "Vitro");
    check_modules(&p);
    check_memory(&p, &b);
    t = info_tag(&p, 14, 0);
    assert_int_equal(planned_word(&p, t + 4, 4), 28);
    assert_memory_equal(planned(&p, t + 8, 20), b.req.rsdp_bytes, 20);
    t = info_tag(&p, 15, 0);
    assert_int_equal(planned_word(&p, t + 4, 4), 44);
    assert_memory_equal(planned(&p, t + 8, 36), b.req.rsdp_bytes, 36);
    assert_int_equal(planned_word(&p, info_tag(&p, 21, 0) + 8, 4), ELF_LOAD);
    assert_int_equal(info_tag(&p, 8, 0), 0);
    boot_plan_fini(&p);
}

static void registers(void **state)
{
    struct elf_kernel k;
    struct x86_state s;
    struct boot_plan p;
    struct header h;
    struct board b;

    (void)state;
    board_init(&b, 64);
    for (unsigned is64 = 0; is64 < 2; is64++) {
        elf_kernel_build(&k, is64);
        h = begin(k.bytes + ELF_TEXT);
        TAG(&h, 3, 0, ELF_LOAD + 0x80);
        end(&h);
        plan(IMAGE_MULTIBOOT2, k.bytes, ELF_FILE, &b, &p);
        boot_state(&p, &s);
        assert_int_equal(s.rip, ELF_LOAD + 0x80); /* the tag's, not the file's */
        assert_int_equal(s.gpr[X86_RAX], 0x36d76289);
        assert_int_equal(s.gpr[X86_RBX], p.rbx);
        assert_int_equal(s.cr0, X86_CR0_PE | X86_CR0_ET);
        for (unsigned type = 1; type < 22; type++) /* nothing that was not given */
            assert_int_equal(info_tag(&p, type, 0) != 0, type == 2 || type == 4 || type == 6);
        boot_plan_fini(&p);
    }
}

static void screen(void **state)
{
    static const struct row {
        unsigned type, flags, n;
        uint32_t words[3];
        bool demands;
    } rows[] = {
        { 4, 0, 1, { 1 }, true },      { 4, 0, 1, { 2 }, false },      { 4, 1, 1, { 1 }, false },
        { 5, 0, 3, { 80, 25 }, true }, { 5, 1, 3, { 80, 25 }, false },
    };
    struct elf_kernel k;
    struct boot_plan p;
    struct header h;
    struct board b;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        elf_kernel_build(&k, true);
        h = begin(k.bytes + ELF_TEXT);
        tag(&h, rows[i].type, rows[i].flags, rows[i].n, rows[i].words);
        end(&h);
        board_init(&b, 64);
        if (rows[i].demands) {
            plan_refused(IMAGE_MULTIBOOT2, k.bytes, ELF_FILE, &b, VITRO_ERR_IMAGE,
                         "demands a screen");
            b.req.vga_text = true;
        }
        plan(IMAGE_MULTIBOOT2, k.bytes, ELF_FILE, &b, &p);
        assert_int_equal(info_tag(&p, 8, 0) != 0, rows[i].demands);
        if (rows[i].demands)
            assert_int_equal(planned_word(&p, info_tag(&p, 8, 0) + 8, 8), 0xb8000);
        boot_plan_fini(&p);
    }
}

static void words(void **state)
{
    struct vitro_err err = { 0 };
    struct elf_kernel k;
    struct header h;
    struct image out;

    (void)state;
    elf_kernel_build(&k, true);
    h = begin(k.bytes + ELF_TEXT);
    end(&h);
    assert_int_equal(image_boot(IMAGE_MULTIBOOT2, k.bytes, ELF_FILE, &out, &err), 0);
    assert_string_equal(out.found, "multiboot 2 kernel (ELF64, 32-bit entry)");
    assert_string_equal(image_kind_name(out.kind), "multiboot2");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags),           cmocka_unit_test(headers),
        cmocka_unit_test(search),         cmocka_unit_test(refused_addresses),
        cmocka_unit_test(load_addresses), cmocka_unit_test(information),
        cmocka_unit_test(registers),      cmocka_unit_test(screen),
        cmocka_unit_test(words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
