/* SPDX-License-Identifier: MIT */
/* test_debug_ports.c - register scripts of debugcon and debug-exit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "dev/debugcon.h"
#include "dev/debugexit.h"

struct seen {
    char bytes[16];
    size_t n;
    uint32_t code;
    unsigned ends;
};

static void see_bytes(void *ctx, const void *bytes, size_t len)
{
    struct seen *s = ctx;

    memcpy(s->bytes + s->n, bytes, len);
    s->n += len;
}

static void see_end(void *ctx, uint32_t value)
{
    struct seen *s = ctx;

    s->code = value;
    s->ends++;
}

static void debugcon_script(void **state)
{
    static const struct chr_ops ops = { .write = see_bytes };
    struct seen seen = { 0 };
    struct chr out = { &ops, &seen };
    struct dev *dev = debugcon_new(&out);
    struct vitro_err err = { 0 };
    struct bus bus = { 0 };

    (void)state;
    assert_non_null(dev);
    assert_int_equal(bus_add(&bus, DEBUGCON_PORT, DEBUGCON_LEN, dev, &err), 0);
    assert_int_equal(bus_read(&bus, 0xe9, 1), 0xe9);
    bus_write(&bus, 0xe9, 1, 'A');
    bus_write(&bus, 0xe9, 1, 0x1ff);
    assert_int_equal(seen.n, 2);
    assert_int_equal((unsigned char)seen.bytes[0], 'A');
    assert_int_equal((unsigned char)seen.bytes[1], 0xff);
    /* wider accesses run off its one port: nobody answers */
    bus_write(&bus, 0xe9, 2, 0x4142);
    bus_write(&bus, 0xe9, 4, 0x41424344);
    assert_int_equal(seen.n, 2);
    assert_int_equal(bus_read(&bus, 0xe9, 2), 0xffff);
    assert_int_equal(bus.unclaimed, 3);
    dev->ops->free(dev);
}

static void debugexit_script(void **state)
{
    static const struct {
        unsigned off, width;
        uint64_t val;
        uint32_t code;
    } rows[] = {
        { 0, 1, 3, 3 },         { 0, 2, 0x1234, 0x1234 },     { 0, 4, 0xfffffffe, 0xfffffffe },
        { 1, 1, 0x12, 0x1200 }, { 2, 2, 0xbeef, 0xbeef0000 }, { 3, 1, 1, 0x01000000 },
    };
    struct seen seen = { 0 };
    struct debugexit_line line = { see_end, &seen };
    struct dev *dev = debugexit_new(&line);
    struct vitro_err err = { 0 };
    struct bus bus = { 0 };

    (void)state;
    assert_non_null(dev);
    assert_int_equal(bus_add(&bus, DEBUGEXIT_PORT, DEBUGEXIT_LEN, dev, &err), 0);
    assert_int_equal(bus_read(&bus, 0xf4, 4), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bus_write(&bus, 0xf4 + rows[i].off, rows[i].width, rows[i].val);
        assert_int_equal(seen.code, rows[i].code);
        assert_int_equal(seen.ends, i + 1);
    }
    bus_write(&bus, 0xf6, 4, 1); /* off the end */
    assert_int_equal(seen.ends, sizeof(rows) / sizeof(rows[0]));
    dev->ops->free(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(debugcon_script),
        cmocka_unit_test(debugexit_script),
    };

    return cmocka_run_group_tests_name("dev/debug ports", tests, NULL, NULL);
}
