/* SPDX-License-Identifier: MIT */
/* test_exit.c - the accounting of exits: keys, sums, the shared rows, the ring of the last ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/exit.h"

enum { OWN_ROWS = EXIT_ROWS / 4 * 3 }; /* a quarter stays free, so that searches end */

static int new_table(void **state)
{
    *state = calloc(1, sizeof(struct exit_table));
    return *state == NULL;
}

static int free_table(void **state)
{
    free(*state);
    return 0;
}

static struct cpu_exit pio(uint64_t port, uint64_t rip)
{
    return (
        struct cpu_exit){ .kind = EXIT_PIO, .write = true, .width = 1, .addr = port, .rip = rip };
}

static const struct exit_row *find(const struct exit_table *t, const struct cpu_exit *x)
{
    for (size_t i = 0; i < EXIT_ROWS; i++) {
        const struct exit_row *r = &t->row[i];

        if (r->accesses != 0 && r->kind == x->kind && r->write == x->write && r->addr == x->addr &&
            r->rip == x->rip)
            return r;
    }
    return NULL;
}

static void sums_and_worst(void **state)
{
    struct exit_table *t = *state;
    struct cpu_exit x = pio(0xe9, 0x10);
    const struct exit_row *r;

    exit_account(t, &x, 100, 7);
    exit_account(t, &x, 50, 9);
    exit_account(t, &x, 1, 8);
    r = find(t, &x);
    assert_non_null(r);
    assert_int_equal(r->exits, 3);
    assert_int_equal(r->accesses, 3);
    assert_int_equal(r->guest_ticks, 151);
    assert_int_equal(r->monitor_ticks, 24);
    assert_int_equal(r->monitor_worst_ticks, 9);
    assert_int_equal(t->exits, 3);
    assert_int_equal(t->accesses, 3);
    assert_int_equal(t->nrows, 1);
}

/* Each part of the key makes a row of its own; what is no part of it (data, width) does not. */
static void keys(void **state)
{
    struct exit_table *t = *state;
    struct cpu_exit x = pio(0xe9, 0x10), y;

    exit_account(t, &x, 1, 1);
    y = x;
    y.data = 5;
    y.width = 4;
    exit_account(t, &y, 1, 1);
    assert_int_equal(t->nrows, 1);
    y = x;
    y.write = false;
    exit_account(t, &y, 1, 1);
    y = x;
    y.addr = 0xea;
    exit_account(t, &y, 1, 1);
    y = x;
    y.rip = 0x12;
    exit_account(t, &y, 1, 1);
    y = x;
    y.kind = EXIT_MMIO;
    exit_account(t, &y, 1, 1);
    assert_int_equal(t->nrows, 5);
    assert_int_equal(find(t, &x)->exits, 2);
    assert_int_equal(find(t, &y)->exits, 1);
}

/* The memo of the last row must not catch an exit of another key, nor miss a return to the first. */
static void memo_alternates(void **state)
{
    struct exit_table *t = *state;
    struct cpu_exit a = pio(0xe9, 0x10), b = pio(0xe9, 0x20);

    for (unsigned i = 0; i < 1000; i++) {
        exit_account(t, &a, 1, 2);
        exit_account(t, &b, 3, 4);
        exit_account(t, &b, 3, 4);
    }
    assert_int_equal(t->nrows, 2);
    assert_int_equal(find(t, &a)->exits, 1000);
    assert_int_equal(find(t, &b)->exits, 2000);
    assert_int_equal(find(t, &b)->guest_ticks, 6000);
    assert_int_equal(t->exits, 3000);
}

static void kicked_is_not_the_guests(void **state)
{
    struct exit_table *t = *state;
    struct cpu_exit kick = { .kind = EXIT_KICKED }, hlt = { .kind = EXIT_HLT, .rip = 1 };

    exit_account(t, &kick, 10, 1);
    exit_account(t, &kick, 10, 1);
    assert_int_equal(t->exits, 0);
    assert_int_equal(t->accesses, 0);
    assert_int_equal(t->nrecent, 0);
    assert_int_equal(find(t, &kick)->exits, 2);
    exit_account(t, &hlt, 10, 1);
    assert_int_equal(t->exits, 1);
    assert_int_equal(t->nrecent, 1);
}

/* A REP OUTS that the engine hands over in one piece: one exit, many accesses. */
static void more_counts_accesses_only(void **state)
{
    struct exit_table *t = *state;
    struct cpu_exit x = pio(0xe9, 0x10);

    exit_account(t, &x, 100, 5);
    x.more = true;
    for (unsigned i = 0; i < 9; i++)
        exit_account(t, &x, 0, 5);
    assert_int_equal(find(t, &x)->exits, 1);
    assert_int_equal(find(t, &x)->accesses, 10);
    assert_int_equal(t->exits, 1);
    assert_int_equal(t->accesses, 10);
    assert_int_equal(t->nrecent, 10);
}

static void recent_is_a_ring(void **state)
{
    struct exit_table *t = *state;

    for (unsigned i = 0; i < 100; i++) {
        struct cpu_exit x = pio(i, i);

        exit_account(t, &x, 1, 1);
    }
    assert_int_equal(t->nrecent, 100);
    for (unsigned i = 0; i < EXIT_RECENT; i++)
        assert_int_equal(t->recent[(t->nrecent - 1 - i) % EXIT_RECENT].addr, 99 - i);
}

static void sum_rows(const struct exit_table *t, struct exit_row *sum)
{
    *sum = (struct exit_row){ 0 };
    for (size_t i = 0; i < EXIT_ROWS + EXIT_OTHERS; i++) {
        const struct exit_row *r = i < EXIT_ROWS ? &t->row[i] : &t->other[i - EXIT_ROWS];

        sum->exits += r->exits;
        sum->accesses += r->accesses;
        sum->guest_ticks += r->guest_ticks;
        sum->monitor_ticks += r->monitor_ticks;
    }
}

/* The shared row of a kind's writes, which is what pio() makes; the row of reads must stay empty. */
static const struct exit_row *other_row(const struct exit_table *t, enum exit_kind kind)
{
    assert_int_equal(t->other[2 * kind].accesses, 0);
    return &t->other[2 * kind + 1];
}

/* A search where nothing answers leaves the rest of the table to devices. */
static void search_fills_a_part(void **state)
{
    struct exit_table *t = *state;

    for (unsigned i = 0; i < 5000; i++) {
        struct cpu_exit x = pio(i, 0x1000);

        x.nobody = true;
        exit_account(t, &x, 3, 2);
    }
    assert_int_equal(t->nrows, EXIT_NOBODY_ROWS);
    assert_int_equal(t->exits, 5000);
    assert_int_equal(other_row(t, EXIT_PIO)->exits, 5000 - EXIT_NOBODY_ROWS);
    for (unsigned i = 0; i < 100; i++) {
        struct cpu_exit x = pio(0x3f8, i);

        exit_account(t, &x, 3, 2);
        assert_non_null(find(t, &x));
    }
    assert_int_equal(t->nrows, EXIT_NOBODY_ROWS + 100);
}

/* A guest that invents addresses for ever: the table stays as it is, and nothing goes uncounted. */
static void full_table_counts_in_other(void **state)
{
    struct exit_table *t = *state;
    struct exit_row sum;

    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 5000; i++) {
            struct cpu_exit x = pio(i, UINT64_C(0xffffffff80000000) + i);

            x.kind = i % 2 ? EXIT_PIO : EXIT_MMIO;
            exit_account(t, &x, 3, 2);
        }
    }
    assert_int_equal(t->nrows, OWN_ROWS);
    assert_int_equal(t->exits, 10000);
    sum_rows(t, &sum);
    assert_int_equal(sum.exits, 10000);
    assert_int_equal(sum.accesses, 10000);
    assert_int_equal(sum.guest_ticks, 30000);
    assert_int_equal(sum.monitor_ticks, 20000);
    assert_true(other_row(t, EXIT_PIO)->other && other_row(t, EXIT_MMIO)->other);
    assert_false(other_row(t, EXIT_HLT)->other);
    assert_int_equal(other_row(t, EXIT_PIO)->exits + other_row(t, EXIT_MMIO)->exits,
                     10000 - 2 * OWN_ROWS);
    assert_int_equal(other_row(t, EXIT_PIO)->addr, 0);
}

/* A key with a row keeps it when the table has filled up, also right after the shared row was used. */
static void old_rows_survive_overflow(void **state)
{
    struct exit_table *t = *state;
    struct cpu_exit old = pio(0xe9, 0x10), other = pio(9, 9);

    exit_account(t, &old, 1, 1);
    for (unsigned i = 0; i < 2000; i++) {
        struct cpu_exit x = pio(i, 0x100000 + i);

        exit_account(t, &x, 1, 1);
    }
    for (unsigned i = 0; i < 10; i++) {
        exit_account(t, &other, 1, 1);
        exit_account(t, &old, 1, 1);
    }
    assert_int_equal(find(t, &old)->exits, 11);
    assert_null(find(t, &other));
}

static void names(void **state)
{
    (void)state;
    for (int i = 0; i < EXIT_NKINDS; i++)
        assert_non_null(exit_kind_name((enum exit_kind)i));
    assert_string_equal(exit_kind_name(EXIT_PIO), "pio");
    assert_string_equal(exit_kind_name(EXIT_SYSTEM_EVENT), "system-event");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, new_table, free_table)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(sums_and_worst),
        TEST(keys),
        TEST(memo_alternates),
        TEST(kicked_is_not_the_guests),
        TEST(more_counts_accesses_only),
        TEST(recent_is_a_ring),
        TEST(search_fills_a_part),
        TEST(full_table_counts_in_other),
        TEST(old_rows_survive_overflow),
        TEST(names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
