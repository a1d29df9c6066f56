/* SPDX-License-Identifier: MIT */
/*
 * test_exit_views.c - exits as people and programs see them: the table, and the last ones
 *
 * Counters are made by hand. Text is compared with tests/golden, JSON is read back and compared with the
 * values it was made of.
 */
#include "views_rig.h"

/* ---- exits ----------------------------------------------------------------------------------- */

/* What is shown of each kind of row, with times that are the same on every host. */
static const struct vitro_exit_row hand_made[] = {
    { .reason = "hlt",
      .rip = 0x1f,
      .exits = 1,
      .accesses = 1,
      .guest_ns = 6500,
      .monitor_ns = 51,
      .monitor_worst_ns = 51 },
    { .reason = "kicked", .exits = 70, .accesses = 70, .guest_ns = 900, .monitor_ns = 700 },
    { .reason = "pio",
      .is_access = true,
      .write = true,
      .addr = 0xe9,
      .device = "debugcon",
      .rip = 0xf,
      .symbol = "print+0x4",
      .exits = 14,
      .accesses = 14,
      .guest_ns = 94500,
      .monitor_ns = 12250,
      .monitor_worst_ns = 2340 },
    { .reason = "mmio",
      .is_access = true,
      .addr = 0xfee00020,
      .rip = 0xffffffff81000000,
      .symbol = "boot",
      .exits = 3,
      .accesses = 3,
      .guest_ns = 4000,
      .monitor_ns = 900,
      .monitor_worst_ns = 400 },
    { .reason = "pio",
      .is_access = true,
      .other = true,
      .exits = 4000,
      .accesses = 5000,
      .guest_ns = 1,
      .monitor_ns = 2500000,
      .monitor_worst_ns = 1000 },
    { .reason = "refused",
      .rip = 0x7c00,
      .exits = 2,
      .accesses = 2,
      .guest_ns = 3000,
      .monitor_ns = 400,
      .monitor_worst_ns = 300,
      .helped = 10001 },
};

static void exits_as_text(void **state)
{
    struct vitro_exit_row row[ARRAY_LEN(hand_made)];
    struct exits_view v = { .row = row, .n = ARRAY_LEN(row), .ncpus = 1 };
    char *out;

    (void)state;
    memcpy(row, hand_made, sizeof(row));
    exits_arrange(&v);
    assert_int_equal(v.exits, 4020);
    assert_int_equal(v.accesses, 5020);
    assert_string_equal(row[0].reason, "pio");
    assert_string_equal(row[5].reason, "kicked"); /* last, however many */
    assert_int_equal(exits_text(&v, false, &out, NULL), 0);
    assert_plain(out);
    golden_check("exits.txt", out);
    free(out);
    memcpy(row, &hand_made[2], sizeof(row[0]));
    memcpy(row + 1, &hand_made[0], sizeof(row[0]));
    row[0].symbol[0] = '\0';
    v.n = 2;
    exits_arrange(&v);
    assert_int_equal(exits_text(&v, false, &out, NULL), 0);
    golden_check("exits-hello.txt", out);
    free(out);
    v.n = 0;
    exits_arrange(&v);
    assert_int_equal(exits_text(&v, false, &out, NULL), 0);
    golden_check("exits-none.txt", out);
    free(out);
}

/* A port device whose name comes from an embedder who means no good. */
static struct dev_ops evil_ops = { .name = "evil\x1b]52;c;\x07\"\xff", .widths = W8 };

static void add_dev(struct machine *m, struct dev *dev, uint64_t port)
{
    assert_int_equal(machine_add_dev(m, dev, NULL), 0);
    assert_int_equal(bus_add(&m->pio, port, 1, dev, NULL), 0);
}

static void account(struct machine *m, unsigned cpu, enum exit_kind kind, uint64_t addr,
                    uint64_t rip, unsigned n)
{
    struct cpu_exit x = {
        .kind = kind, .write = true, .width = 1, .addr = addr, .rip = rip, .data = 0x1b
    };

    for (unsigned i = 0; i < n; i++)
        exit_account(&m->cpu[cpu]->exits, &x, 1000, 100);
}

static void rows_of_all_cpus(void **state)
{
    static struct stub stub;
    struct machine *m = stub_machine(&stub, 2);
    struct dev dev = { .ops = &evil_ops };
    struct exits_view v;

    (void)state;
    add_dev(m, &dev, 0xe9);
    account(m, 0, EXIT_PIO, 0xe9, 0x10, 5);
    account(m, 1, EXIT_PIO, 0xe9, 0x10, 7);
    account(m, 1, EXIT_PIO, 0x80, 0x10, 6);
    account(m, 1, EXIT_KICKED, 0, 0, 50);
    account(m, 0, EXIT_HLT, 0, 0x20, 1);
    assert_int_equal(exits_collect(m, NULL, &v, NULL), 0);
    assert_int_equal(v.n, 5);
    assert_int_equal(v.exits, 19);
    assert_int_equal(v.row[0].exits, 7);
    assert_int_equal(v.row[0].cpu, 1);
    assert_ptr_equal(v.row[0].device, evil_ops.name);
    assert_null(v.row[1].device);
    assert_int_equal(v.row[1].addr, 0x80);
    assert_true(v.row[2].is_access && v.row[2].write);
    assert_string_equal(v.row[3].reason, "hlt");
    assert_string_equal(v.row[4].reason, "kicked");
    assert_true((v.row[0].monitor_worst_ns + 1) * v.row[0].accesses >= v.row[0].monitor_ns);
    exits_fini(&v);
    machine_free(m);
}

static void hostile_names(void **state)
{
    static struct stub stub;
    struct machine *m = stub_machine(&stub, 1);
    struct dev dev = { .ops = &evil_ops };
    struct recent_view recent;
    struct exits_view v;
    json_t *doc;
    char *out;

    (void)state;
    add_dev(m, &dev, 0xe9);
    account(m, 0, EXIT_PIO, 0xe9, 0x10, 5);
    assert_int_equal(exits_collect(m, NULL, &v, NULL), 0);
    assert_int_equal(exits_text(&v, false, &out, NULL), 0);
    assert_plain(out);
    assert_non_null(strstr(out, "evil\\x1b]52;c;\\x07"));
    free(out);
    assert_int_equal(exits_json(&v, &out, NULL), 0);
    doc = parsed(out);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(doc, "rows"), 0), "device")),
                        "evil\\x1b]52;c;\\x07\"\\xff");
    json_decref(doc);
    exits_fini(&v);
    recent_collect(m->cpu[0], NULL, &recent);
    assert_int_equal(recent_text(&recent, false, &out, NULL), 0);
    assert_plain(out);
    free(out);
    assert_int_equal(recent_json(&recent, &out, NULL), 0);
    json_decref(parsed(out));
    machine_free(m);
}

/* As hand_made is arranged. */
static const char *const directions[] = { "in", "out", "read", NULL, NULL };

static void exits_as_json(void **state)
{
    struct vitro_exit_row row[ARRAY_LEN(hand_made)];
    struct exits_view v = { .row = row, .n = ARRAY_LEN(row), .ncpus = 1 };
    json_t *doc, *rows;
    char *out;

    (void)state;
    memcpy(row, hand_made, sizeof(row));
    exits_arrange(&v);
    assert_int_equal(exits_json(&v, &out, NULL), 0);
    doc = parsed(out);
    rows = json_object_get(doc, "rows");
    assert_int_equal(json_array_size(rows), 5);
    assert_int_equal(json_array_size(json_object_get(doc, "kicked")), 1);
    assert_int_equal(json_integer_value(json_object_get(doc, "exits")), v.exits);
    assert_int_equal(json_integer_value(json_object_get(doc, "monitor_ns")), v.monitor_ns);
    for (size_t i = 0; i < 5; i++) {
        const json_t *r = json_array_get(rows, i);

        const json_t *direction = json_object_get(r, "direction");

        assert_string_equal(json_string_value(json_object_get(r, "reason")), row[i].reason);
        if (directions[i] != NULL)
            assert_string_equal(json_string_value(direction), directions[i]);
        else
            assert_true(json_is_null(direction));
        assert_int_equal(json_integer_value(json_object_get(r, "exits")), row[i].exits);
        assert_int_equal(json_integer_value(json_object_get(r, "accesses")), row[i].accesses);
        assert_int_equal(json_integer_value(json_object_get(r, "guest_ns")), row[i].guest_ns);
        assert_int_equal(json_integer_value(json_object_get(r, "monitor_worst_ns")),
                         row[i].monitor_worst_ns);
        assert_int_equal(json_integer_value(json_object_get(r, "helped")), row[i].helped);
        assert_int_equal(json_is_true(json_object_get(r, "other")), row[i].other);
        if (row[i].other)
            assert_true(json_is_null(json_object_get(r, "rip")));
        else
            assert_int_equal(hex_of(json_object_get(r, "rip")), row[i].rip);
        if (row[i].is_access && !row[i].other)
            assert_int_equal(hex_of(json_object_get(r, "address")), row[i].addr);
    }
    json_decref(doc);
}

/* 5,000 places: the view stays small, says so, and its sums are right. */
static void too_many_places(void **state)
{
    static struct stub stub;
    struct machine *m = stub_machine(&stub, 1);
    struct exits_view v;
    uint64_t sum = 0;
    char *out;

    (void)state;
    for (unsigned i = 0; i < 5000; i++)
        account(m, 0, EXIT_PIO, i, 0x1000 + i, 2);
    assert_int_equal(exits_collect(m, NULL, &v, NULL), 0);
    assert_int_equal(v.n, EXIT_ROWS / 4 * 3 + 1);
    assert_true(v.row[0].other);
    assert_int_equal(v.row[0].exits, 10000 - 2 * (EXIT_ROWS / 4 * 3));
    for (size_t i = 0; i < v.n; i++)
        sum += v.row[i].exits;
    assert_int_equal(sum, 10000);
    assert_int_equal(v.exits, 10000);
    assert_int_equal(exits_text(&v, false, &out, NULL), 0);
    assert_non_null(strstr(out, "elsewhere"));
    assert_non_null(strstr(out, "10,000 exits"));
    free(out);
    exits_fini(&v);
    machine_free(m);
}

/* ---- the last exits -------------------------------------------------------------------------- */

static const struct cpu_exit last_words[] = {
    { .kind = EXIT_PIO, .write = true, .width = 1, .addr = 0xe9, .data = 'H', .rip = 0xf },
    { .kind = EXIT_PIO, .write = true, .width = 1, .addr = 0xe9, .data = 0x1b, .rip = 0xf },
    { .kind = EXIT_PIO, .width = 4, .addr = 0x5628, .data = 0xffffffff, .rip = 0x1234 },
    { .kind = EXIT_MMIO,
      .write = true,
      .width = 8,
      .addr = 0xfee00000,
      .data = 0x123456789abcdef,
      .rip = 0xffffffff81000000 },
    { .kind = EXIT_DEBUG, .addr = 0xffff4ff1, .rip = 0x30 },
    { .kind = EXIT_EOI, .addr = 0x20, .rip = 0x31 },
    { .kind = EXIT_REFUSED,
      .rip = 0x32,
      .ninsn = 4,
      .insn = { 0x0f, 0xc7, 0x0f, 0x90 },
      .detail = "KVM cannot emulate it" },
};

static void recent_as_text_and_json(void **state)
{
    static struct stub stub;
    static struct dev_ops ops = { .name = "debugcon", .widths = W8 };
    struct machine *m = stub_machine(&stub, 1);
    struct dev dev = { .ops = &ops };
    struct recent_view v;
    json_t *doc, *rows;
    char *out;

    (void)state;
    add_dev(m, &dev, 0xe9);
    recent_collect(m->cpu[0], NULL, &v);
    assert_int_equal(recent_text(&v, false, &out, NULL), 0);
    assert_non_null(strstr(out, "no exits"));
    free(out);
    for (size_t i = 0; i < ARRAY_LEN(last_words); i++)
        exit_account(&m->cpu[0]->exits, &last_words[i], 1, 1);
    recent_collect(m->cpu[0], NULL, &v);
    assert_int_equal(v.n, ARRAY_LEN(last_words));
    assert_int_equal(recent_text(&v, false, &out, NULL), 0);
    assert_plain(out);
    golden_check("recent.txt", out);
    free(out);
    assert_int_equal(recent_json(&v, &out, NULL), 0);
    doc = parsed(out);
    rows = json_object_get(doc, "recent");
    assert_int_equal(json_array_size(rows), v.n);
    for (unsigned i = 0; i < v.n; i++) {
        const json_t *r = json_array_get(rows, i);

        assert_int_equal(json_integer_value(json_object_get(r, "back")), (int)i - (int)v.n);
        assert_int_equal(hex_of(json_object_get(r, "rip")), last_words[i].rip);
    }
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 6), "bytes")),
                        "0fc70f90");
    json_decref(doc);
    for (unsigned i = 0; i < 100; i++)
        account(m, 0, EXIT_PIO, i, i, 1);
    recent_collect(m->cpu[0], NULL, &v);
    assert_int_equal(v.n, EXIT_RECENT);
    assert_int_equal(v.row[0].exit.addr, 100 - EXIT_RECENT);
    assert_int_equal(v.row[EXIT_RECENT - 1].exit.addr, 99);
    machine_free(m);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(exits_as_text),    cmocka_unit_test(exits_as_json),
        cmocka_unit_test(rows_of_all_cpus), cmocka_unit_test(hostile_names),
        cmocka_unit_test(too_many_places),  cmocka_unit_test(recent_as_text_and_json),
    };

    return cmocka_run_group_tests_name("inspect/exit views", tests, NULL, NULL);
}
