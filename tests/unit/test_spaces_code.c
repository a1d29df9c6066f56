/* SPDX-License-Identifier: MIT */
/* test_spaces_code.c - memory as hex, and instructions. */
#include "spaces_rig.h"

#include <errno.h>
#include <stdlib.h>

/* ---- memory ---------------------------------------------------------------------------------- */

static char *dump(struct rig *r, uint64_t addr, uint64_t len, bool physical)
{
    struct dump_range what = { addr, len, physical };
    char *text;

    assert_int_equal(dump_show(&r->s, 0, &what, &text, NULL), 0);
    return text;
}

static void test_mem_text(void **state)
{
    struct rig *r = *state;
    char *text;

    put_long_tables(r);
    for (unsigned i = 0; i < 256; i++)
        put(r, 0x1ffe00 + i, 1, i);
    assert_golden(r, dump(r, 0x1ffe05, 0x21b, false), "mem");
    text = dump(r, 3, 1, true);
    assert_int_equal(count_words(text, "\n"), 3);
    free(text);
}

static void test_mem_edges(void **state)
{
    struct rig *r = *state;
    struct vitro_err err = { 0 };
    char *text;

    put_long_tables(r);
    text = dump(r, RAM_LEN - 8, 16, true);
    assert_has(text, "0x003ffff0                           00 00 00 00 00 00 00 00");
    assert_has(text, "0x00400000  -- -- -- -- -- -- -- --                          ");
    free(text);
    text = dump(r, UINT64_MAX - 3, 100, false);
    assert_has(text, "4 bytes, as CPU 0 sees them: the end of all addresses");
    assert_has(text, "0xfffffffffffffff0");
    free(text);
    text = dump(r, UINT64_MAX, 1, true);
    assert_has(text, "-- ");
    free(text);
    text = dump(r, 0x10000, SPACES_MEM_MAX, false);
    assert_has(text, "*  65535 more rows like this\n");
    assert_int_equal(count_words(text, "\n"), 4);
    free(text);
    assert_int_equal(dump_show(&r->s, 0, &(struct dump_range){ 0, 0, false }, &text, &err),
                     -EINVAL);
    assert_int_equal(err.kind, VITRO_ERR_USAGE);
    assert_int_equal(
        dump_show(&r->s, 0, &(struct dump_range){ 0, SPACES_MEM_MAX + 1, false }, &text, NULL),
        -EINVAL);
}

static void test_mem_json(void **state)
{
    struct rig *r = *state;
    json_t *doc, *list;

    put_long_tables(r);
    put(r, 0x1ffffe, 2, 0x1b41);
    r->s.style.format = VITRO_JSON;
    doc = parsed(dump(r, 0x1ffffe, 4, false));
    list = json_object_get(doc, "extents");
    assert_int_equal(num_of(doc, "bytes"), 4);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "hex")), "411b");
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "text")),
                        "A\\x1b");
    assert_int_equal(hex_of(json_array_get(list, 1), "addr"), 0x200000);
    assert_true(null_of(json_array_get(list, 1), "hex"));
    json_decref(doc);
}

/* ---- instructions ---------------------------------------------------------------------------- */

static char *disasm(struct rig *r, uint64_t addr, unsigned n)
{
    char *text;

    assert_int_equal(disasm_show(&r->s, 0, addr, n, &text, NULL), 0);
    return text;
}

static void put_bytes(struct rig *r, uint64_t gpa, const char *bytes, size_t len)
{
    assert_true(mem_put(&r->m->mem, gpa, bytes, len));
}

static void test_disasm_long(void **state)
{
    static const char code[] = "\xb8\x2a\0\0\0"             /* mov eax, 42 */
                               "\x48\x89\x04\x25\0\x04\0\0" /* mov [0x400], rax */
                               "\xe8\x02\0\0\0"             /* call tail */
                               "\xeb\xec"                   /* jmp start */
                               "\x06"                       /* no instruction in 64-bit code */
                               "\xf4";                      /* hlt */
    struct rig *r = *state;

    put_long_tables(r);
    put_bytes(r, 0, code, sizeof(code) - 1);
    assert_int_equal(symtab_add(&r->symbols, &(struct symbol){ 0, 19, 0, 0 },
                                "st\x1b"
                                "art",
                                6),
                     0);
    assert_int_equal(symtab_add(&r->symbols, &(struct symbol){ 20, 21, 0, 0 }, "tail", 4), 0);
    symtab_sort(&r->symbols);
    r->state.rip = 5;
    assert_golden(r, disasm(r, 0, 6), "disasm-long");
}

static void test_disasm_modes(void **state)
{
    struct rig *r = *state;
    char *text;

    put_bytes(r, 0x10000, "\xb8\x34\x12\xeb\xfe\x66\xb8\x78\x56\x34\x12", 11);
    x86_start_state(X86_START_REAL, 0, RAM_LEN, 0, &r->state);
    r->state.seg[X86_CS].base = 0x10000;
    r->state.rip = 3;
    assert_golden(r, disasm(r, 0x10000, 3), "disasm-real");
    x86_start_state(X86_START_PROTECTED, 0, RAM_LEN, 0, &r->state);
    text = disasm(r, 0x10000, 1);
    assert_has(text, "mov eax, 0xfeeb1234");
    free(text);
}

static void test_disasm_edges(void **state)
{
    struct rig *r = *state;
    struct vitro_err err = { 0 };
    json_t *doc, *list;
    char *text;

    put_long_tables(r);
    put_bytes(r, 0x1ffffd, "\x90\x48\xb8", 3);
    text = disasm(r, 0x1ffffd, 10);
    assert_has(text, "nop");
    assert_has(text, "db 0x48 (cut off where the mapping ends)");
    assert_has(text, "0x00200000  -- not present");
    free(text);
    assert_int_equal(disasm_show(&r->s, 0, 0, 0, &text, &err), -EINVAL);
    assert_int_equal(disasm_show(&r->s, 0, 0, SPACES_INSNS_MAX + 1, &text, NULL), -EINVAL);

    r->s.style.format = VITRO_JSON;
    r->state.rip = 0x1ffffd;
    doc = parsed(disasm(r, 0x1ffffd, 1));
    list = json_object_get(doc, "instructions");
    assert_int_equal(json_array_size(list), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "text")), "nop");
    assert_true(bool_of(json_array_get(list, 0), "current"));
    assert_int_equal(hex_of(doc, "rip"), 0x1ffffd);
    assert_true(null_of(doc, "ends"));
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_mem_text),    RIG_TEST(test_mem_edges),    RIG_TEST(test_mem_json),
        RIG_TEST(test_disasm_long), RIG_TEST(test_disasm_modes), RIG_TEST(test_disasm_edges),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
