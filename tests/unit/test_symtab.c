/* SPDX-License-Identifier: MIT */
/* test_symtab.c - names of addresses, and the limits of the table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/symtab.h"

static void add(struct symtab *t, const char *name, uint64_t addr, uint64_t last, unsigned rank)
{
    struct symbol s = { .addr = addr, .last = last, .rank = (uint8_t)rank };

    assert_int_equal(symtab_add(t, &s, name, strlen(name)), 0);
}

/* Added out of order on purpose. */
static void fill(struct symtab *t)
{
    *t = (struct symtab){ 0 };
    add(t, "label", 0x3000, 0x30ff, 0);
    add(t, "main", 0x2000, 0x200f, 7);
    add(t, "start", 0x1000, 0x100f, 7);
    add(t, "helper", 0x4000, 0x4007, 2);
    add(t, "helper", 0x1800, 0x1807, 2);
    add(t, "alias", 0x2000, 0x20ff, 1);
    add(t, "twin", 0x2000, 0x200f, 7);
    add(t, "top", UINT64_MAX - 1, UINT64_MAX, 1);
    symtab_sort(t);
}

static void finds_by_address(void **state)
{
    static const struct {
        uint64_t addr;
        const char *name; /* NULL: none */
        uint64_t offset;
    } rows[] = {
        { 0, NULL, 0 },
        { 0xfff, NULL, 0 },
        { 0x1000, "start", 0 },
        { 0x100f, "start", 0xf },
        { 0x1010, NULL, 0 },   /* past its end */
        { 0x2004, "main", 4 }, /* highest rank, first added */
        { 0x3080, "label", 0x80 },
        { 0x3fff, NULL, 0 },
        { 0x4000, "helper", 0 },
        { UINT64_MAX - 2, NULL, 0 },
        { UINT64_MAX, "top", 1 },
    };
    struct symtab t;

    (void)state;
    fill(&t);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t offset = 0;
        const char *name = symtab_find(&t, rows[i].addr, &offset);

        assert_int_equal(name != NULL, rows[i].name != NULL);
        if (name != NULL)
            assert_string_equal(name, rows[i].name);
        assert_int_equal(offset, rows[i].offset);
    }
    assert_string_equal(symtab_find(&t, 0x1004, NULL), "start");
    symtab_fini(&t);
}

static void next_symbol_ends_the_one_before(void **state)
{
    struct symtab t = { 0 };

    (void)state;
    add(&t, "open_ended", 0x100, UINT64_MAX, 0);
    add(&t, "next", 0x200, 0x20f, 0);
    symtab_sort(&t);
    assert_string_equal(symtab_find(&t, 0x1ff, NULL), "open_ended");
    assert_string_equal(symtab_find(&t, 0x200, NULL), "next");
    assert_null(symtab_find(&t, 0x210, NULL));
    symtab_fini(&t);
}

static void looks_up_by_name(void **state)
{
    struct symtab t;
    uint64_t addr = 1;

    (void)state;
    fill(&t);
    assert_true(symtab_lookup(&t, "main", &addr));
    assert_int_equal(addr, 0x2000);
    assert_true(symtab_lookup(&t, "helper", &addr)); /* two of one rank: the lower */
    assert_int_equal(addr, 0x1800);
    assert_false(symtab_lookup(&t, "mai", &addr));
    assert_false(symtab_lookup(&t, "", &addr));
    assert_int_equal(addr, 0x1800);
    symtab_fini(&t);
}

static void rank_decides_between_equal_names(void **state)
{
    struct symtab t = { 0 };
    uint64_t addr = 0;

    (void)state;
    add(&t, "f", 0x10, 0x1f, 2);
    add(&t, "f", 0x20, 0x2f, 3);
    symtab_sort(&t);
    assert_true(symtab_lookup(&t, "f", &addr));
    assert_int_equal(addr, 0x20);
    symtab_fini(&t);
}

static void empty_table_knows_nothing(void **state)
{
    struct symtab t = { 0 };
    uint64_t addr = 0;

    (void)state;
    assert_null(symtab_find(&t, 0, NULL));
    assert_false(symtab_lookup(&t, "x", &addr));
    symtab_sort(&t);
    assert_null(symtab_find(&t, UINT64_MAX, NULL));
    symtab_fini(&t);
    symtab_fini(&t);
}

static void stops_at_the_symbol_limit(void **state)
{
    struct symbol s = { .addr = 0, .last = 0 };
    struct symtab t = { 0 };

    (void)state;
    for (uint64_t i = SYMTAB_SYMBOLS_MAX; i > 0; i--) {
        s.addr = s.last = i;
        assert_int_equal(symtab_add(&t, &s, "n", 1), 0);
    }
    assert_false(t.cut);
    assert_int_equal(symtab_add(&t, &s, "n", 1), -ENOSPC);
    assert_true(t.cut);
    assert_int_equal(t.n, SYMTAB_SYMBOLS_MAX);
    symtab_sort(&t);
    for (size_t i = 0; i < t.n; i++)
        assert_int_equal(t.sym[i].addr, i + 1);
    symtab_fini(&t);
}

static void stops_at_the_pool_limit(void **state)
{
    size_t len = SYMTAB_POOL_MAX / 4 - 1;
    char *name = malloc(len);
    struct symbol s = { 0 };
    struct symtab t = { 0 };

    (void)state;
    assert_non_null(name);
    memset(name, 'a', len);
    for (int i = 0; i < 4; i++)
        assert_int_equal(symtab_add(&t, &s, name, len), 0);
    assert_int_equal(t.pool_len, SYMTAB_POOL_MAX);
    assert_int_equal(symtab_add(&t, &s, "", 0), -ENOSPC);
    assert_true(t.cut);
    symtab_fini(&t);
    free(name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_address),
        cmocka_unit_test(next_symbol_ends_the_one_before),
        cmocka_unit_test(looks_up_by_name),
        cmocka_unit_test(rank_decides_between_equal_names),
        cmocka_unit_test(empty_table_knows_nothing),
        cmocka_unit_test(stops_at_the_symbol_limit),
        cmocka_unit_test(stops_at_the_pool_limit),
    };

    return cmocka_run_group_tests_name("base/symtab", tests, NULL, NULL);
}
