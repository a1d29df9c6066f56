/* SPDX-License-Identifier: MIT */
/* test_mc146818.c - register scripts of the clock. Source: data sheet MC146818A. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/calendar.h"
#include "chip_rig.h"
#include "dev/mc146818.h"

enum { SEC, SEC_ALARM, MIN, MIN_ALARM, HOUR, HOUR_ALARM, WDAY, MDAY, MON, YEAR, A, B, C, D };
enum { CENT = 0x32, SECOND = 1000000000, UIP = 244000 };

/* Tuesday, 14 November 2023, 22:13:20. */
enum { START = 1700000000 };

struct rig {
    struct dev *dev;
    struct bus bus;
    struct timers timers;
    struct clock clock;
    uint64_t wall;
    unsigned asked;
    bool level;
    unsigned rises;
};

static void see_irq(void *ctx, unsigned pin, bool level)
{
    struct rig *r = ctx;

    assert_int_equal(pin, 8);
    r->rises += level && !r->level;
    r->level = level;
}

static uint64_t wall(void *ctx)
{
    ((struct rig *)ctx)->asked++;
    return ((struct rig *)ctx)->wall;
}

static void make(struct rig *r, uint64_t start, uint64_t below, uint64_t above)
{
    struct mc146818_config cfg = {
        .irq = { see_irq, r, 8 },
        .clock = &r->clock,
        .timers = &r->timers,
        .wall = wall,
        .wall_ctx = r,
        .ram_below_4g = below,
        .ram_above_4g = above,
    };

    *r = (struct rig){ .wall = start };
    time_reset();
    r->dev = mc146818_new(&cfg);
    assert_non_null(r->dev);
    assert_int_equal(bus_add(&r->bus, MC146818_PORT, MC146818_LEN, r->dev, NULL), 0);
}

static void drop(struct rig *r)
{
    assert_int_equal(r->asked, 1);
    r->dev->ops->free(r->dev);
    assert_null(r->timers.first);
}

/* ---- steps ------------------------------------------------------------------------------------- */

static uint8_t get(struct rig *r, uint64_t at)
{
    bus_write(&r->bus, 0x70, 1, at);
    return (uint8_t)bus_read(&r->bus, 0x71, 1);
}

/* byte, value */
static void wr(void *rig, const struct step *s)
{
    bus_write(&((struct rig *)rig)->bus, 0x70, 1, s->arg[0]);
    bus_write(&((struct rig *)rig)->bus, 0x71, 1, s->arg[1]);
}

/* byte, value wanted */
static void rd(void *rig, const struct step *s)
{
    step_expect(s, "the byte", get(rig, s->arg[0]), s->arg[1]);
}

static const uint8_t clock_bytes[] = { HOUR, MIN, SEC }, date_bytes[] = { CENT, YEAR, MON, MDAY };

/* The hex digits wanted of hours, minutes and seconds. */
static void hms(void *rig, const struct step *s)
{
    uint64_t got = 0;

    for (unsigned i = 0; i < sizeof(clock_bytes); i++)
        got = got << 8 | get(rig, clock_bytes[i]);
    step_expect(s, "the time", got, s->arg[0]);
}

/* The same of year, month and day; the day of the week. */
static void ymd(void *rig, const struct step *s)
{
    uint64_t got = 0;

    for (unsigned i = 0; i < sizeof(date_bytes); i++)
        got = got << 8 | get(rig, date_bytes[i]);
    step_expect(s, "the date", got, s->arg[0]);
    step_expect(s, "the day of the week", get(rig, WDAY), s->arg[1]);
}

/* Sets the bytes of hms; SET is the script's. */
static void set_hms(void *rig, const struct step *s)
{
    for (unsigned i = 0; i < sizeof(clock_bytes); i++) {
        bus_write(&((struct rig *)rig)->bus, 0x70, 1, clock_bytes[i]);
        bus_write(&((struct rig *)rig)->bus, 0x71, 1, s->arg[0] >> (16 - 8 * i) & 0xff);
    }
}

static void set_ymd(void *rig, const struct step *s)
{
    for (unsigned i = 0; i < sizeof(date_bytes); i++) {
        bus_write(&((struct rig *)rig)->bus, 0x70, 1, date_bytes[i]);
        bus_write(&((struct rig *)rig)->bus, 0x71, 1, s->arg[0] >> (24 - 8 * i) & 0xff);
    }
}

static void pass(void *rig, const struct step *s)
{
    time_advance(&((struct rig *)rig)->timers, s->arg[0]);
}

/* level, rising edges so far */
static void irq(void *rig, const struct step *s)
{
    step_expect(s, "the line", ((struct rig *)rig)->level, s->arg[0]);
    step_expect(s, "rising edges", ((struct rig *)rig)->rises, s->arg[1]);
}

static void reset(void *rig, const struct step *s)
{
    (void)s;
    ((struct rig *)rig)->dev->ops->reset(((struct rig *)rig)->dev);
}

/* Whether a timer is armed. */
static void armed(void *rig, const struct step *s)
{
    step_expect(s, "armed", ((struct rig *)rig)->timers.first != NULL, s->arg[0]);
}

#define SCRIPT(...)                                         \
    do {                                                    \
        static const struct step steps[] = { __VA_ARGS__ }; \
        struct rig r;                                       \
                                                            \
        make(&r, START, 128 << 20, 0);                      \
        RUN(&r, steps);                                     \
        drop(&r);                                           \
    } while (0)

/* ---- scripts ----------------------------------------------------------------------------------- */

static void tells_time(void **state)
{
    (void)state;
    SCRIPT(STEP(rd, A, 0x26), STEP(rd, B, 0x02), STEP(rd, D, 0x80), STEP(hms, 0x221320),
           STEP(ymd, 0x20231114, 3), STEP(pass, SECOND - 1), STEP(hms, 0x221320), STEP(pass, 1),
           STEP(hms, 0x221321), STEP(pass, 6400 * (uint64_t)SECOND), STEP(hms, 0x000001),
           STEP(ymd, 0x20231115, 4), STEP(armed, 0));
}

static void formats(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, B, 0x06), STEP(hms, 0x160d14), STEP(ymd, 0x14170b0e, 3), STEP(wr, B, 0x04),
           STEP(hms, 0x8a0d14), STEP(wr, B, 0x00), STEP(hms, 0x901320),
           STEP(pass, 6400 * (uint64_t)SECOND), STEP(hms, 0x120000),
           STEP(pass, 12 * 3600 * (uint64_t)SECOND), STEP(hms, 0x920000),
           STEP(pass, 3600 * (uint64_t)SECOND), STEP(hms, 0x810000));
    /* taken over in the format that is in force then */
    SCRIPT(STEP(wr, B, 0x80), STEP(set_hms, 0x920059), STEP(wr, B, 0x00), STEP(wr, B, 0x02),
           STEP(hms, 0x120059));
    SCRIPT(STEP(wr, B, 0x80), STEP(set_hms, 0x120059), STEP(wr, B, 0x00), STEP(wr, B, 0x02),
           STEP(hms, 0x000059));
    SCRIPT(STEP(wr, B, 0x84), STEP(set_hms, 0x8b3b3b), STEP(wr, B, 0x04), STEP(pass, SECOND),
           STEP(hms, 0x0c0000), STEP(wr, B, 0x02), STEP(hms, 0x000000));
}

/* While SET: bytes are what was written, and stand still. The second goes on where it was. */
static void sets_time(void **state)
{
    (void)state;
    SCRIPT(STEP(pass, SECOND / 4), STEP(wr, B, 0x82), STEP(hms, 0x221320),
           STEP(set_ymd, 0x20240228), STEP(wr, WDAY, 4), STEP(set_hms, 0x235959),
           STEP(pass, 10 * (uint64_t)SECOND), STEP(hms, 0x235959), STEP(rd, A, 0x26),
           STEP(wr, B, 0x02), STEP(hms, 0x235959), STEP(pass, SECOND / 4 * 3 - 1),
           STEP(hms, 0x235959), STEP(rd, A, 0xa6), STEP(pass, 1), STEP(hms, 0x000000),
           STEP(rd, A, 0x26), STEP(ymd, 0x20240229, 5), STEP(pass, 86400 * (uint64_t)SECOND),
           STEP(ymd, 0x20240301, 6));
    /* a byte while it runs; a day of the week of one's own counts on from it */
    SCRIPT(STEP(wr, MIN, 0x59), STEP(wr, SEC, 0x59), STEP(wr, WDAY, 7), STEP(pass, SECOND),
           STEP(hms, 0x230000), STEP(ymd, 0x20231114, 7), STEP(pass, 3600 * (uint64_t)SECOND),
           STEP(ymd, 0x20231115, 1));
    /* years of two digits, and centuries without a leap day */
    SCRIPT(STEP(wr, B, 0x82), STEP(set_ymd, 0x21000228), STEP(set_hms, 0x235959), STEP(wr, B, 0x02),
           STEP(pass, SECOND), STEP(ymd, 0x21000301, 4));
    SCRIPT(STEP(wr, B, 0x82), STEP(set_ymd, 0x99991231), STEP(set_hms, 0x235959), STEP(wr, B, 0x02),
           STEP(pass, SECOND), STEP(rd, YEAR, 0), STEP(rd, CENT, 0));
}

/* No date: it becomes one, and nothing else happens. */
static void no_dates(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, B, 0x82), STEP(set_ymd, 0x20230231), STEP(set_hms, 0x245960),
           STEP(hms, 0x245960), STEP(wr, B, 0x02), STEP(hms, 0x010000), STEP(rd, MON, 0x03),
           STEP(rd, MDAY, 0x04));
    SCRIPT(STEP(wr, B, 0x82), STEP(set_ymd, 0xffffffff), STEP(set_hms, 0xffffff),
           STEP(wr, WDAY, 0xff), STEP(wr, B, 0x02), STEP(pass, SECOND), STEP(rd, A, 0x26));
    SCRIPT(STEP(wr, B, 0x82), STEP(set_ymd, 0x20230000), STEP(set_hms, 0), STEP(wr, WDAY, 0),
           STEP(wr, B, 0x02), STEP(rd, MON, 1), STEP(rd, MDAY, 1));
}

static void update_in_progress(void **state)
{
    (void)state;
    SCRIPT(STEP(pass, SECOND - UIP - 1), STEP(rd, A, 0x26), STEP(pass, 1), STEP(rd, A, 0xa6),
           STEP(pass, UIP - 1), STEP(rd, A, 0xa6), STEP(wr, A, 0xa6), STEP(wr, B, 0x82),
           STEP(rd, A, 0x26), STEP(wr, B, 0x02), STEP(rd, A, 0xa6), STEP(pass, 1),
           STEP(rd, A, 0x26));
}

static void divider(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, A, 0x66), STEP(pass, 10 * (uint64_t)SECOND), STEP(hms, 0x221320),
           STEP(rd, C, 0), STEP(wr, A, 0x26), STEP(pass, SECOND / 2 - 1), STEP(hms, 0x221320),
           STEP(pass, 1), STEP(hms, 0x221321), STEP(wr, A, 0x06), /* another crystal */
           STEP(pass, 10 * (uint64_t)SECOND), STEP(hms, 0x221321), STEP(wr, MIN, 0x14),
           STEP(hms, 0x221421));
}

/* All periods of the data sheet's table for 32768 Hz. */
static void periods(void **state)
{
    static const struct {
        uint8_t rs;
        uint64_t ns; /* rounded up */
    } rows[] = { { 1, 3906250 },    { 2, 7812500 },    { 3, 122071 },    { 4, 244141 },
                 { 5, 488282 },     { 6, 976563 },     { 7, 1953125 },   { 8, 3906250 },
                 { 9, 7812500 },    { 10, 15625000 },  { 11, 31250000 }, { 12, 62500000 },
                 { 13, 125000000 }, { 14, 250000000 }, { 15, 500000000 } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct step steps[] = {
            STEP(wr, A, 0x20u | rows[i].rs),
            STEP(rd, C, 0),
            STEP(pass, rows[i].ns - 1),
            STEP(rd, C, 0),
            STEP(pass, 1),
            STEP(rd, C, 0x40),
            STEP(rd, C, 0),
            STEP(wr, B, 0x42),
            STEP(pass, rows[i].ns),
            STEP(irq, 1, 1),
        };
        struct rig r;

        make(&r, START, 0, 0);
        RUN(&r, steps);
        drop(&r);
    }
    SCRIPT(STEP(wr, A, 0x20), STEP(wr, B, 0x42), STEP(armed, 0), STEP(pass, 10 * (uint64_t)SECOND),
           STEP(rd, C, 0x10), STEP(wr, A, 0x66), STEP(armed, 0));
}

/* One interrupt until C is read; then the next period's. None is lost to drift. */
static void periodic_interrupt(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, B, 0x42), STEP(irq, 0, 0), STEP(pass, 976563), STEP(irq, 1, 1), STEP(armed, 0),
           STEP(pass, SECOND), STEP(irq, 1, 1), STEP(rd, C, 0xd0), STEP(irq, 0, 1), STEP(armed, 1),
           STEP(pass, 976563), STEP(irq, 1, 2), STEP(wr, B, 0x02), STEP(irq, 0, 2),
           STEP(rd, C, 0x40));
}

/* 1024 a second, exactly. */
static void rate_is_exact(void **state)
{
    struct rig r;

    (void)state;
    make(&r, START, 0, 0);
    bus_write(&r.bus, 0x70, 1, B);
    bus_write(&r.bus, 0x71, 1, 0x42);
    for (unsigned i = 0; i < 1000; i++) {
        time_advance(&r.timers, SECOND / 1000);
        if (r.level)
            get(&r, C);
    }
    /* 1 ms is longer than a period now and then: those two were one */
    assert_int_equal(r.rises, 1000);
    while (r.rises < 1000 + 1024) {
        uint64_t due = timers_next(&r.timers);

        assert_true(due != TIMER_NEVER);
        time_advance(&r.timers, due - time_now());
        get(&r, C);
    }
    assert_int_equal(time_now(), 1000000 + 2 * (uint64_t)SECOND);
    drop(&r);
}

static void update_interrupt(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, A, 0x20), STEP(wr, B, 0x12), STEP(pass, SECOND - 1), STEP(irq, 0, 0),
           STEP(pass, 1), STEP(irq, 1, 1), STEP(rd, C, 0x90), STEP(irq, 0, 1), STEP(pass, SECOND),
           STEP(irq, 1, 2), STEP(wr, B, 0x92), /* SET clears UIE */
           STEP(rd, B, 0x82), STEP(irq, 0, 2), STEP(rd, C, 0x10), STEP(wr, B, 0x92),
           STEP(rd, B, 0x92), STEP(armed, 0), STEP(pass, 3 * (uint64_t)SECOND), STEP(rd, C, 0));
    /* asked for when the flag is there already */
    SCRIPT(STEP(wr, A, 0x20), STEP(pass, SECOND), STEP(wr, B, 0x12), STEP(irq, 1, 1));
}

static void alarms(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, A, 0x20), STEP(wr, HOUR_ALARM, 0x22), STEP(wr, MIN_ALARM, 0x15),
           STEP(wr, SEC_ALARM, 0x05), STEP(wr, B, 0x22), STEP(pass, 104 * (uint64_t)SECOND),
           STEP(irq, 0, 0), STEP(pass, SECOND), STEP(irq, 1, 1), STEP(hms, 0x221505),
           STEP(rd, C, 0xb0), STEP(irq, 0, 1), STEP(pass, 86399 * (uint64_t)SECOND),
           STEP(irq, 0, 1), STEP(pass, SECOND), STEP(irq, 1, 2));
    /* every hour, minute, second */
    SCRIPT(STEP(wr, HOUR_ALARM, 0xc0), STEP(wr, MIN_ALARM, 0x13), STEP(wr, SEC_ALARM, 0x19),
           STEP(wr, B, 0x22), STEP(pass, 3598 * (uint64_t)SECOND), STEP(irq, 0, 0),
           STEP(pass, SECOND), STEP(irq, 1, 1), STEP(rd, C, 0xf0), STEP(wr, MIN_ALARM, 0xff),
           STEP(pass, 59 * (uint64_t)SECOND), STEP(irq, 0, 1), STEP(pass, SECOND), STEP(irq, 1, 2),
           STEP(wr, SEC_ALARM, 0xff), STEP(rd, C, 0xf0), STEP(pass, SECOND), STEP(irq, 1, 3));
    /* without AIE the flag comes all the same; in 12 hours the afternoon has bit 7 */
    SCRIPT(STEP(wr, B, 0x00), STEP(wr, A, 0x20), STEP(wr, HOUR_ALARM, 0x90),
           STEP(wr, MIN_ALARM, 0x13), STEP(wr, SEC_ALARM, 0x30), STEP(pass, 9 * (uint64_t)SECOND),
           STEP(rd, C, 0x10), STEP(pass, SECOND), STEP(rd, C, 0x30), STEP(irq, 0, 0));
    /* no time of day; the clock stands */
    SCRIPT(STEP(wr, HOUR_ALARM, 0x24), STEP(wr, MIN_ALARM, 0xff), STEP(wr, SEC_ALARM, 0xff),
           STEP(wr, B, 0x22), STEP(armed, 0), STEP(pass, 172800 * (uint64_t)SECOND),
           STEP(irq, 0, 0), STEP(wr, HOUR_ALARM, 0xff), STEP(armed, 1), STEP(wr, A, 0x60),
           STEP(armed, 0), STEP(pass, 10 * (uint64_t)SECOND), STEP(irq, 0, 0));
    /* found from the last second of the day and the hour before */
    SCRIPT(STEP(set_hms, 0x235959), STEP(wr, HOUR_ALARM, 0x22), STEP(wr, MIN_ALARM, 0x59),
           STEP(wr, SEC_ALARM, 0x59), STEP(wr, B, 0x22), STEP(pass, 82799 * (uint64_t)SECOND),
           STEP(irq, 0, 0), STEP(pass, SECOND), STEP(irq, 1, 1), STEP(hms, 0x225959));
}

static void memory_sizes(void **state)
{
    static const struct {
        uint64_t below, above;
        uint8_t want[11]; /* 15 16 17 18 30 31 34 35 5b 5c 5d */
    } rows[] = {
        { 512 << 10, 0, { 0x00, 0x02 } },
        { 128 << 20, 0, { 0x80, 0x02, 0xff, 0xff, 0xff, 0xff, 0x00, 0x07 } },
        { 16 << 20, 0, { 0x80, 0x02, 0x00, 0x3c, 0x00, 0x3c } },
        { UINT64_C(3) << 30,
          UINT64_C(5) << 30,
          { 0x80, 0x02, 0xff, 0xff, 0xff, 0xff, 0x00, 0xbf, 0x00, 0x40, 0x01 } },
    };
    static const uint8_t at[] = {
        0x15, 0x16, 0x17, 0x18, 0x30, 0x31, 0x34, 0x35, 0x5b, 0x5c, 0x5d
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rig r;

        make(&r, START, rows[i].below, rows[i].above);
        for (size_t k = 0; k < sizeof(at); k++)
            assert_int_equal(get(&r, at[k]), rows[i].want[k]);
        drop(&r);
    }
}

/* All bytes but time, A, C and D are memory; the index has seven bits. */
static void memory(void **state)
{
    struct rig r;

    (void)state;
    make(&r, START, 0, 0);
    for (unsigned at = 0x0e; at < 0x80; at++) {
        if (at == CENT)
            continue;
        bus_write(&r.bus, 0x70, 1, at | 0x80);
        bus_write(&r.bus, 0x71, 1, at ^ 0x5a);
    }
    for (unsigned at = 0x0e; at < 0x80; at++) {
        if (at != CENT)
            assert_int_equal(get(&r, at), at ^ 0x5a);
    }
    assert_int_equal(bus_read(&r.bus, 0x70, 1), 0xff);
    drop(&r);
}

static void read_only(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, C, 0xff), STEP(rd, C, 0), STEP(wr, D, 0), STEP(rd, D, 0x80),
           STEP(wr, SEC_ALARM, 0x77), STEP(rd, SEC_ALARM, 0x77), STEP(hms, 0x221320));
}

static void reset_pin(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, B, 0x7f), STEP(wr, 0x40, 0x99), STEP(wr, A, 0x2f), STEP(pass, SECOND),
           STEP(irq, 1, 1), STEP(reset, 0), STEP(irq, 0, 1), STEP(rd, B, 0x07), STEP(rd, C, 0),
           STEP(rd, A, 0x2f), STEP(rd, 0x40, 0x99), STEP(hms, 0x160d15), STEP(armed, 0));
}

static void view(void **state)
{
    struct dev_reg rows[DEV_REGS_MAX];
    struct rig r;

    (void)state;
    make(&r, START, 0, 0);
    bus_write(&r.bus, 0x70, 1, C);
    time_advance(&r.timers, SECOND);
    for (int again = 0; again < 2; again++) { /* looking clears no flag */
        assert_int_equal(r.dev->ops->regs(r.dev, rows), 16);
        assert_string_equal(rows[0].name, "index");
        assert_int_equal(rows[0].value, C);
        assert_string_equal(rows[8].name, "seconds");
        assert_int_equal(rows[8].value, 0x21);
        assert_string_equal(rows[14].name, "C");
        assert_int_equal(rows[14].value, 0x50);
    }
    assert_int_equal(bus_read(&r.bus, 0x71, 1), 0x50);
    drop(&r);
}

/* Every day of 400 years after and before the year 2000, counted by hand. */
static void calendar(void **state)
{
    static const uint8_t lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    struct date d = { 1970, 1, 1 };
    uint32_t day = CALENDAR_1970;

    (void)state;
    assert_int_equal(calendar_weekday(CALENDAR_1970), 4);
    for (; d.year < 2370; day++) {
        struct date got = calendar_date(day);
        unsigned y = d.year, len = lengths[d.month - 1];

        len += d.month == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
        assert_int_equal(got.year, d.year);
        assert_int_equal(got.month, d.month);
        assert_int_equal(got.day, d.day);
        assert_int_equal(calendar_days(&d), day);
        d.day++;
        if (d.day > len) {
            d.day = 1;
            d.month++;
        }
        if (d.month > 12) {
            d.month = 1;
            d.year++;
        }
    }
    d = calendar_date(0);
    assert_true(d.year == 0 && d.month == 1 && d.day == 1);
    d = calendar_date(3652424);
    assert_true(d.year == 9999 && d.month == 12 && d.day == 31);
    d = calendar_date(UINT32_MAX);
    assert_true(d.year <= 9999 && d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= 31);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_time),
        cmocka_unit_test(formats),
        cmocka_unit_test(sets_time),
        cmocka_unit_test(no_dates),
        cmocka_unit_test(update_in_progress),
        cmocka_unit_test(divider),
        cmocka_unit_test(periods),
        cmocka_unit_test(periodic_interrupt),
        cmocka_unit_test(rate_is_exact),
        cmocka_unit_test(update_interrupt),
        cmocka_unit_test(alarms),
        cmocka_unit_test(memory_sizes),
        cmocka_unit_test(memory),
        cmocka_unit_test(read_only),
        cmocka_unit_test(reset_pin),
        cmocka_unit_test(view),
        cmocka_unit_test(calendar),
    };

    return cmocka_run_group_tests_name("dev/mc146818", tests, NULL, NULL);
}
