/* SPDX-License-Identifier: MIT */
/* test_top.c - the terminal view's rows: what is escaped, what is cut, what the figures are. */
#include "top/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sheet sheet;

static const char *row_text(unsigned i)
{
    static char text[SHEET_COLUMNS + 1];

    snprintf(text, sizeof(text), "%.*s", (int)sheet.row[i].len, sheet.row[i].text);
    return text;
}

static void test_escapes(void **state)
{
    (void)state;
    sheet_begin(&sheet, 80, 2);
    sheet_put(&sheet, SHEET_PLAIN, "%s", "a\x1b[31m\x9b\x7f\n\tz");
    assert_string_equal(row_text(0), "a\\x1b[31m\\x9b\\x7f\\x0a\\x09z");
}

static void test_is_cut(void **state)
{
    (void)state;
    sheet_begin(&sheet, 5, 2);
    sheet_put(&sheet, SHEET_PLAIN, "1234567");
    sheet_to(&sheet, 100);
    assert_string_equal(row_text(0), "12345");
    sheet_next(&sheet);
    sheet_put_right(&sheet, SHEET_STRONG, 5, "42");
    assert_string_equal(row_text(1), "   42");
    assert_int_equal(sheet_left(&sheet), 0);
    sheet_next(&sheet);
    sheet_put(&sheet, SHEET_PLAIN, "beyond");
    sheet_to(&sheet, 3);
    assert_string_equal(row_text(1), "   42");
    sheet_begin(&sheet, 0, 0);
    sheet_put(&sheet, SHEET_PLAIN, "nowhere");
    sheet_next(&sheet);
    sheet_put(&sheet, SHEET_PLAIN, "nowhere");
    sheet_begin(&sheet, 100000, 100000);
    for (unsigned i = 0; i < 2 * SHEET_ROWS; i++) {
        for (unsigned k = 0; k < SHEET_COLUMNS; k++)
            sheet_put(&sheet, SHEET_PLAIN, "xy");
        sheet_next(&sheet);
    }
    assert_int_equal(sheet.row[SHEET_ROWS - 1].len, SHEET_COLUMNS);
}

static struct sample sample_of(void)
{
    struct sample s = { .seconds = 2, .ncpus = 1 };

    s.info = json_loads(
        "{\"name\": \"m\", \"state\": \"running\", \"reason\": \"\", \"guest\": \"g\\u001b[1m\","
        "\"engine\": \"soft\", \"cpus\": 1, \"mem_bytes\": 2097152, \"up_ns\": 3000000000}",
        0, NULL);
    s.exits = json_loads(
        "{\"exits\": 130, \"rows\": ["
        "{\"reason\": \"mmio\", \"cpu\": 0, \"other\": true, \"exits\": 80, \"guest_ns\": 1, \"monitor_ns\": 1},"
        "{\"reason\": \"pio\", \"cpu\": 0, \"direction\": \"out\", \"address\": \"0xe9\", \"rip\": \"0xf\","
        " \"exits\": 40, \"guest_ns\": 500000000, \"monitor_ns\": 100000000},"
        "{\"reason\": \"pio\", \"cpu\": 7, \"rip\": \"0x1f\", \"symbol\": \"\\u009bevil\", \"exits\": 10}]}",
        0, NULL);
    s.regs[0] = json_loads("{\"rip\": \"0xf\", \"mode\": \"long (64-bit)\", \"cpl\": 3}", 0, NULL);
    s.devices = json_loads("{\"devices\": [{\"name\": \"a\", \"reads\": 1, \"writes\": 1},"
                           "{\"name\": \"b\", \"reads\": 5, \"writes\": 9}]}",
                           0, NULL);
    s.before = json_loads("{\"devices\": [{\"name\": \"a\", \"reads\": 1, \"writes\": 1},"
                          "{\"name\": \"b\", \"reads\": 1, \"writes\": 1}]}",
                          0, NULL);
    s.map = json_loads(
        "{\"ranges\": [{\"name\": \"RAM\", \"use\": \"ram\", \"slot\": true, \"gpa\": \"0x0\","
        "\"bytes\": 2097152, \"host_pages\": {\"resident\": 1048576}},"
        "{\"name\": \"table\", \"slot\": false, \"gpa\": \"0x2000\", \"bytes\": 4096},"
        "{\"name\": \"run area\", \"gpa\": null, \"bytes\": 64}]}",
        0, NULL);
    s.heat = json_loads(
        "{\"looked\": 512, \"pages\": 512, \"hot\": [{\"gpa\": \"0x0\", \"bytes\": 16384,"
        "\"looked\": 4, \"changed\": 2, \"at\": [\"0x0\", \"0x3000\"]},"
        "{\"gpa\": \"0x10000\", \"bytes\": 16384, \"looked\": 4, \"changed\": 1, \"at\": []}]}",
        0, NULL);
    s.spot[0] = (struct spot){ .name = "first", .weight = 1 };
    s.spot[1] = (struct spot){ .name = "second", .weight = 3 };
    s.nspots = 2;
    return s;
}

static void test_figures(void **state)
{
    struct sample s = sample_of();
    static struct figures f;

    (void)state;
    figures_make(&f, &s);
    assert_true(f.rate == 65);
    assert_int_equal(f.nkinds, 2);
    assert_string_equal(f.kind[0].reason, "mmio");
    assert_true(f.kind[1].rate == 25);
    assert_string_equal(f.place[0].rip, "0xf"); /* what has an address, before the rest */
    assert_string_equal(f.place[2].reason, "mmio");
    assert_true(f.cpu[0].guest > 0.25 && f.cpu[0].guest < 0.251);
    assert_int_equal(f.cpu[0].cpl, 3);
    assert_string_equal(f.seen[0].name, "second");
    assert_true(f.seen[0].weight == 0.75);
    assert_string_equal(f.device[0].name, "b");
    assert_true(f.device[0].reads == 2 && f.device[0].writes == 4);
    assert_int_equal(f.nranges, 2);
    sample_close(&s);
}

static void test_heat_of_a_range(void **state)
{
    struct sample s = sample_of();
    static struct figures f;

    (void)state;
    figures_make(&f, &s);
    assert_true(figures_heat(&f, 0, 2 << 20) == 0.5);
    assert_true(figures_heat(&f, 0x2000, 0x1000) ==
                0); /* the cell is larger: only where pages were looked at */
    assert_true(figures_heat(&f, 0x3000, 0x1000) == 1);
    assert_true(figures_heat(&f, 0x4000, 0x1000) == 0);
    sample_close(&s);
}

/* More kinds of exits than there is room for, and more time than there was: clocks are not read at one moment. */
static void test_bounds(void **state)
{
    struct sample s = sample_of();
    json_t *rows = json_object_get(s.exits, "rows");
    static struct figures f;

    (void)state;
    for (int i = 0; i < KINDS_MAX + 8; i++) {
        char reason[16];

        snprintf(reason, sizeof(reason), "kind%d", i);
        json_array_append_new(rows, json_pack("{s:s, s:i, s:i, s:I, s:I}", "reason", reason, "cpu",
                                              0, "exits", 2, "guest_ns", (json_int_t)2000000000,
                                              "monitor_ns", (json_int_t)2000000000));
    }
    figures_make(&f, &s);
    assert_int_equal(f.nkinds, KINDS_MAX);
    assert_true(f.rate == 65 + KINDS_MAX + 8);
    assert_true(f.cpu[0].guest == 1 && f.cpu[0].monitor == 1);
    sample_close(&s);
}

static void test_every_size(void **state)
{
    struct sample s = sample_of();
    static struct figures f;

    (void)state;
    figures_make(&f, &s);
    for (unsigned width = 0; width < 320; width += 7) {
        for (unsigned height = 0; height < 170; height += height < 40 ? 1 : 30) {
            sheet_begin(&sheet, width, height);
            view_draw(&sheet, &f);
            for (unsigned y = 0; y < sheet.nrows && y < sheet.height; y++)
                for (unsigned x = 0; x < sheet.row[y].len; x++)
                    assert_in_range((unsigned char)sheet.row[y].text[x], 0x20, 0x7e);
        }
    }
    sample_close(&s);
}

/* Nothing asked for yet, and answers of other shapes. */
static void test_nothing_there(void **state)
{
    struct sample s = { .seconds = 1, .ncpus = CPUS_MAX };
    static struct figures f;

    (void)state;
    figures_make(&f, &s);
    sheet_begin(&sheet, 100, 30);
    view_draw(&sheet, &f);
    s.exits = json_loads("{\"rows\": [7, null, {\"cpu\": -1}, {\"cpu\": \"x\"}]}", 0, NULL);
    s.map = json_loads("{\"ranges\": [{\"gpa\": \"zz\"}, {}]}", 0, NULL);
    s.heat =
        json_loads("{\"hot\": [{}, {\"gpa\": \"0x0\", \"bytes\": 4096, \"at\": [7]}]}", 0, NULL);
    s.devices = json_loads("[]", 0, NULL);
    figures_make(&f, &s);
    sheet_begin(&sheet, 100, 30);
    view_draw(&sheet, &f);
    sample_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_escapes),       cmocka_unit_test(test_is_cut),
        cmocka_unit_test(test_figures),       cmocka_unit_test(test_heat_of_a_range),
        cmocka_unit_test(test_bounds),        cmocka_unit_test(test_every_size),
        cmocka_unit_test(test_nothing_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
