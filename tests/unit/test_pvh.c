/* SPDX-License-Identifier: MIT */
/* test_pvh.c - ELF notes broken one at a time, the start by PVH note, Debian's kernels. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "boot/elf_notes.h"
#include "elf_rig.h"

#define PH(field, value)                                                                   \
    {                                                                                      \
        ELF_PH_NOTE + offsetof(Elf64_Phdr, field), sizeof(((Elf64_Phdr *)0)->field), value \
    }

static void build(struct elf_kernel *k, bool is64)
{
    elf_kernel_build(k, is64);
    elf_kernel_note(k, "GNU", 3, "0123456789abcdefghij", 20);
    elf_kernel_note(k, "Xen", 6, "linux", 6);
    elf_kernel_pvh(k, ELF_LOAD + 0x20, 4);
}

/* L6. The first note is 36 bytes, the second 24, the third 20: 80 in all. */
enum { N1 = ELF_NOTES, N2 = N1 + 36, N3 = N2 + 24, NOTES_LEN = 80 };

static const struct refusal refusals[] = {
    { "name past the end", "past the end of its segment", { { N1, 4, NOTES_LEN } }, 0 },
    { "name wraps", "a name of 0xffffffff", { { N1, 4, UINT32_MAX } }, 0 },
    { "text past the end", "a text of 0x5", { { N3 + 4, 4, 5 } }, 0 },
    { "text wraps", "a text of 0xffffffff", { { N1 + 4, 4, UINT32_MAX } }, 0 },
    { "ends in a note", "in the middle of one", { PH(p_filesz, NOTES_LEN - 9) }, 0 },
    { "ends in the last text", "past the end of its segment", { PH(p_filesz, NOTES_LEN - 1) }, 0 },
    { "segment past the end", "past the end or twice", { PH(p_offset, ELF_FILE - 8) }, 0 },
    { "segment wraps", "past the end or twice", { PH(p_filesz, UINT64_MAX) }, 0 },
    { "no note", "no PVH note", { { N3 + 8, 4, 19 } }, 0 },
    { "owner longer", "no PVH note", { { N3 + 15, 1, 'x' } }, 0 },
    { "no notes", "no PVH note", { PH(p_type, PT_NULL) }, 0 },
    { "entry of 2 bytes", "2 bytes, must be 4 or 8", { { N3 + 4, 4, 2 } }, 0 },
    { "entry below", "PVH entry 0xfffff", { { N3 + 16, 4, ELF_LOAD - 1 } }, 0 },
    { "entry above", "PVH entry 0x103000", { { N3 + 16, 4, ELF_LOAD + ELF_MEMSZ } }, 0 },
    { "entry highest", "PVH entry 0xffffffff", { { N3 + 16, 4, UINT32_MAX } }, 0 },
    { "not an executable", "not yet linked", { { 16, 2, ET_REL } }, 0 },
    { "cut", "outside the file", { { 0 } }, 100 },
};

static void refuses(void **state)
{
    const struct refusal *row = *state;
    size_t len = row->len != 0 ? row->len : ELF_FILE;
    struct vitro_err err = { 0 };
    struct elf_kernel k;
    struct image out;
    uint8_t *file;

    build(&k, true);
    assert_int_equal(k.notes_len, NOTES_LEN);
    apply(k.bytes, row->patch, ARRAY_LEN(row->patch));
    file = exact_file(k.bytes, len);
    check_refused(image_boot(IMAGE_PVH, file, len, &out, &err), &err, VITRO_ERR_IMAGE, row->words);
    free_file(file);
}

static void high_entry(void **state)
{
    struct vitro_err err = { 0 };
    struct elf_kernel k;
    struct image out;

    (void)state;
    elf_kernel_build(&k, true);
    elf_kernel_pvh(&k, 4 * GIB + ELF_ENTRY, 8);
    check_refused(image_boot(IMAGE_PVH, k.bytes, ELF_FILE, &out, &err), &err, VITRO_ERR_IMAGE,
                  "PVH entry 0x100100010");
}

static int find(const struct elf_kernel *k, const char *owner, uint32_t type, struct elf_note *out)
{
    struct vitro_err err = { 0 };

    return elf_note_find(k->bytes, ELF_FILE, owner, type, out, &err);
}

static void finds_notes(void **state)
{
    struct elf_kernel k;
    struct elf_note note;

    (void)state;
    for (unsigned is64 = 0; is64 < 2; is64++) {
        build(&k, is64);
        assert_int_equal(find(&k, "Xen", 6, &note), 1);
        assert_int_equal(note.len, 6);
        assert_memory_equal(note.desc, "linux", 6);
        assert_int_equal(find(&k, "GNU", 3, &note), 1);
        assert_int_equal(find(&k, "Xen", 3, &note), 0);
        assert_int_equal(find(&k, "Xe", 6, &note), 0);
        assert_int_equal(find(&k, "Xenon", 6, &note), 0);
    }
}

/* With an alignment of 8 the text of a note and the next note begin at multiples of 8. */
static void notes_of_8(void **state)
{
    const struct patch patch[] = {
        { N1, 4, 4 },       { N1 + 4, 4, 4 },  { N1 + 8, 4, 5 },   { N1 + 12, 4, 0x00554e47 },
        { N1 + 24, 4, 4 },  { N1 + 28, 4, 4 }, { N1 + 32, 4, 18 }, { N1 + 36, 4, 0x006e6558 },
        { N1 + 40, 4, 77 }, PH(p_filesz, 44),  PH(p_align, 8),
    };
    struct elf_kernel k;
    struct elf_note note;

    (void)state;
    elf_kernel_build(&k, true);
    apply(k.bytes, patch, ARRAY_LEN(patch));
    assert_int_equal(find(&k, "Xen", 18, &note), 1);
    assert_int_equal(note.len, 4);
    assert_int_equal(le_get(note.desc, 4), 77);
}

/* Many program headers over the same notes: refused, not read a thousand times. */
static void notes_twice(void **state)
{
    const struct patch patch[] = { { 64, 4, PT_NOTE },        { 64 + 8, 8, 0 },
                                   { 64 + 32, 8, ELF_FILE },  { 64 + 48, 8, 4 },
                                   { ELF_PH_NOTE + 8, 8, 0 }, { ELF_PH_NOTE + 32, 8, 12 } };
    struct vitro_err err = { 0 };
    struct elf_kernel k;
    struct elf_note note;

    (void)state;
    build(&k, true);
    apply(k.bytes, patch, ARRAY_LEN(patch));
    assert_int_equal(elf_note_find(k.bytes, ELF_FILE, "Xen", 18, &note, &err), -ENOEXEC);
}

/* ---- plans ----------------------------------------------------------------------------------- */

static const uint8_t module_bytes[5000] = { [0] = 0x42, [4999] = 0x43 };

static void check_map(const struct boot_plan *p, const struct board *b, gpa_t map)
{
    for (unsigned i = 0; i < b->req.nrows; i++) {
        assert_int_equal(planned_word(p, map + 24 * i, 8), b->row[i].base);
        assert_int_equal(planned_word(p, map + 24 * i + 8, 8), b->row[i].len);
        assert_int_equal(planned_word(p, map + 24 * i + 16, 8), b->row[i].type);
    }
}

static void start_info(void **state)
{
    const struct boot_module initrd = { module_bytes, 5000, "the initrd" };
    const struct boot_module module[2] = { { module_bytes, 0, NULL }, { module_bytes, 1, "x" } };
    struct elf_kernel k;
    struct boot_plan p;
    struct board b;
    gpa_t list;

    (void)state;
    build(&k, true);
    board_init(&b, 64);
    b.req.cmdline = "panic=-1";
    b.req.initrd = &initrd;
    b.req.module = module;
    b.req.nmodules = 2;
    plan(IMAGE_PVH, k.bytes, ELF_FILE, &b, &p);
    assert_int_equal(part_named(&p, "PVH start info")->gpa, p.rbx);
    assert_int_equal(planned_word(&p, p.rbx, 4), 0x336ec578);
    assert_int_equal(planned_word(&p, p.rbx + 4, 8), 1); /* version, flags */
    assert_int_equal(planned_word(&p, p.rbx + 12, 4), 3);
    assert_string_equal((const char *)planned(&p, planned_word(&p, p.rbx + 24, 8), 9), "panic=-1");
    assert_int_equal(planned_word(&p, p.rbx + 32, 8), 0xe0000);
    assert_int_equal(planned_word(&p, p.rbx + 48, 8), 4); /* rows, reserved */
    check_map(&p, &b, planned_word(&p, p.rbx + 40, 8));
    list = planned_word(&p, p.rbx + 16, 8);
    assert_int_equal(planned_word(&p, list, 8), part_named(&p, "initrd")->gpa);
    assert_int_equal(planned_word(&p, list + 8, 8), 5000);
    assert_string_equal((const char *)planned(&p, planned_word(&p, list + 16, 8), 11),
                        "the initrd");
    assert_int_equal(planned_word(&p, list + 24, 8), 0);
    assert_int_equal(planned_word(&p, list + 32 + 8, 8), 0);
    assert_int_equal(planned_word(&p, list + 32 + 16, 8), 0);
    assert_int_equal(planned_word(&p, planned_word(&p, list + 64, 8), 1), 0x42);
    assert_string_equal((const char *)planned(&p, planned_word(&p, list + 64 + 16, 8), 2), "x");
    boot_plan_fini(&p);
}

static void registers(void **state)
{
    struct x86_state s;
    struct elf_kernel k;
    struct boot_plan p;
    struct board b;

    (void)state;
    board_init(&b, 64);
    for (unsigned is64 = 0; is64 < 2; is64++) {
        build(&k, is64);
        plan(IMAGE_PVH, k.bytes, ELF_FILE, &b, &p);
        boot_state(&p, &s);
        assert_int_equal(s.rip, ELF_LOAD + 0x20);
        assert_int_equal(s.gpr[X86_RBX], p.rbx);
        assert_int_equal(s.cr0, X86_CR0_PE | X86_CR0_ET);
        assert_int_equal(s.cr4, 0);
        assert_int_equal(s.rflags, 2);
        assert_true(s.seg[X86_CS].db && s.seg[X86_CS].limit == UINT32_MAX);
        assert_int_equal(s.seg[X86_SS].limit, UINT32_MAX);
        assert_int_equal(planned_word(&p, p.rbx + 12, 4), 0); /* no modules, no command line */
        assert_int_equal(planned_word(&p, p.rbx + 16, 8), 0);
        assert_int_equal(planned_word(&p, p.rbx + 24, 8), 0);
        boot_plan_fini(&p);
    }
}

static void plans_refused(void **state)
{
    const struct boot_module big = { module_bytes, 80 * MIB, NULL };
    const struct boot_module odd = { module_bytes, 10, "a\nb" };
    struct elf_kernel k;
    struct board b;

    (void)state;
    build(&k, true);
    board_init(&b, 64);
    b.req.initrd = &big;
    plan_refused(IMAGE_PVH, k.bytes, ELF_FILE, &b, VITRO_ERR_IMAGE, "no room for the initrd");
    b.req.initrd = &odd;
    plan_refused(IMAGE_PVH, k.bytes, ELF_FILE, &b, VITRO_ERR_USAGE, "command line of a module");
    b.req.initrd = NULL;
    b.row[3].base = ELF_LOAD + 0x1000;
    plan_refused(IMAGE_PVH, k.bytes, ELF_FILE, &b, VITRO_ERR_IMAGE, "not in the guest's RAM");
}

static void command_line_of_linux(void **state)
{
    char text[2049];
    struct elf_kernel k;
    struct boot_plan p;
    struct board b;

    (void)state;
    memset(text, 'x', 2048);
    text[2048] = '\0';
    board_init(&b, 64);
    b.req.cmdline = text;
    build(&k, true);
    plan(IMAGE_PVH, k.bytes, ELF_FILE, &b, &p);
    boot_plan_fini(&p);
    elf_kernel_note(&k, "Linux", 0x100, "6.1.0", 6);
    plan_refused(IMAGE_PVH, k.bytes, ELF_FILE, &b, VITRO_ERR_USAGE, "at most 2047");
}

static void words(void **state)
{
    struct vitro_err err = { 0 };
    struct elf_kernel k;
    struct image out;

    (void)state;
    build(&k, true);
    assert_int_equal(image_boot(IMAGE_PVH, k.bytes, ELF_FILE, &out, &err), 0);
    assert_string_equal(out.found, "ELF kernel (PVH entry)");
    elf_kernel_note(&k, "Linux", 0x100, "6.1.0-x\033[2J", 12);
    assert_int_equal(image_boot(IMAGE_PVH, k.bytes, ELF_FILE, &out, &err), 0);
    assert_string_equal(out.found, "Linux ELF kernel 6.1.0-x (PVH entry)");
    assert_int_equal(out.start, X86_START_PROTECTED);
    assert_string_equal(image_kind_name(out.kind), "pvh");
}

static void real_kernel(const char *name, const char *found)
{
    struct vitro_err err = { 0 };
    struct boot_plan p;
    struct image img;
    struct board b;
    size_t len;
    uint8_t *bytes = guest_file(name, &len);

    if (bytes == NULL)
        skip();
    assert_int_equal(image_boot(IMAGE_PVH, bytes, len, &img, &err), 0);
    if (strstr(img.found, found) == NULL)
        fail_msg("%s does not say %s", img.found, found);
    board_init(&b, 256);
    plan(IMAGE_PVH, bytes, len, &b, &p);
    assert_in_range(p.entry, 0x1000000, 0x2000000);
    boot_plan_fini(&p);
    free(bytes);
}

static void debian_cloud(void **state)
{
    (void)state;
    real_kernel("vmlinux-cloud", "-cloud-amd64 (PVH entry)");
}

static void debian(void **state)
{
    (void)state;
    real_kernel("vmlinux", "-amd64 (PVH entry)");
}

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(high_entry),    cmocka_unit_test(finds_notes),
        cmocka_unit_test(notes_of_8),    cmocka_unit_test(notes_twice),
        cmocka_unit_test(start_info),    cmocka_unit_test(registers),
        cmocka_unit_test(plans_refused), cmocka_unit_test(command_line_of_linux),
        cmocka_unit_test(words),         cmocka_unit_test(debian_cloud),
        cmocka_unit_test(debian),
    };
    struct CMUnitTest tests[ARRAY_LEN(refusals) + ARRAY_LEN(others)];

    for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
        tests[i] = (struct CMUnitTest){ .name = refusals[i].name,
                                        .test_func = refuses,
                                        .initial_state = (void *)(uintptr_t)&refusals[i] };
    memcpy(tests + ARRAY_LEN(refusals), others, sizeof(others));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
