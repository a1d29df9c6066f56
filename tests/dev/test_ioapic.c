/* SPDX-License-Identifier: MIT */
/* test_ioapic.c - register scripts of the I/O APIC. Source: Intel 82093AA data sheet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "chip_rig.h"
#include "dev/ioapic.h"

struct rig {
    struct dev *dev;
    struct bus bus;
    unsigned nsent, seen; /* messages; how many of them a step has looked at */
    uint64_t addr[64];
    uint32_t data[64];
    unsigned nchanged[IOAPIC_PINS];
};

static void see_message(void *ctx, uint64_t addr, uint32_t data)
{
    struct rig *r = ctx;

    assert_in_range(r->nsent, 0, 63);
    r->addr[r->nsent] = addr;
    r->data[r->nsent++] = data;
}

static void see_change(void *ctx, unsigned pin)
{
    ((struct rig *)ctx)->nchanged[pin]++;
}

static void make(struct rig *r)
{
    struct ioapic_config cfg = { 9, { see_message, r }, see_change, r };

    *r = (struct rig){ .dev = ioapic_new(&cfg) };
    assert_non_null(r->dev);
    assert_int_equal(bus_add(&r->bus, IOAPIC_MMIO, IOAPIC_LEN, r->dev, NULL), 0);
}

static void run(const struct step *steps, size_t n)
{
    struct rig r;

    make(&r);
    steps_run(&r, steps, n);
    assert_int_equal(r.nsent, r.seen);
    r.dev->ops->free(r.dev);
}

#define SCRIPT(...)                                         \
    do {                                                    \
        static const struct step steps[] = { __VA_ARGS__ }; \
        run(steps, sizeof(steps) / sizeof(steps[0]));       \
    } while (0)

/* ---- steps ------------------------------------------------------------------------------------- */

/* index, value */
static void wr(void *rig, const struct step *s)
{
    struct rig *r = rig;

    bus_write(&r->bus, IOAPIC_MMIO, 4, s->arg[0]);
    bus_write(&r->bus, IOAPIC_MMIO + 0x10, 4, s->arg[1]);
}

/* index, value wanted */
static void rd(void *rig, const struct step *s)
{
    struct rig *r = rig;

    bus_write(&r->bus, IOAPIC_MMIO, 4, s->arg[0]);
    step_expect(s, "the register", bus_read(&r->bus, IOAPIC_MMIO + 0x10, 4), s->arg[1]);
}

static void pin(void *rig, const struct step *s)
{
    ioapic_set(((struct rig *)rig)->dev, (unsigned)s->arg[0], s->arg[1]);
}

/* address and data wanted of the next message */
static void sent(void *rig, const struct step *s)
{
    struct rig *r = rig;

    step_expect(s, "there is a message", r->nsent > r->seen, true);
    step_expect(s, "the address", r->addr[r->seen], s->arg[0]);
    step_expect(s, "the data", r->data[r->seen], s->arg[1]);
    r->seen++;
}

static void quiet(void *rig, const struct step *s)
{
    const struct rig *r = rig;

    step_expect(s, "messages", r->nsent, r->seen);
}

static void eoi(void *rig, const struct step *s)
{
    ioapic_eoi(((struct rig *)rig)->dev, (uint8_t)s->arg[0]);
}

/* By the register. */
static void eoir(void *rig, const struct step *s)
{
    bus_write(&((struct rig *)rig)->bus, IOAPIC_MMIO + 0x40, 4, s->arg[0]);
}

/* pin, times wanted */
static void changed(void *rig, const struct step *s)
{
    step_expect(s, "changes", ((struct rig *)rig)->nchanged[s->arg[0]], s->arg[1]);
}

/* Entry of a pin: low and high word. */
#define ENTRY(pin, lo, hi) STEP(wr, 0x10 + 2 * (pin), lo), STEP(wr, 0x11 + 2 * (pin), hi)

/* ---- scripts ----------------------------------------------------------------------------------- */

static void registers(void **state)
{
    (void)state;
    SCRIPT(STEP(rd, 0, 0x09000000), STEP(rd, 1, 0x00170020), STEP(rd, 2, 0x09000000),
           STEP(rd, 0x10, 0x00010000), STEP(rd, 0x11, 0), STEP(rd, 0x3e, 0x00010000),
           STEP(rd, 0x3f, 0), STEP(rd, 0x40, 0), STEP(rd, 0x03, 0), STEP(rd, 0xff, 0),
           STEP(wr, 0, 0xffffffff), STEP(rd, 0, 0x0f000000), STEP(wr, 1, 0),
           STEP(rd, 1, 0x00170020), STEP(wr, 2, 0), STEP(rd, 2, 0x0f000000),
           STEP(wr, 0x12, 0xffffffff), STEP(rd, 0x12, 0x0001afff), STEP(wr, 0x13, 0xffffffff),
           STEP(rd, 0x13, 0xff000000), STEP(wr, 0x40, 0xffffffff), STEP(wr, 0x0f, 1),
           STEP(rd, 0x3e, 0x00010000), STEP(quiet, 0));
}

static void edges(void **state)
{
    (void)state;
    SCRIPT(STEP(pin, 4, 1), STEP(pin, 4, 0), STEP(quiet, 0), ENTRY(4, 0x10034, 0x02000000),
           STEP(pin, 4, 1), STEP(quiet, 0), STEP(wr, 0x18, 0x34),
           STEP(quiet, 0), /* the edge on the masked pin is lost */
           STEP(pin, 4, 0), STEP(pin, 4, 1), STEP(sent, 0xfee02000, 0x4034), STEP(pin, 4, 1),
           STEP(quiet, 0), STEP(pin, 4, 0), STEP(quiet, 0), STEP(pin, 4, 1),
           STEP(sent, 0xfee02000, 0x4034), STEP(rd, 0x18, 0x34), STEP(eoi, 0x34));
}

static void levels(void **state)
{
    (void)state;
    SCRIPT(ENTRY(9, 0x0a8a1, 0x03000000), STEP(pin, 9, 1), STEP(sent, 0xfee03004, 0xc0a1),
           STEP(rd, 0x22, 0xe8a1), STEP(pin, 9, 0), STEP(pin, 9, 1), STEP(quiet, 0),
           STEP(eoi, 0xa2), STEP(quiet, 0), STEP(eoi, 0xa1), STEP(sent, 0xfee03004, 0xc0a1),
           STEP(pin, 9, 0), STEP(eoir, 0xa1), STEP(quiet, 0), STEP(rd, 0x22, 0xa8a1),
           STEP(wr, 0x22, 0x1a8a1), STEP(pin, 9, 1), STEP(quiet, 0), STEP(wr, 0x22, 0x0a8a1),
           STEP(sent, 0xfee03004, 0xc0a1), /* unmasked while it is there */
           STEP(wr, 0x22, 0x0a8a1), STEP(quiet, 0), STEP(rd, 0x22, 0xe8a1), STEP(wr, 0x22, 0x1a8a1),
           STEP(rd, 0x22, 0x1e8a1), STEP(eoi, 0xa1), STEP(quiet, 0), STEP(rd, 0x22, 0x1a8a1));
}

/* Mask, edge, level: how systems clear the remote IRR where there is no EOI register. */
static void remote_irr_by_edge(void **state)
{
    (void)state;
    SCRIPT(ENTRY(10, 0x80b2, 0), STEP(pin, 10, 1), STEP(sent, 0xfee00000, 0xc0b2),
           STEP(wr, 0x24, 0x100b2), STEP(rd, 0x24, 0x100b2), STEP(wr, 0x24, 0x180b2),
           STEP(rd, 0x24, 0x180b2), STEP(quiet, 0), STEP(wr, 0x24, 0x80b2),
           STEP(sent, 0xfee00000, 0xc0b2));
}

static void delivery_modes(void **state)
{
    (void)state;
    SCRIPT(ENTRY(1, 0x0141, 0x0f000000), STEP(pin, 1, 1), STEP(sent, 0xfee0f000, 0x4141),
           ENTRY(2, 0x8400, 0xff000000), STEP(pin, 2, 1), STEP(sent, 0xfeeff000, 0x4400),
           STEP(rd, 0x14, 0x8400), STEP(pin, 2, 0), STEP(pin, 2, 1),
           STEP(sent, 0xfeeff000, 0x4400), /* an NMI is an edge */
           ENTRY(0, 0x0700, 0x01000000), STEP(pin, 0, 1), STEP(sent, 0xfee01000, 0x4700),
           ENTRY(3, 0x0500, 0), STEP(pin, 3, 1), STEP(sent, 0xfee00000, 0x4500),
           ENTRY(5, 0x0900 | 0x55, 0x30000000), STEP(pin, 5, 1), STEP(sent, 0xfee30004, 0x4155),
           ENTRY(6, 0x8300 | 0x56, 0), STEP(pin, 6, 1), STEP(sent, 0xfee00000, 0x4356));
}

/* Two pins with one vector: both are told. */
static void shared_vector(void **state)
{
    (void)state;
    SCRIPT(ENTRY(16, 0x80c0, 0), ENTRY(23, 0x80c0, 0x01000000), STEP(pin, 16, 1),
           STEP(sent, 0xfee00000, 0xc0c0), STEP(pin, 23, 1), STEP(sent, 0xfee01000, 0xc0c0),
           STEP(eoi, 0xc0), STEP(sent, 0xfee00000, 0xc0c0), STEP(sent, 0xfee01000, 0xc0c0));
}

static void changes(void **state)
{
    uint64_t addr;
    uint32_t data;
    static const struct step steps[] = {
        STEP(changed, 7, 0), ENTRY(7, 0x10047, 0x05000000),
        STEP(changed, 7, 2), STEP(wr, 0x1e, 0x10047),
        STEP(changed, 7, 2), STEP(wr, 0x1e, 0x8047),
        STEP(changed, 7, 3), STEP(pin, 7, 1),
        STEP(changed, 7, 3), STEP(changed, 6, 0),
    };
    struct rig r;

    (void)state;
    make(&r);
    assert_false(ioapic_route(r.dev, 7, &addr, &data));
    RUN(&r, steps);
    assert_true(ioapic_route(r.dev, 7, &addr, &data));
    assert_int_equal(addr, 0xfee05000);
    assert_int_equal(data, 0xc047);
    r.dev->ops->reset(r.dev);
    assert_false(ioapic_route(r.dev, 7, &addr, &data));
    assert_int_equal(r.nchanged[7], 4);
    assert_int_equal(r.nchanged[0], 1);
    r.dev->ops->free(r.dev);
}

static void odd_accesses(void **state)
{
    struct rig r;

    (void)state;
    make(&r);
    bus_write(&r.bus, IOAPIC_MMIO, 1, 1);
    assert_int_equal(bus_read(&r.bus, IOAPIC_MMIO, 4), 1);
    assert_int_equal(bus_read(&r.bus, IOAPIC_MMIO + 0x10, 1), 0x20);
    assert_int_equal(bus_read(&r.bus, IOAPIC_MMIO + 0x10, 2), 0x0020);
    assert_int_equal(bus_read(&r.bus, IOAPIC_MMIO + 0x10, 8), 0x00170020);
    assert_int_equal(bus_read(&r.bus, IOAPIC_MMIO + 0x12, 2), 0);
    assert_int_equal(bus_read(&r.bus, IOAPIC_MMIO + 0xffc, 8), 0xffffffffffffffff);
    bus_write(&r.bus, IOAPIC_MMIO, 4, 0xff10);
    bus_write(&r.bus, IOAPIC_MMIO + 0x10, 1, 0);
    bus_write(&r.bus, IOAPIC_MMIO + 0x12, 2, 0);
    bus_write(&r.bus, IOAPIC_MMIO + 0x20, 4, 0);
    assert_int_equal(bus_read(&r.bus, IOAPIC_MMIO + 0x10, 4), 0x10000);
    assert_int_equal(r.dev->refused, 3);
    r.dev->ops->free(r.dev);
}

static void view(void **state)
{
    struct dev_reg rows[DEV_REGS_MAX];
    struct rig r;

    (void)state;
    make(&r);
    ioapic_set(r.dev, 23, true);
    assert_int_equal(r.dev->ops->regs(r.dev, rows), 28);
    assert_string_equal(rows[27].name, "pin 23");
    assert_int_equal(rows[27].value, 0x10000);
    assert_int_equal(rows[3].value, 0x800000);
    r.dev->ops->free(r.dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers),      cmocka_unit_test(edges),
        cmocka_unit_test(levels),         cmocka_unit_test(remote_irr_by_edge),
        cmocka_unit_test(delivery_modes), cmocka_unit_test(shared_vector),
        cmocka_unit_test(changes),        cmocka_unit_test(odd_accesses),
        cmocka_unit_test(view),
    };

    return cmocka_run_group_tests_name("dev/ioapic", tests, NULL, NULL);
}
