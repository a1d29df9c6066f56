/* SPDX-License-Identifier: MIT */
/* test_i8254.c - register scripts of the i8254 and port 0x61. Source: Intel data sheet 8254. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "chip_rig.h"
#include "dev/i8254.h"
#include "stub_engine.h"

enum { NS = 1000000000 };

struct rig {
    struct stub stub;
    struct machine *m;
    struct dev *dev;
    bool level;
    unsigned nrises;
};

static void see_irq(void *ctx, unsigned pin, bool level)
{
    struct rig *r = ctx;

    assert_int_equal(pin, 7);
    assert_true(level != r->level);
    r->nrises += level;
    r->level = level;
}

static void make(struct rig *r)
{
    struct irq_line line = { see_irq, r, 7 };

    *r = (struct rig){ 0 };
    time_reset();
    r->m = stub_machine(&r->stub, 1);
    r->dev = i8254_new(r->m, &line);
    assert_non_null(r->dev);
    assert_int_equal(machine_add_dev(r->m, r->dev, NULL), 0);
    assert_int_equal(bus_add(&r->m->pio, I8254_COUNTERS_PORT, I8254_COUNTERS_LEN, r->dev, NULL), 0);
    assert_int_equal(bus_add(&r->m->pio, I8254_PORT_B_PORT, I8254_PORT_B_LEN,
                             i8254_part(r->dev, I8254_PORT_B), NULL),
                     0);
    r->nrises = 0;
}

static void run(const struct step *steps, size_t n)
{
    struct rig r;

    make(&r);
    steps_run(&r, steps, n);
    machine_free(r.m);
}

#define SCRIPT(...)                                         \
    do {                                                    \
        static const struct step steps[] = { __VA_ARGS__ }; \
        run(steps, sizeof(steps) / sizeof(steps[0]));       \
    } while (0)

/* ---- steps ------------------------------------------------------------------------------------- */

/* port, value */
static void wr(void *rig, const struct step *s)
{
    bus_write(&((struct rig *)rig)->m->pio, s->arg[0], 1, s->arg[1]);
}

/* port, value wanted */
static void rd(void *rig, const struct step *s)
{
    step_expect(s, "the port", bus_read(&((struct rig *)rig)->m->pio, s->arg[0], 1), s->arg[1]);
}

/* port, value wanted of two bytes, the lower one first */
static void rd2(void *rig, const struct step *s)
{
    struct bus *bus = &((struct rig *)rig)->m->pio;
    uint64_t v = bus_read(bus, s->arg[0], 1);

    v |= bus_read(bus, s->arg[0], 1) << 8;
    step_expect(s, "the count", v, s->arg[1]);
}

/* Status of a counter, by read-back. */
static void status(void *rig, const struct step *s)
{
    struct bus *bus = &((struct rig *)rig)->m->pio;

    bus_write(bus, 0x43, 1, 0xe0 | 2u << s->arg[0]);
    step_expect(s, "the status", bus_read(bus, 0x40 + s->arg[0], 1), s->arg[1]);
}

/* To the first nanosecond of the pulse that comes n pulses later. */
static void pulses(void *rig, const struct step *s)
{
    uint64_t pulse = time_now() * I8254_HZ / NS + s->arg[0];
    uint64_t at = (pulse * NS + I8254_HZ - 1) / I8254_HZ;

    time_advance(&((struct rig *)rig)->m->timers, at - time_now());
}

/* level wanted, rising edges wanted since the beginning */
static void irq(void *rig, const struct step *s)
{
    const struct rig *r = rig;

    step_expect(s, "the line", r->level, s->arg[0]);
    step_expect(s, "rising edges", r->nrises, s->arg[1]);
}

/* whether a timer is armed */
static void armed(void *rig, const struct step *s)
{
    step_expect(s, "a timer is armed", timers_next(&((struct rig *)rig)->m->timers) != TIMER_NEVER,
                s->arg[0]);
}

/* ---- scripts ----------------------------------------------------------------------------------- */

static void after_reset(void **state)
{
    (void)state;
    SCRIPT(STEP(status, 0, 0xf6), STEP(status, 1, 0xf6), STEP(status, 2, 0xf6), STEP(rd2, 0x40, 0),
           STEP(rd, 0x43, 0), STEP(armed, 0), STEP(wr, 0x61, 0xff), STEP(pulses, 17),
           STEP(rd, 0x61, 0x3f), STEP(pulses, 18), STEP(rd, 0x61, 0x2f));
}

static void mode_0(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x43, 0x30), STEP(status, 0, 0x70), STEP(irq, 0, 0), STEP(wr, 0x40, 100),
           STEP(status, 0, 0x70), STEP(wr, 0x40, 0), STEP(status, 0, 0x70), STEP(pulses, 1),
           STEP(status, 0, 0x30), STEP(rd2, 0x40, 100), STEP(pulses, 40), STEP(rd2, 0x40, 60),
           STEP(pulses, 59), STEP(irq, 0, 0), STEP(rd2, 0x40, 1), STEP(pulses, 1), STEP(irq, 1, 1),
           STEP(rd2, 0x40, 0), STEP(status, 0, 0xb0), STEP(armed, 0), STEP(pulses, 1),
           STEP(rd2, 0x40, 0xffff), STEP(irq, 1, 1),
           STEP(wr, 0x40, 10), /* half a count: OUT goes low, nothing counts */
           STEP(irq, 0, 1), STEP(pulses, 50), STEP(rd2, 0x40, 0xffff), STEP(wr, 0x40, 0),
           STEP(pulses, 10), STEP(irq, 0, 1), STEP(pulses, 1), STEP(irq, 1, 2));
}

/* Hardware retriggerable one-shot, on the counter that has a GATE. */
static void mode_1(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x43, 0x92), STEP(status, 2, 0xd2), STEP(wr, 0x42, 20), STEP(pulses, 50),
           STEP(status, 2, 0xd2), STEP(wr, 0x61, 1), STEP(pulses, 1), STEP(status, 2, 0x12),
           STEP(rd, 0x42, 20), STEP(pulses, 15), STEP(rd, 0x42, 5), STEP(wr, 0x61, 0),
           STEP(wr, 0x61, 1), STEP(pulses, 1), STEP(rd, 0x42, 20), STEP(pulses, 19),
           STEP(status, 2, 0x12), STEP(pulses, 1), STEP(status, 2, 0x92), STEP(wr, 0x42, 9),
           STEP(status, 2, 0xd2), STEP(pulses, 100), STEP(status, 2, 0xd2));
}

static void mode_2(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x43, 0x34), STEP(irq, 1, 0), STEP(wr, 0x40, 0xe8), STEP(wr, 0x40, 3),
           STEP(pulses, 1), STEP(rd2, 0x40, 1000), STEP(pulses, 998), STEP(rd2, 0x40, 2),
           STEP(irq, 1, 0), STEP(status, 0, 0xb4), STEP(pulses, 1), STEP(rd2, 0x40, 1),
           STEP(status, 0, 0x34), STEP(pulses, 1), STEP(rd2, 0x40, 1000), STEP(irq, 1, 1),
           STEP(pulses, 10000), STEP(irq, 1, 11), STEP(pulses, 300), STEP(wr, 0x40, 0xf4),
           STEP(wr, 0x40, 1), /* 500, from the next period on */
           STEP(status, 0, 0xf4), STEP(rd2, 0x40, 700), STEP(pulses, 700), STEP(irq, 1, 12),
           STEP(status, 0, 0xb4), STEP(rd2, 0x40, 500), STEP(pulses, 500), STEP(irq, 1, 13));
}

static void mode_3(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x43, 0x36), STEP(wr, 0x40, 0), STEP(wr, 0x40, 0), STEP(pulses, 1),
           STEP(rd2, 0x40, 0), STEP(pulses, 1), STEP(rd2, 0x40, 0xfffe), STEP(pulses, 32766),
           STEP(status, 0, 0xb6), STEP(pulses, 1), STEP(status, 0, 0x36), STEP(rd2, 0x40, 0),
           STEP(pulses, 32767), STEP(irq, 0, 0), STEP(pulses, 1), STEP(irq, 1, 1),
           STEP(pulses, 65536 * 18), STEP(irq, 1, 19));
}

static void mode_4(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x43, 0x18), STEP(irq, 1, 0), STEP(wr, 0x40, 30), STEP(pulses, 30),
           STEP(status, 0, 0x98), STEP(pulses, 1), STEP(status, 0, 0x18), STEP(pulses, 1),
           STEP(status, 0, 0x98), STEP(irq, 1, 1), STEP(pulses, 100000), STEP(irq, 1, 1));
}

static void mode_5(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x43, 0x9a), STEP(wr, 0x42, 30), STEP(pulses, 100), STEP(status, 2, 0xda),
           STEP(wr, 0x61, 1), STEP(pulses, 31), STEP(status, 2, 0x1a), STEP(pulses, 1),
           STEP(status, 2, 0x9a));
}

/* A count of 0 is the longest, a count of 1 the shortest where it is allowed. */
static void counts_0_and_1(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x43, 0x30), STEP(wr, 0x40, 1), STEP(wr, 0x40, 0), STEP(pulses, 1),
           STEP(irq, 0, 0), STEP(pulses, 1), STEP(irq, 1, 1), STEP(wr, 0x40, 0), STEP(wr, 0x40, 0),
           STEP(pulses, 65536), STEP(irq, 0, 1), STEP(pulses, 1), STEP(irq, 1, 2),
           STEP(wr, 0x43, 0x14), STEP(wr, 0x40, 1), STEP(pulses, 1000), STEP(irq, 1, 2),
           STEP(armed, 0), STEP(wr, 0x43, 0x16), STEP(wr, 0x40, 1), STEP(pulses, 1000),
           STEP(irq, 1, 2), STEP(armed, 0));
}

static void latches(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x43, 0x34), STEP(wr, 0x40, 0x34), STEP(wr, 0x40, 0x12), STEP(pulses, 1),
           STEP(wr, 0x43, 0x00), STEP(pulses, 0x34), STEP(wr, 0x43, 0x00), /* held */
           STEP(rd, 0x40, 0x34), STEP(pulses, 0x100), STEP(rd, 0x40, 0x12), STEP(rd2, 0x40, 0x1100),
           STEP(wr, 0x43, 0xc2), /* count and status */
           STEP(pulses, 1), STEP(rd, 0x40, 0xb4), STEP(rd2, 0x40, 0x1100), STEP(rd2, 0x40, 0x10ff),
           STEP(wr, 0x43, 0xd2), STEP(pulses, 1), STEP(wr, 0x43, 0xe2), STEP(rd, 0x40, 0xb4),
           STEP(rd2, 0x40, 0x10ff), STEP(wr, 0x43, 0xff),
           STEP(rd2, 0x40, 0x10fe),                    /* neither is latched */
           STEP(wr, 0x43, 0x00), STEP(wr, 0x43, 0x34), /* a control word forgets the latch */
           STEP(wr, 0x40, 7), STEP(wr, 0x40, 0), STEP(pulses, 1), STEP(rd2, 0x40, 7));
}

/* Reading and writing two bytes do not disturb each other. */
static void interleaved(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x43, 0xb4), STEP(wr, 0x61, 1), STEP(wr, 0x42, 0x00), STEP(wr, 0x42, 0x10),
           STEP(pulses, 1), STEP(rd, 0x42, 0x00), STEP(wr, 0x42, 0x00), STEP(rd, 0x42, 0x10),
           STEP(rd, 0x42, 0x00), STEP(wr, 0x42, 0x20), STEP(rd, 0x42, 0x10), STEP(pulses, 0x1000),
           STEP(rd2, 0x42, 0x2000));
}

static void one_byte(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x43, 0x24), STEP(wr, 0x40, 0x02), STEP(pulses, 1), STEP(rd, 0x40, 0x02),
           STEP(pulses, 1), STEP(rd, 0x40, 0x01), STEP(rd, 0x40, 0x01), STEP(pulses, 511),
           STEP(irq, 1, 1), STEP(wr, 0x43, 0x14), STEP(wr, 0x40, 0x80), STEP(pulses, 2),
           STEP(rd, 0x40, 0x7f), STEP(rd, 0x40, 0x7f));
}

static void decimal(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x43, 0x35), STEP(wr, 0x40, 0x00), STEP(wr, 0x40, 0x10), STEP(pulses, 2),
           STEP(rd2, 0x40, 0x0999), STEP(pulses, 999), STEP(irq, 1, 1), STEP(status, 0, 0xb5),
           STEP(wr, 0x43, 0x31), STEP(wr, 0x40, 0), STEP(wr, 0x40, 0), STEP(pulses, 2),
           STEP(rd2, 0x40, 0x9999), STEP(pulses, 9998), STEP(irq, 0, 1), STEP(pulses, 1),
           STEP(irq, 1, 2), STEP(pulses, 1), STEP(rd2, 0x40, 0x9999), STEP(wr, 0x40, 0xff),
           STEP(wr, 0x40, 0xff), /* no digits: 16665 */
           STEP(pulses, 16665), STEP(irq, 0, 2), STEP(pulses, 1), STEP(irq, 1, 3));
}

/* How kernels measure the processor: GATE 2, a mode 0 count and OUT 2. */
static void port_b(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x43, 0xb0), STEP(wr, 0x42, 50), STEP(wr, 0x42, 0), STEP(pulses, 200),
           STEP(rd2, 0x42, 50), STEP(wr, 0x61, 1), STEP(pulses, 49), STEP(rd, 0x61, 0x01),
           STEP(pulses, 1), STEP(rd, 0x61, 0x21), STEP(pulses, 18), STEP(rd, 0x61, 0x31),
           STEP(pulses, 18), STEP(rd, 0x61, 0x21), STEP(wr, 0x43, 0xb6), STEP(wr, 0x42, 8),
           STEP(wr, 0x42, 0), STEP(wr, 0x61, 0x02), STEP(pulses, 6), STEP(rd, 0x61, 0x22),
           STEP(armed, 0));
}

/* Control word for counter 3 is a read-back; counters that it does not name keep their state. */
static void read_back_of_none(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0x43, 0x34), STEP(wr, 0x40, 100), STEP(wr, 0x40, 0), STEP(pulses, 1),
           STEP(wr, 0x43, 0xc0), STEP(wr, 0x43, 0xf0), STEP(pulses, 10), STEP(rd2, 0x40, 90),
           STEP(wr, 0x43, 0xcc), STEP(rd2, 0x40, 90), STEP(rd, 0x41, 0xf6), STEP(rd, 0x42, 0xf6));
}

/* The shortest period: few runs of the timer, and the machine's list never stays due. */
static void no_storm(void **state)
{
    static const struct step fast[] = { STEP(wr, 0x43, 0x14), STEP(wr, 0x40, 2) };
    static const struct step slow[] = { STEP(wr, 0x43, 0x34), STEP(wr, 0x40, 0xa9),
                                        STEP(wr, 0x40, 4) };
    struct rig r;
    uint64_t ran;

    (void)state;
    make(&r);
    RUN(&r, fast);
    ran = time_advance(&r.m->timers, 10000000);
    assert_in_range(ran, 100, 501);
    assert_in_range(r.nrises, 100, 501);
    RUN(&r, slow); /* 1193: a millisecond */
    r.nrises = 0;
    time_advance(&r.m->timers, 1000500000);
    assert_in_range(r.nrises, 1000, 1001);
    machine_free(r.m);
}

/* The host was away for many periods: one edge, and the next one in phase. */
static void late(void **state)
{
    static const struct step steps[] = { STEP(wr, 0x43, 0x34), STEP(wr, 0x40, 0xe8),
                                         STEP(wr, 0x40, 3), STEP(pulses, 1) };
    struct rig r;
    uint64_t due, pulse;

    (void)state;
    make(&r);
    RUN(&r, steps);
    due = timers_next(&r.m->timers);
    time_skip(50000 * UINT64_C(838095) + 400000);
    assert_int_equal(r.nrises, 0);
    timers_run(&r.m->timers, time_now());
    assert_int_equal(r.nrises, 1);
    pulse = due * I8254_HZ / NS + 50000000;
    assert_int_equal(timers_next(&r.m->timers), (pulse * NS + I8254_HZ - 1) / I8254_HZ);
    machine_free(r.m);
}

static void view(void **state)
{
    static const struct step steps[] = { STEP(wr, 0x43, 0x34), STEP(wr, 0x40, 0xe8),
                                         STEP(wr, 0x40, 3),    STEP(pulses, 1),
                                         STEP(wr, 0x61, 3),    STEP(wr, 0x43, 0x00),
                                         STEP(pulses, 5) };
    struct dev_reg rows[DEV_REGS_MAX];
    struct rig r;

    (void)state;
    make(&r);
    RUN(&r, steps);
    assert_int_equal(r.dev->ops->regs(r.dev, rows), 10);
    assert_string_equal(rows[0].name, "status 0");
    assert_int_equal(rows[0].value, 0xb4);
    assert_int_equal(rows[1].value, 995);
    assert_int_equal(rows[2].value, 1000);
    assert_int_equal(rows[9].value & 0x23, 0x23);
    machine_free(r.m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_reset), cmocka_unit_test(mode_0),
        cmocka_unit_test(mode_1),      cmocka_unit_test(mode_2),
        cmocka_unit_test(mode_3),      cmocka_unit_test(mode_4),
        cmocka_unit_test(mode_5),      cmocka_unit_test(counts_0_and_1),
        cmocka_unit_test(latches),     cmocka_unit_test(interleaved),
        cmocka_unit_test(one_byte),    cmocka_unit_test(decimal),
        cmocka_unit_test(port_b),      cmocka_unit_test(read_back_of_none),
        cmocka_unit_test(no_storm),    cmocka_unit_test(late),
        cmocka_unit_test(view),
    };

    return cmocka_run_group_tests_name("dev/i8254", tests, NULL, NULL);
}
