/* SPDX-License-Identifier: MIT */
/* test_mem.c - the one door to guest memory: borders, gaps, wrapping, read-only slots. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "core/mem.h"

enum { PAGE = 4096 };

#define TOP (UINT64_MAX - PAGE + 1) /* the last page there is */

/*
 * 0x0000  low   RAM  one page
 * 0x1000  rom   ROM  one page, next to it
 * 0x2000  high  RAM  one page, next to that
 * 0x3000  nothing
 * TOP     top   RAM  the last page of the address space
 */
struct world {
    struct mem mem;
    uint8_t low[PAGE], rom[PAGE], high[PAGE], top[PAGE];
};

static void slot(struct mem *m, gpa_t base, uint8_t *host, enum mem_kind kind, const char *name)
{
    struct mem_slot s = { base, PAGE, host, kind, name };

    assert_int_equal(mem_add(m, &s, NULL), 0);
}

static int new_world(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return -1;
    slot(&w->mem, 0x2000, w->high, MEM_RAM, "high");
    slot(&w->mem, TOP, w->top, MEM_RAM, "top");
    slot(&w->mem, 0, w->low, MEM_RAM, "low");
    slot(&w->mem, 0x1000, w->rom, MEM_ROM, "rom");
    *state = w;
    return 0;
}

static int free_world(void **state)
{
    free(*state);
    return 0;
}

static void sorted_and_summed(void **state)
{
    const struct world *w = *state;

    assert_int_equal(w->mem.nslots, 4);
    for (size_t i = 1; i < w->mem.nslots; i++)
        assert_true(w->mem.slot[i - 1].base < w->mem.slot[i].base);
    assert_int_equal(mem_bytes(&w->mem), 4 * PAGE);
    assert_string_equal(mem_slot_at(&w->mem, 0x1fff)->name, "rom");
    assert_null(mem_slot_at(&w->mem, 0x3000));
    assert_string_equal(mem_slot_at(&w->mem, UINT64_MAX)->name, "top");
}

static void bad_slots_refused(void **state)
{
    static const struct {
        uint64_t base, len;
        int rc;
    } rows[] = {
        { 0x4000, 0, -EINVAL },      { 0x4000, 0x800, -EINVAL }, { 0x4800, PAGE, -EINVAL },
        { 0, PAGE, -EEXIST },        { 0x2000, PAGE, -EEXIST },  { 0x1000, 0x10000, -EEXIST },
        { TOP, PAGE, -EEXIST },      { TOP, 2 * PAGE, -EINVAL }, { 0x3000, TOP, -EINVAL },
        { 0x3000, TOP - 0x3000, 0 },
    };
    struct world *w = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mem_slot s = { rows[i].base, rows[i].len, w->low, MEM_RAM, "new" };
        struct vitro_err err = { 0 };
        size_t n = w->mem.nslots;

        assert_int_equal(mem_add(&w->mem, &s, &err), rows[i].rc);
        assert_int_equal(err.code, rows[i].rc);
        assert_int_equal(w->mem.nslots, n + (rows[i].rc == 0));
    }
}

static void slots_have_an_end(void **state)
{
    static uint8_t page[PAGE];
    struct mem m = { 0 };

    (void)state;
    for (uint64_t i = 0; i < MEM_SLOTS_MAX; i++)
        slot(&m, i * 0x10000, page, MEM_RAM, "one");
    assert_int_equal(mem_add(&m, &(struct mem_slot){ 0x1000, PAGE, page, MEM_RAM, "more" }, NULL),
                     -ENOSPC);
}

static void host_view(void **state)
{
    struct world *w = *state;
    struct mem *m = &w->mem;

    assert_ptr_equal(mem_host(m, 0, PAGE, true), w->low);
    assert_ptr_equal(mem_host(m, 0xfff, 1, true), w->low + 0xfff);
    assert_null(mem_host(m, 0xfff, 2, false)); /* into the next slot: two ranges of the host */
    assert_null(mem_host(m, 0, PAGE + 1, false));
    assert_ptr_equal(mem_host(m, 0x1000, PAGE, false), w->rom);
    assert_null(mem_host(m, 0x1000, 1, true));
    assert_null(mem_host(m, 0x3000, 1, false));
    assert_null(mem_host(m, 0x3000, 0, false)); /* the position alone is outside too */
    assert_ptr_equal(mem_host(m, 0x2004, 0, true), w->high + 4);
}

/* D7: lengths that would wrap 2^64, and the last byte of all. */
static void nothing_wraps(void **state)
{
    struct world *w = *state;
    struct mem *m = &w->mem;
    uint8_t buf[16] = { 0 };

    assert_ptr_equal(mem_host(m, UINT64_MAX, 1, true), w->top + PAGE - 1);
    assert_null(mem_host(m, UINT64_MAX, 2, true));
    assert_null(mem_host(m, TOP, UINT64_MAX, false));
    assert_null(mem_host(m, 8, UINT64_MAX, false));
    assert_null(mem_host(m, 8, UINT64_MAX - 7, false));
    assert_true(mem_put(m, UINT64_MAX - 7, "12345678", 8));
    assert_true(mem_get(m, UINT64_MAX - 7, buf, 8));
    assert_memory_equal(buf, "12345678", 8);
}

/* After the last page comes the end, not page 0, although page 0 is memory. */
static void copies_do_not_wrap(void **state)
{
    struct world *w = *state;
    static uint8_t buf[3 * PAGE];

    assert_false(mem_get(&w->mem, TOP, buf, PAGE + 1));
    assert_false(mem_get(&w->mem, UINT64_MAX, buf, 2));
    assert_false(mem_put(&w->mem, UINT64_MAX - 3, "12345678", 8));
    for (unsigned i = 0; i < PAGE; i++) {
        assert_int_equal(w->top[i], 0);
        assert_int_equal(w->low[i], 0);
    }
}

static void copies_cross_slots(void **state)
{
    struct world *w = *state;
    static uint8_t buf[3 * PAGE];

    memset(w->low, 1, PAGE);
    memset(w->rom, 2, PAGE);
    memset(w->high, 3, PAGE);
    assert_true(mem_get(&w->mem, 0, buf, sizeof(buf)));
    for (unsigned i = 0; i < sizeof(buf); i++)
        assert_int_equal(buf[i], 1 + i / PAGE);
    assert_true(mem_get(&w->mem, 0xffe, buf, 4));
    assert_memory_equal(buf, "\1\1\2\2", 4);
    assert_false(mem_get(&w->mem, 0x2ffe, buf, 4)); /* into the gap */
    assert_true(mem_get(&w->mem, 0x5000, buf, 0));
}

static void rom_is_not_written(void **state)
{
    struct world *w = *state;

    assert_false(mem_put(&w->mem, 0x1000, "x", 1));
    assert_false(
        mem_put(&w->mem, 0xffc, "12345678", 8)); /* its first half is RAM: nothing is copied */
    assert_false(mem_put(&w->mem, 0x1ffc, "12345678", 8)); /* its second half is RAM */
    for (unsigned i = 0; i < PAGE; i++) {
        assert_int_equal(w->low[i], 0);
        assert_int_equal(w->rom[i], 0);
        assert_int_equal(w->high[i], 0);
    }
    assert_true(mem_put(&w->mem, 0xffc, "1234", 4));
}

static void left_to_the_end_of_a_slot(void **state)
{
    const struct world *w = *state;

    assert_int_equal(mem_left(&w->mem, 0), PAGE);
    assert_int_equal(mem_left(&w->mem, 0xfff), 1);
    assert_int_equal(mem_left(&w->mem, 0x3000), 0);
    assert_int_equal(mem_left(&w->mem, UINT64_MAX), 1);
}

static void notes(void **state)
{
    struct world *w = *state;

    mem_note(&w->mem, MEM_USE_CODE, 0, 0, "nothing");
    assert_int_equal(w->mem.nnotes, 0);
    mem_note(&w->mem, MEM_USE_TABLES, 0x2000, 0x1000, "a very long name for level %d of tables", 4);
    assert_int_equal(w->mem.nnotes, 1);
    assert_int_equal(strlen(w->mem.note[0].name), MEM_NAME_MAX - 1);
    for (unsigned i = 0; i < 2 * MEM_NOTES_MAX; i++)
        mem_note(&w->mem, MEM_USE_DATA, i, 1, "%u", i);
    assert_int_equal(w->mem.nnotes, MEM_NOTES_MAX);
    assert_string_equal(w->mem.note[MEM_NOTES_MAX - 1].name, "94");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, new_world, free_world)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(sorted_and_summed),
        TEST(bad_slots_refused),
        TEST(slots_have_an_end),
        TEST(host_view),
        TEST(nothing_wraps),
        TEST(copies_do_not_wrap),
        TEST(copies_cross_slots),
        TEST(rom_is_not_written),
        TEST(left_to_the_end_of_a_slot),
        TEST(notes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
