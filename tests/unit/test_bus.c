/* SPDX-License-Identifier: MIT */
/* test_bus.c - finding devices, the width rules, and everything at and beyond the edges of a range. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "core/bus.h"

enum { CALLS_MAX = 16 };

struct call {
    uint64_t off, val;
    unsigned width;
    bool write;
};

/* Remembers what it was asked; reads give byte n of the range as n. */
struct recorder {
    struct dev dev;
    struct dev_ops ops;
    struct call call[CALLS_MAX];
    unsigned ncalls;
};

static uint64_t rec_read(struct dev *dev, uint64_t off, unsigned width)
{
    struct recorder *r = (struct recorder *)dev;
    uint64_t val = 0;

    assert_true(r->ncalls < CALLS_MAX);
    r->call[r->ncalls++] = (struct call){ off, 0, width, false };
    for (unsigned i = 0; i < width; i++)
        val |= (off + i) << (8 * i);
    return val | (width < 8 ? UINT64_MAX << (8 * width) : 0); /* what is too wide must be cut off */
}

static void rec_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct recorder *r = (struct recorder *)dev;

    assert_true(r->ncalls < CALLS_MAX);
    r->call[r->ncalls++] = (struct call){ off, val, width, true };
}

static void rec_init(struct recorder *r, const char *name, unsigned widths)
{
    *r = (struct recorder){
        .ops = { .name = name, .widths = widths, .read = rec_read, .write = rec_write }
    };
    r->dev.ops = &r->ops;
}

static void assert_call(const struct recorder *r, unsigned i, uint64_t off, unsigned width,
                        uint64_t val)
{
    assert_true(i < r->ncalls);
    assert_int_equal(r->call[i].off, off);
    assert_int_equal(r->call[i].width, width);
    assert_int_equal(r->call[i].val, val);
}

static void add(struct bus *bus, uint64_t base, uint64_t len, struct recorder *r)
{
    assert_int_equal(bus_add(bus, base, len, &r->dev, NULL), 0);
}

/* ---- finding --------------------------------------------------------------------------------- */

static void finds_by_range(void **state)
{
    struct recorder a, b, c;
    struct bus bus = { 0 };

    (void)state;
    rec_init(&a, "a", W8);
    rec_init(&b, "b", W8);
    rec_init(&c, "c", W8);
    add(&bus, 0x300, 0x10, &c);
    add(&bus, 0x100, 0x10, &a);
    add(&bus, 0x110, 0x10, &b);
    assert_null(bus_dev(&bus, 0xff));
    assert_ptr_equal(bus_dev(&bus, 0x100), &a.dev);
    assert_ptr_equal(bus_dev(&bus, 0x10f), &a.dev);
    assert_ptr_equal(bus_dev(&bus, 0x110), &b.dev);
    assert_null(bus_dev(&bus, 0x120));
    assert_ptr_equal(bus_dev(&bus, 0x30f), &c.dev);
    assert_null(bus_dev(&bus, 0x310));
    assert_null(bus_dev(&bus, UINT64_MAX));
}

static void overlap_refused(void **state)
{
    static const struct {
        uint64_t base, len;
        int rc;
    } rows[] = {
        { 0x100, 0x10, -EEXIST },
        { 0x10f, 1, -EEXIST },
        { 0x0, 0x101, -EEXIST },
        { 0x0, 0x1000, -EEXIST },
        { 0x108, 2, -EEXIST },
        { 0x100, 0, -EINVAL },
        { UINT64_MAX, 2, -EINVAL },
        { 1, UINT64_MAX, -EEXIST },
        { 2, UINT64_MAX, -EINVAL },
        { 0x110, 1, 0 },
        { 0xff, 1, 0 },
    };
    struct recorder a, b;
    struct bus bus = { 0 };

    (void)state;
    rec_init(&a, "first", W8);
    rec_init(&b, "second", W8);
    add(&bus, 0x100, 0x10, &a);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct vitro_err err = { 0 };
        size_t n = bus.nranges;

        assert_int_equal(bus_add(&bus, rows[i].base, rows[i].len, &b.dev, &err), rows[i].rc);
        assert_int_equal(err.code, rows[i].rc);
        assert_int_equal(bus.nranges, n + (rows[i].rc == 0));
        if (rows[i].rc == -EEXIST)
            assert_non_null(strstr(err.text, "first"));
    }
}

static void bus_has_an_end(void **state)
{
    struct recorder r;
    struct bus bus = { 0 };

    (void)state;
    rec_init(&r, "many", W8);
    for (uint64_t i = 0; i < BUS_RANGES_MAX; i++)
        add(&bus, (BUS_RANGES_MAX - i) * 16, 8, &r); /* from the top: every one is moved */
    assert_int_equal(bus_add(&bus, 0x10000, 8, &r.dev, NULL), -ENOSPC);
    for (uint64_t i = 1; i <= BUS_RANGES_MAX; i++) {
        assert_non_null(bus_dev(&bus, i * 16 + 7));
        assert_null(bus_dev(&bus, i * 16 + 8));
    }
}

/* ---- widths ---------------------------------------------------------------------------------- */

/* What a device sees of an access of `width` bytes at offset 4, for each set of widths it decodes. */
static void width_rules(void **state)
{
    static const struct {
        unsigned widths, width, step; /* step 0: nobody answers */
    } rows[] = {
        { W8, 1, 1 },
        { W8, 2, 1 },
        { W8, 4, 1 },
        { W8, 8, 1 },
        { W16, 1, 0 },
        { W16, 2, 2 },
        { W16, 8, 2 },
        { W32, 1, 0 },
        { W32, 2, 0 },
        { W32, 4, 4 },
        { W32, 8, 4 },
        { W64, 4, 0 },
        { W64, 8, 8 },
        { W8 | W32, 2, 1 },
        { W8 | W32, 8, 4 },
        { W16 | W64, 4, 2 },
        { W8 | W16 | W32 | W64, 8, 8 },
        { W8 | W16 | W32 | W64, 2, 2 },
    };
    static const uint64_t bytes = UINT64_C(0x0b0a090807060504);

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned width = rows[i].width, step = rows[i].step;
        struct bus bus = { 0 };
        struct recorder r;
        uint64_t val;

        rec_init(&r, "r", rows[i].widths);
        add(&bus, 0x1000, 0x40, &r);
        val = bus_read(&bus, 0x1004, width);
        assert_int_equal(r.ncalls, step != 0 ? width / step : 0);
        assert_int_equal(val, step != 0 ? bytes & ones(width) : ones(width));
        for (unsigned k = 0; k < r.ncalls; k++)
            assert_call(&r, k, 4 + k * step, step, 0);
        r.ncalls = 0;
        bus_write(&bus, 0x1004, width, bytes);
        assert_int_equal(r.ncalls, step != 0 ? width / step : 0);
        for (unsigned k = 0; k < r.ncalls; k++)
            assert_call(&r, k, 4 + k * step, step, (bytes >> (8 * k * step)) & ones(step));
        assert_int_equal(bus.unclaimed, step != 0 ? 0 : 2);
        assert_int_equal(r.dev.reads, step != 0);
        assert_int_equal(r.dev.writes, step != 0);
    }
}

/* D5: every width at every offset in and across the end of a device of 16 bytes. */
static void every_offset_and_edge(void **state)
{
    static const unsigned widths[] = { 1, 2, 4, 8 };
    const uint64_t base = 0x1000, len = 16;

    (void)state;
    for (size_t w = 0; w < ARRAY_LEN(widths); w++) {
        for (uint64_t at = base - 8; at < base + len + 8; at++) {
            bool inside = at >= base && at - base <= len - widths[w];
            struct bus bus = { 0 };
            struct recorder r;
            uint64_t want = 0;

            rec_init(&r, "r", W8);
            add(&bus, base, len, &r);
            for (unsigned i = 0; i < widths[w]; i++)
                want |= (uint64_t)(uint8_t)(at - base + i) << (8 * i);
            assert_int_equal(bus_read(&bus, at, widths[w]), inside ? want : ones(widths[w]));
            assert_int_equal(r.ncalls, inside ? widths[w] : 0);
            assert_int_equal(bus.unclaimed, !inside);
            for (unsigned i = 0; i < r.ncalls; i++)
                assert_true(r.call[i].off < len);
        }
    }
}

/* D6: 8 bytes from a device of 4-byte registers are two registers; a byte is nobody's. */
static void wide_read_of_narrow_registers(void **state)
{
    struct bus bus = { 0 };
    struct recorder r;

    (void)state;
    rec_init(&r, "r", W32);
    add(&bus, 0x2000, 0x10, &r);
    assert_int_equal(bus_read(&bus, 0x2008, 8), UINT64_C(0x0f0e0d0c0b0a0908));
    assert_int_equal(r.ncalls, 2);
    bus_write(&bus, 0x2001, 1, 0xff);
    assert_int_equal(r.ncalls, 2);
    assert_int_equal(bus.unclaimed, 1);
    assert_int_equal(r.dev.reads, 1);
}

/* The last 4 bytes belong to it, the 8 from there do not: nothing is read, not even the half. */
static void crossing_into_a_neighbour(void **state)
{
    struct recorder a, b;
    struct bus bus = { 0 };

    (void)state;
    rec_init(&a, "a", W8 | W32);
    rec_init(&b, "b", W8 | W32);
    add(&bus, 0x100, 8, &a);
    add(&bus, 0x108, 8, &b);
    assert_int_equal(bus_read(&bus, 0x104, 8), UINT64_MAX);
    bus_write(&bus, 0x106, 4, 0);
    assert_int_equal(a.ncalls + b.ncalls, 0);
    assert_int_equal(bus.unclaimed, 2);
}

/* ---- D7: holes, and the end of the address space ---------------------------------------------- */

static void unclaimed_floats(void **state)
{
    struct bus bus = { 0 };

    (void)state;
    assert_int_equal(bus_read(&bus, 0x3f8, 1), 0xff);
    assert_int_equal(bus_read(&bus, 0x3f8, 2), 0xffff);
    assert_int_equal(bus_read(&bus, 0x3f8, 4), 0xffffffff);
    assert_int_equal(bus_read(&bus, UINT64_MAX, 8), UINT64_MAX);
    bus_write(&bus, UINT64_MAX, 8, 1);
    assert_int_equal(bus.unclaimed, 5);
}

static void range_to_the_very_end(void **state)
{
    struct bus bus = { 0 };
    struct recorder r;

    (void)state;
    rec_init(&r, "top", W8 | W64);
    add(&bus, UINT64_MAX - 15, 16, &r);
    assert_int_equal(bus_read(&bus, UINT64_MAX, 1), 15);
    assert_int_equal(bus_read(&bus, UINT64_MAX - 7, 8), UINT64_C(0x0f0e0d0c0b0a0908));
    assert_int_equal(bus.unclaimed, 0);
    for (uint64_t at = UINT64_MAX - 6; at != 0; at++)
        assert_int_equal(bus_read(&bus, at, 8), UINT64_MAX); /* would wrap to address 0 */
    assert_int_equal(bus.unclaimed, 7);
    assert_int_equal(bus_add(&bus, UINT64_MAX, 1, &r.dev, NULL), -EEXIST);
}

/* A range that is the whole address space but its first byte: 2^64 - 1 is the longest there is. */
static void range_as_long_as_they_get(void **state)
{
    struct bus bus = { 0 };
    struct recorder r;

    (void)state;
    rec_init(&r, "all", W8);
    add(&bus, 1, UINT64_MAX, &r);
    assert_null(bus_dev(&bus, 0));
    assert_non_null(bus_dev(&bus, 1));
    assert_non_null(bus_dev(&bus, UINT64_MAX));
    bus_write(&bus, UINT64_MAX, 1, 0x5a);
    assert_call(&r, 0, UINT64_MAX - 1, 1, 0x5a);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_by_range),
        cmocka_unit_test(overlap_refused),
        cmocka_unit_test(bus_has_an_end),
        cmocka_unit_test(width_rules),
        cmocka_unit_test(every_offset_and_edge),
        cmocka_unit_test(wide_read_of_narrow_registers),
        cmocka_unit_test(crossing_into_a_neighbour),
        cmocka_unit_test(unclaimed_floats),
        cmocka_unit_test(range_to_the_very_end),
        cmocka_unit_test(range_as_long_as_they_get),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
