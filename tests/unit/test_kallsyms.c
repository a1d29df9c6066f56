/* SPDX-License-Identifier: MIT */
/* test_kallsyms.c - kernel images made by hand: each layout, each kind of address, and damage everywhere. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "inspect/kallsyms.h"

enum { SYMS = 600, IMAGE = 128 << 10, TOKENS = 256, BEFORE = 4096 };
#define BASE UINT64_C(0xffffffff9a000000)

enum layout { OLD, WITH_SEQS, NEW };

struct image {
    uint8_t bytes[IMAGE];
    size_t len;
    size_t index[TOKENS];
};

static void put(struct image *im, unsigned n, uint64_t val)
{
    le_put(im->bytes + im->len, n, val);
    im->len += n;
}

static void align(struct image *im)
{
    im->len = (im->len + 7) & ~(size_t)7;
}

/* Token 1 is "fn_", 2 is "Tab"; the rest stand for themselves, those that are no text for something long. */
static void put_tokens(struct image *im)
{
    size_t start = im->len;

    for (unsigned i = 0; i < TOKENS; i++) {
        char text[8] = { (char)i };

        if (i == 1 || i == 2)
            snprintf(text, sizeof(text), "%s", i == 1 ? "fn_" : "Tab");
        else if (i < '0' || i > 'z')
            snprintf(text, sizeof(text), "t%02x", i);
        im->index[i] = im->len - start;
        memcpy(im->bytes + im->len, text, strlen(text) + 1);
        im->len += strlen(text) + 1;
    }
    align(im);
    for (unsigned i = 0; i < TOKENS; i++)
        put(im, 2, im->index[i]);
}

static uint64_t addr_of(unsigned i)
{
    return BASE + i * 32;
}

static void put_addresses(struct image *im, bool upwards)
{
    align(im);
    for (unsigned i = 0; i < SYMS; i++)
        put(im, 4, upwards ? i * 32 : i < 2 ? i : (uint32_t)(-1 - (int32_t)(i * 32)));
    align(im);
    put(im, 8, BASE);
}

/* Symbol i is T or d, "fn_" and its number; every tenth is stored with a length of two bytes. */
static void put_names(struct image *im)
{
    uint32_t markers[SYMS / 256 + 1];
    size_t start;

    align(im);
    put(im, 8, SYMS);
    start = im->len;
    for (unsigned i = 0; i < SYMS; i++) {
        char digits[200];
        int n = snprintf(digits, sizeof(digits), i % 10 == 0 ? "%0150u" : "%u", i);

        if (i % 256 == 0)
            markers[i / 256] = (uint32_t)(im->len - start);
        if (n + 2 >= 0x80)
            put(im, 2, ((unsigned)(n + 2) & 0x7f) | 0x80 | (unsigned)(n + 2) >> 7 << 8);
        else
            put(im, 1, (unsigned)n + 2);
        put(im, 1, i % 2 == 0 ? 'T' : 'd');
        put(im, 1, 1);
        memcpy(im->bytes + im->len, digits, (size_t)n);
        im->len += (size_t)n;
    }
    align(im);
    for (unsigned i = 0; i <= SYMS / 256; i++)
        put(im, 4, markers[i]);
}

static void make(struct image *im, enum layout layout, bool upwards)
{
    memset(im, 0, sizeof(*im));
    memset(im->bytes, 0xe8, BEFORE);
    im->len = BEFORE;
    if (layout != NEW)
        put_addresses(im, upwards);
    put_names(im);
    align(im);
    if (layout == WITH_SEQS) {
        memset(im->bytes + im->len, 0x39, 3 * SYMS);
        im->len += 3 * SYMS;
        align(im);
    }
    put_tokens(im);
    if (layout == NEW)
        put_addresses(im, upwards);
    im->len += 4096;
}

static void check(enum layout layout, bool upwards)
{
    struct image *im = malloc(sizeof(*im));
    struct symtab t = { 0 };
    uint64_t addr, off;

    assert_non_null(im);
    make(im, layout, upwards);
    assert_int_equal(kallsyms_parse(im->bytes, im->len, &t), 0);
    assert_int_equal(t.n, upwards ? SYMS : SYMS - 2);
    assert_true(symtab_lookup(&t, "fn_7", &addr));
    assert_true(addr == addr_of(7));
    assert_string_equal(symtab_find(&t, addr_of(599) + 5, &off), "fn_599");
    assert_int_equal(off, 5);
    assert_int_equal(strlen(symtab_find(&t, addr_of(20), NULL)), 3 + 150);
    assert_int_equal(symtab_lookup(&t, "fn_1", &addr),
                     upwards); /* a number of the CPUs' own area */
    symtab_fini(&t);
    free(im);
}

static void test_layouts(void **state)
{
    (void)state;
    check(OLD, false);
    check(OLD, true);
    check(WITH_SEQS, false);
    check(NEW, false);
    check(NEW, true);
}

static void test_nothing(void **state)
{
    static uint8_t zeros[4096];
    struct symtab t = { 0 };

    (void)state;
    assert_int_equal(kallsyms_parse(zeros, 0, &t), -ENOENT);
    assert_int_equal(kallsyms_parse(zeros, sizeof(zeros), &t), -ENOENT);
}

/* Cut anywhere, or one byte changed anywhere: no crash, and no more symbols than there were. */
static void test_damage(void **state)
{
    struct image *im = malloc(sizeof(*im));
    struct symtab t = { 0 };

    (void)state;
    assert_non_null(im);
    make(im, OLD, false);
    for (size_t len = im->len; len > BEFORE; len -= 97) {
        uint8_t *cut = malloc(len); /* a heap block, so that sanitizers see its end */

        assert_non_null(cut);
        memcpy(cut, im->bytes, len);
        if (kallsyms_parse(cut, len, &t) == 0)
            assert_true(t.n <= SYMS);
        symtab_fini(&t);
        free(cut);
    }
    for (size_t at = BEFORE; at < im->len; at += 89) {
        uint8_t was = im->bytes[at];

        im->bytes[at] ^= 0xff;
        if (kallsyms_parse(im->bytes, im->len, &t) == 0)
            assert_true(t.n <= SYMS);
        symtab_fini(&t);
        im->bytes[at] = was;
    }
    free(im);
}

/* Names at every sixteenth byte that go on to the end, and tokens over and over: looked at so often and no more. */
static void test_nothing_but_likenesses(void **state)
{
    enum { LEN = 64 << 20, UNIT = 16, MANY = 1 << 20 };
    static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
    struct image *im = calloc(1, sizeof(*im));
    uint8_t *bytes = calloc(1, LEN);
    struct symtab t = { 0 };

    (void)state;
    assert_non_null(im);
    assert_non_null(bytes);
    put_tokens(im);
    for (size_t at = 0; at + UNIT <= LEN - IMAGE; at += UNIT) {
        le_put(bytes + at, 4, MANY);
        memset(bytes + at + 8, UNIT - 1, UNIT - 8);
    }
    memcpy(bytes + LEN - IMAGE, im->bytes, im->len);
    assert_int_equal(kallsyms_parse(bytes, LEN, &t), -ENOENT);
    for (size_t at = 0; at + sizeof(digits) <= LEN; at += sizeof(digits))
        memcpy(bytes + at, digits, sizeof(digits));
    assert_int_equal(kallsyms_parse(bytes, LEN, &t), -ENOENT);
    free(bytes);
    free(im);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts),
        cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_nothing_but_likenesses),
    };

    return cmocka_run_group_tests_name("inspect/kallsyms", tests, NULL, NULL);
}
