/* SPDX-License-Identifier: MIT */
/*
 * test_devices.c - the view of devices: rows from both buses, registers by name, as data, text and JSON
 *
 * A stub machine with a real serial port, a chip in two places, one with all kinds of registers, and one nowhere.
 */
#include "views_rig.h"

#include "base/names.h"
#include "dev/i8259.h"
#include "dev/uart16550.h"
#include "inspect/inspect_devices.h"

static const struct bit_name mode_rows[] = {
    { 0x1, "ON", "it is on" },
    { 0xf0, "RATE", "of what it does" },
    { UINT64_C(1) << 63, "TOP", "the last bit" },
};
static const struct bit_table modes = { mode_rows, ARRAY_LEN(mode_rows) };

static uint64_t zero_read(struct dev *dev, uint64_t off, unsigned width)
{
    (void)off, (void)width;
    dev->refused++;
    return 0;
}

static void no_write(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    (void)dev, (void)off, (void)width, (void)val;
}

static size_t sample_regs(const struct dev *dev, struct dev_reg *out)
{
    (void)dev;
    out[0] = (struct dev_reg){ "MODE", 8, &modes, UINT64_C(0x8000000000000271) };
    out[1] = (struct dev_reg){ "STATUS", 2, &modes, 0 };
    out[2] = (struct dev_reg){ "N", 4, NULL, 42 };
    return 3;
}

static const struct dev_ops sample_ops = {
    .name = "sample", .widths = W32, .read = zero_read, .write = no_write, .regs = sample_regs
};
static const struct dev_ops hidden_ops = { .name = "hid\xff",
                                           .read = zero_read,
                                           .write = no_write };

struct rig {
    struct stub stub;
    struct machine *m;
    struct dev sample, hidden; /* not freed by the machine: no free operation */
};

static void attach(struct bus *bus, uint64_t base, uint64_t len, struct dev *dev)
{
    assert_int_equal(bus_add(bus, base, len, dev, NULL), 0);
}

static void make(struct rig *r)
{
    struct uart16550_config cfg = { 0 };
    struct irq_line none = { 0 };
    struct dev *uart, *pic;

    *r = (struct rig){ .sample = { .ops = &sample_ops }, .hidden = { .ops = &hidden_ops } };
    r->m = stub_machine(&r->stub, 1);
    cfg.clock = &r->m->clock;
    cfg.timers = &r->m->timers;
    uart = uart16550_new(&cfg);
    pic = i8259_new(&none);
    assert_true(uart != NULL && pic != NULL);
    assert_int_equal(machine_add_dev(r->m, uart, NULL), 0);
    assert_int_equal(machine_add_dev(r->m, pic, NULL), 0);
    assert_int_equal(machine_add_dev(r->m, &r->sample, NULL), 0);
    assert_int_equal(machine_add_dev(r->m, &r->hidden, NULL), 0);
    attach(&r->m->pio, 0x3f8, UART16550_LEN, uart);
    attach(&r->m->pio, 0x20, 2, i8259_part(pic, I8259_MASTER));
    attach(&r->m->pio, 0xa0, 2, i8259_part(pic, I8259_SLAVE));
    attach(&r->m->mmio, 0xd0000000, 0x1000, &r->sample);
    attach(&r->m->mmio, 0xc0000000, 4, &r->sample);
    bus_write(&r->m->pio, 0x3fb, 1, 0x83);
    bus_write(&r->m->pio, 0x3fc, 1, 0x0b);
    bus_read(&r->m->pio, 0x3fd, 1);
    bus_read(&r->m->pio, 0xa1, 1);
    bus_read(&r->m->mmio, 0xd0000000, 4);
    bus_read(&r->m->pio, 0x3f7, 1);
    bus_write(&r->m->pio, 0x80, 1, 0);
    bus_read(&r->m->mmio, 0xd0000ffe, 4);
}

static void rows(void **state)
{
    static const struct {
        const char *name;
        bool port;
        uint64_t base, len, reads, writes, refused;
        unsigned nregs;
    } want[] = {
        { "i8259", true, 0x20, 2, 0, 0, 0, 14 },
        { "i8259-2", true, 0xa0, 2, 1, 0, 0, 0 },
        { "uart16550", true, 0x3f8, 8, 1, 2, 0, 10 },
        { "sample", false, 0xc0000000, 4, 1, 0, 1, 3 },
        { "sample", false, 0xd0000000, 0x1000, 1, 0, 1, 3 },
        { "hid\xff", false, 0, 0, 0, 0, 0, 0 },
    };
    struct vitro_device_row got[8];
    struct rig r;
    size_t n;

    (void)state;
    make(&r);
    devices_read(r.m, NULL, 0, &n);
    assert_int_equal(n, ARRAY_LEN(want));
    memset(got, 0, sizeof(got));
    devices_read(r.m, got, 2, &n);
    assert_int_equal(n, ARRAY_LEN(want));
    assert_null(got[2].name);
    devices_read(r.m, got, ARRAY_LEN(got), &n);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(got[i].name, want[i].name);
        assert_int_equal(got[i].port, want[i].port);
        assert_int_equal(got[i].base, want[i].base);
        assert_int_equal(got[i].len, want[i].len);
        assert_int_equal(got[i].reads, want[i].reads);
        assert_int_equal(got[i].writes, want[i].writes);
        assert_int_equal(got[i].refused, want[i].refused);
        assert_int_equal(got[i].nregs, want[i].nregs);
    }
    machine_free(r.m);
}

static void registers(void **state)
{
    struct vitro_device_reg got[4];
    struct vitro_err err = { 0 };
    struct rig r;
    size_t n;

    (void)state;
    make(&r);
    assert_int_equal(devices_read_regs(r.m, 3, got, ARRAY_LEN(got), &n, &err), 0);
    assert_int_equal(n, 3);
    assert_string_equal(got[0].name, "MODE");
    assert_int_equal(got[0].width, 8);
    assert_int_equal(got[0].value, UINT64_C(0x8000000000000271));
    assert_string_equal(got[0].bits, "ON RATE=7 TOP 0x200");
    assert_string_equal(got[1].bits, "");
    assert_string_equal(got[2].bits, "");
    assert_int_equal(devices_read_regs(r.m, 1, NULL, 0, &n, &err), 0);
    assert_int_equal(n, 0);
    assert_int_equal(devices_read_regs(r.m, 6, NULL, 0, &n, &err), -EINVAL);
    assert_int_equal(err.kind, VITRO_ERR_USAGE);
    machine_free(r.m);
}

static void as_text(void **state)
{
    struct rig r;
    char *out;

    (void)state;
    make(&r);
    assert_int_equal(devices_text(r.m, false, false, &out, NULL), 0);
    golden_check("devices.txt", out);
    assert_plain(out);
    free(out);
    assert_int_equal(devices_text(r.m, true, false, &out, NULL), 0);
    golden_check("devices-all.txt", out);
    assert_plain(out);
    free(out);
    assert_int_equal(devices_text(r.m, false, true, &out, NULL), 0);
    assert_non_null(strstr(out, "\033["));
    free(out);
    machine_free(r.m);
}

static void as_json(void **state)
{
    json_t *doc, *row, *reg, *bits;
    struct rig r;
    char *out;

    (void)state;
    make(&r);
    assert_int_equal(devices_json(r.m, &out, NULL), 0);
    doc = parsed(out);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(doc, "unclaimed"), "port")),
                     2);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(doc, "unclaimed"), "memory")), 1);
    assert_int_equal(json_array_size(json_object_get(doc, "devices")), 6);
    row = json_array_get(json_object_get(doc, "devices"), 4);
    assert_string_equal(json_string_value(json_object_get(row, "space")), "memory");
    assert_int_equal(hex_of(json_object_get(row, "base")), 0xd0000000);
    assert_int_equal(json_integer_value(json_object_get(row, "bytes")), 0x1000);
    assert_int_equal(json_integer_value(json_object_get(row, "refused")), 1);
    reg = json_array_get(json_object_get(row, "registers"), 0);
    assert_int_equal(hex_of(json_object_get(reg, "value")), UINT64_C(0x8000000000000271));
    bits = json_object_get(reg, "bits");
    assert_int_equal(json_integer_value(json_object_get(bits, "RATE")), 7);
    assert_int_equal(json_integer_value(json_object_get(bits, "TOP")), 1);
    bits = json_object_get(json_array_get(json_object_get(row, "registers"), 1), "bits");
    assert_int_equal(json_object_size(bits), 3);
    assert_int_equal(json_integer_value(json_object_get(bits, "ON")), 0);
    reg = json_array_get(json_object_get(row, "registers"), 2);
    assert_true(json_is_null(json_object_get(reg, "bits")));
    row = json_array_get(json_object_get(doc, "devices"), 5);
    assert_string_equal(json_string_value(json_object_get(row, "name")), "hid\\xff");
    assert_true(json_is_null(json_object_get(row, "space")));
    assert_true(json_is_null(json_object_get(row, "base")));
    json_decref(doc);
    machine_free(r.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows),
        cmocka_unit_test(registers),
        cmocka_unit_test(as_text),
        cmocka_unit_test(as_json),
    };

    return cmocka_run_group_tests_name("inspect/devices", tests, NULL, NULL);
}
