/* SPDX-License-Identifier: MIT */
/* test_heat.c - what changed in memory since the last look. */
#include "inspect/heat.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PAGE = 4096, SMALL = 2 << 20, LARGE = 64 << 20 };

static const uint8_t *absent; /* the page that the host has not given */

static bool here(const void *page)
{
    return page != absent;
}

struct rig {
    struct mem mem;
    uint8_t *ram;
    struct heat *heat;
};

static void rig_open(struct rig *r, uint64_t len)
{
    *r = (struct rig){ .ram = aligned_alloc(PAGE, len) };
    assert_non_null(r->ram);
    memset(r->ram, 0, len);
    assert_int_equal(
        mem_add(&r->mem,
                &(struct mem_slot){ .base = 0x100000, .len = len, .host = r->ram, .name = "RAM" },
                NULL),
        0);
    r->heat = heat_new(&r->mem);
    assert_non_null(r->heat);
    heat_look(r->heat, here);
}

static void rig_close(struct rig *r)
{
    heat_free(r->heat);
    free(r->ram);
}

static json_t *look(struct rig *r)
{
    const struct vitro_style json = { .format = VITRO_JSON };
    char *text;
    json_t *doc;

    heat_look(r->heat, here);
    assert_int_equal(heat_show(r->heat, &json, &text, NULL), 0);
    doc = json_loads(text, 0, NULL);
    free(text);
    return doc;
}

static size_t hot(struct rig *r)
{
    json_t *doc = look(r);
    size_t n = json_array_size(json_object_get(doc, "hot"));

    json_decref(doc);
    return n;
}

static void test_every_page_of_a_small_memory(void **state)
{
    struct rig r;
    json_t *doc, *row;

    (void)state;
    rig_open(&r, SMALL);
    assert_int_equal(hot(&r), 0);
    for (unsigned page = 0; page < SMALL / PAGE; page++) {
        r.ram[page * PAGE + page % PAGE]++;
        doc = look(&r);
        assert_int_equal(json_array_size(json_object_get(doc, "hot")), 1);
        row = json_array_get(json_object_get(doc, "hot"), 0);
        assert_int_equal(strtoull(json_string_value(json_object_get(row, "gpa")), NULL, 16),
                         0x100000 + page * PAGE);
        assert_int_equal(json_integer_value(json_object_get(row, "bytes")), PAGE);
        assert_string_equal(json_string_value(json_array_get(json_object_get(row, "at"), 0)),
                            json_string_value(json_object_get(row, "gpa")));
        json_decref(doc);
    }
    assert_int_equal(hot(&r), 0);
    rig_close(&r);
}

static void test_words_that_change_places(void **state)
{
    struct rig r;

    (void)state;
    rig_open(&r, SMALL);
    r.ram[0] = 1, r.ram[8] = 2;
    assert_int_equal(hot(&r), 1);
    r.ram[0] = 2, r.ram[8] = 1;
    assert_int_equal(hot(&r), 1);
    r.ram[8] = 0, r.ram[32] = 1;
    assert_int_equal(hot(&r), 1);
    rig_close(&r);
}

static void test_large_memory_is_sampled(void **state)
{
    struct rig r;
    json_t *doc;

    (void)state;
    rig_open(&r, LARGE);
    memset(r.ram + LARGE / 2, 7, LARGE / 4);
    doc = look(&r);
    assert_int_equal(json_integer_value(json_object_get(doc, "cell_bytes")), LARGE / 512);
    assert_int_equal(json_integer_value(json_object_get(doc, "looked")), 2048);
    assert_int_equal(json_integer_value(json_object_get(doc, "pages")), LARGE / PAGE);
    assert_int_equal(json_array_size(json_object_get(doc, "hot")), 128);
    json_decref(doc);
    rig_close(&r);
}

static void test_a_page_that_comes(void **state)
{
    struct rig r;

    (void)state;
    absent = NULL;
    rig_open(&r, SMALL);
    absent = r.ram + PAGE;
    assert_int_equal(hot(&r), 1); /* gone */
    r.ram[PAGE] = 1;
    assert_int_equal(hot(&r), 0); /* not looked at */
    absent = NULL;
    assert_int_equal(hot(&r), 1);
    rig_close(&r);
}

static void test_text(void **state)
{
    const struct vitro_style plain = { .format = VITRO_TEXT };
    struct rig r;
    char *text;

    (void)state;
    rig_open(&r, SMALL);
    r.ram[5 * PAGE] = 1;
    heat_look(r.heat, here);
    assert_int_equal(heat_show(r.heat, &plain, &text, NULL), 0);
    assert_non_null(strstr(text, "512 of 512 pages"));
    assert_non_null(strstr(text, "0x105000-0x105fff  4 KiB  1 of 1\n"));
    free(text);
    rig_close(&r);
    heat_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_page_of_a_small_memory),
        cmocka_unit_test(test_words_that_change_places),
        cmocka_unit_test(test_large_memory_is_sampled),
        cmocka_unit_test(test_a_page_that_comes),
        cmocka_unit_test(test_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
