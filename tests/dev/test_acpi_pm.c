/* SPDX-License-Identifier: MIT */
/* test_acpi_pm.c - register scripts of ACPI's fixed hardware. Source: ACPI specification, section 4.8.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "chip_rig.h"
#include "dev/acpi_pm.h"

enum { STS = 0x600, EN = 0x602, CNT = 0x604, TMR = 0x608, SECOND = 1000000000 };

/* Half of the timer's range at 3.579545 MHz, rounded up; the test's time begins at 1 ms. */
enum { START_NS = 1000000 };
#define HALF_24_NS UINT64_C(2343484438)
#define HALF_32_NS UINT64_C(599932015941)

struct rig {
    struct dev *dev;
    struct bus bus;
    struct timers timers;
    struct clock clock;
    bool level;
    unsigned rises, offs;
};

static void see_sci(void *ctx, unsigned pin, bool level)
{
    struct rig *r = ctx;

    assert_int_equal(pin, 9);
    r->rises += level && !r->level;
    r->level = level;
}

static void see_off(void *ctx)
{
    ((struct rig *)ctx)->offs++;
}

static void make(struct rig *r, unsigned timer_bits)
{
    static const struct {
        enum acpi_pm_part part;
        uint16_t port;
        uint8_t len;
    } places[] = {
        { ACPI_PM1_EVENT, STS, ACPI_PM1_EVENT_LEN },
        { ACPI_PM1_CONTROL, CNT, ACPI_PM1_CONTROL_LEN },
        { ACPI_PM_TIMER, TMR, ACPI_PM_TIMER_LEN },
    };
    struct acpi_pm_config cfg = {
        .sci = { see_sci, r, 9 },
        .clock = &r->clock,
        .timers = &r->timers,
        .timer_bits = timer_bits,
        .s5_type = 5,
        .power_off = see_off,
        .power_off_ctx = r,
    };

    *r = (struct rig){ .level = false };
    time_reset();
    r->dev = acpi_pm_new(&cfg);
    assert_non_null(r->dev);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        assert_int_equal(bus_add(&r->bus, places[i].port, places[i].len,
                                 acpi_pm_part(r->dev, places[i].part), NULL),
                         0);
}

static void drop(struct rig *r)
{
    r->dev->ops->free(r->dev);
    assert_null(r->timers.first);
}

/* ---- steps ------------------------------------------------------------------------------------- */

/* port, width, value */
static void wr(void *rig, const struct step *s)
{
    bus_write(&((struct rig *)rig)->bus, s->arg[0], (unsigned)s->arg[1], s->arg[2]);
}

/* port, width, value wanted */
static void rd(void *rig, const struct step *s)
{
    step_expect(s, "the register",
                bus_read(&((struct rig *)rig)->bus, s->arg[0], (unsigned)s->arg[1]), s->arg[2]);
}

static void pass(void *rig, const struct step *s)
{
    time_advance(&((struct rig *)rig)->timers, s->arg[0]);
}

/* level, rising edges so far */
static void sci(void *rig, const struct step *s)
{
    step_expect(s, "the line", ((struct rig *)rig)->level, s->arg[0]);
    step_expect(s, "rising edges", ((struct rig *)rig)->rises, s->arg[1]);
}

/* whether the guest listens */
static void button(void *rig, const struct step *s)
{
    step_expect(s, "listens", acpi_pm_power_button(((struct rig *)rig)->dev), s->arg[0]);
}

static void offs(void *rig, const struct step *s)
{
    step_expect(s, "power-offs", ((struct rig *)rig)->offs, s->arg[0]);
}

/* of the part: number */
static void refused(void *rig, const struct step *s)
{
    step_expect(s, "refused",
                acpi_pm_part(((struct rig *)rig)->dev, (enum acpi_pm_part)s->arg[0])->refused,
                s->arg[1]);
}

static void armed(void *rig, const struct step *s)
{
    step_expect(s, "armed", ((struct rig *)rig)->timers.first != NULL, s->arg[0]);
}

static void reset(void *rig, const struct step *s)
{
    (void)s;
    ((struct rig *)rig)->dev->ops->reset(((struct rig *)rig)->dev);
}

#define SCRIPT(bits, ...)                                   \
    do {                                                    \
        static const struct step steps[] = { __VA_ARGS__ }; \
        struct rig r;                                       \
                                                            \
        make(&r, bits);                                     \
        RUN(&r, steps);                                     \
        drop(&r);                                           \
    } while (0)

/* ---- scripts ----------------------------------------------------------------------------------- */

static void after_reset(void **state)
{
    (void)state;
    SCRIPT(32, STEP(rd, STS, 2, 0), STEP(rd, EN, 2, 0), STEP(rd, CNT, 2, 1), STEP(armed, 0));
    SCRIPT(32, STEP(wr, EN, 2, 0x0101), STEP(button, 1), STEP(wr, CNT, 2, 0x1402), STEP(sci, 1, 1),
           STEP(reset, 0), STEP(sci, 0, 1), STEP(rd, STS, 4, 0), STEP(rd, CNT, 2, 1),
           STEP(armed, 0));
}

static void timer_counts(void **state)
{
    (void)state;
    /* 1 ms, 2 ms, a second more */
    SCRIPT(32, STEP(rd, TMR, 4, 3579), STEP(pass, START_NS), STEP(rd, TMR, 4, 7159),
           STEP(pass, SECOND), STEP(rd, TMR, 4, 3586704), STEP(rd, TMR, 2, 3586704 & 0xffff),
           STEP(rd, TMR + 2, 2, 3586704 >> 16), STEP(rd, TMR + 1, 1, 3586704 >> 8 & 0xff),
           STEP(wr, TMR, 4, 0), STEP(rd, TMR, 4, 3586704), STEP(refused, ACPI_PM_TIMER, 1));
    SCRIPT(24, STEP(pass, 2 * HALF_24_NS - START_NS), STEP(rd, TMR, 4, 0));
    SCRIPT(32, STEP(pass, 2 * HALF_24_NS - START_NS), STEP(rd, TMR, 4, 0x1000000),
           STEP(pass, 2 * HALF_32_NS - 2 * HALF_24_NS), STEP(rd, TMR, 4, 0));
}

/* The status comes when the highest bit changes, either way. */
static void timer_event(void **state)
{
    (void)state;
    SCRIPT(24, STEP(wr, EN, 2, 1), STEP(armed, 1), STEP(pass, HALF_24_NS - START_NS - 1),
           STEP(rd, STS, 2, 0), STEP(sci, 0, 0), STEP(pass, 1), STEP(sci, 1, 1),
           STEP(rd, TMR, 4, 0x800000), STEP(armed, 0), STEP(pass, 10 * (uint64_t)SECOND),
           STEP(sci, 1, 1), STEP(wr, STS, 2, 1), STEP(sci, 0, 1), STEP(armed, 1),
           STEP(pass, HALF_24_NS), STEP(sci, 1, 2), STEP(wr, EN, 2, 0), STEP(sci, 0, 2),
           STEP(rd, STS, 2, 1));
    /* seen without an interrupt too */
    SCRIPT(32, STEP(pass, HALF_32_NS - START_NS - 1), STEP(rd, STS, 2, 0), STEP(pass, 1),
           STEP(armed, 0), STEP(rd, STS, 2, 1), STEP(wr, STS, 2, 1), STEP(rd, STS, 2, 0),
           STEP(pass, HALF_32_NS), STEP(wr, EN, 2, 1), STEP(sci, 1, 1));
}

/* A one clears a bit of the status; bits that are not there stay 0. */
static void status_and_enable(void **state)
{
    (void)state;
    SCRIPT(32, STEP(button, 0), STEP(rd, STS, 2, 0x0100), STEP(sci, 0, 0), STEP(wr, STS, 2, 0xfeff),
           STEP(rd, STS, 2, 0x0100), STEP(wr, EN, 2, 0x0100), STEP(sci, 1, 1), STEP(button, 1),
           STEP(sci, 1, 1), STEP(wr, STS, 2, 0x0100), STEP(rd, STS, 2, 0), STEP(sci, 0, 1),
           STEP(wr, EN, 2, 0xffff), STEP(rd, EN, 2, 0x0721), STEP(rd, STS, 4, 0x07210000));
    /* a byte, a double word, a word that lies across */
    SCRIPT(32, STEP(button, 0), STEP(wr, STS, 1, 0xff), STEP(rd, STS + 1, 1, 0x01),
           STEP(wr, EN + 1, 1, 0x07), STEP(sci, 1, 1), STEP(wr, EN, 1, 0x20),
           STEP(rd, EN, 2, 0x0720), STEP(wr, STS, 4, 0x01000100), STEP(rd, STS, 4, 0x01000000),
           STEP(button, 1), STEP(wr, STS + 1, 2, 0x2101), STEP(rd, STS, 4, 0x01210000),
           STEP(rd, STS + 1, 2, 0x2100));
}

static void control(void **state)
{
    (void)state;
    SCRIPT(32, STEP(wr, CNT, 2, 0xdffe), STEP(rd, CNT, 2, 0x1c03), STEP(wr, CNT, 2, 0),
           STEP(rd, CNT, 2, 1), STEP(wr, CNT + 1, 1, 0x14), STEP(rd, CNT, 2, 0x1401),
           STEP(rd, CNT + 1, 1, 0x14), STEP(wr, CNT, 1, 0x02), STEP(rd, CNT, 2, 0x1403),
           STEP(offs, 0), STEP(wr, CNT, 4, 0xffffffff), /* beyond the register: nobody's */
           STEP(rd, CNT, 2, 0x1403), STEP(offs, 0));
}

static void switches_off(void **state)
{
    (void)state;
    SCRIPT(32, STEP(wr, CNT, 2, 5 << 10), STEP(offs, 0), STEP(wr, CNT, 2, 5 << 10 | 0x2000),
           STEP(offs, 1), STEP(rd, CNT, 2, 0x1401));
    /* by bytes; other sleeps are refused */
    SCRIPT(32, STEP(wr, CNT + 1, 1, 0x34), STEP(offs, 1), STEP(wr, CNT, 2, 0x2000),
           STEP(wr, CNT, 2, 0x3c00), STEP(offs, 1), STEP(refused, ACPI_PM1_CONTROL, 2));
}

static void view(void **state)
{
    struct dev_reg rows[DEV_REGS_MAX];
    struct rig r;

    (void)state;
    make(&r, 24);
    acpi_pm_power_button(r.dev);
    bus_write(&r.bus, EN, 2, 0x20);
    time_advance(&r.timers, HALF_24_NS - START_NS);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(r.dev->ops->regs(r.dev, rows), 4);
        assert_string_equal(rows[0].name, "PM1_STS");
        assert_int_equal(rows[0].value, 0x0101);
        assert_int_equal(rows[1].value, 0x0020);
        assert_int_equal(rows[2].value, 0x0001);
        assert_int_equal(rows[3].value, 0x800000);
    }
    drop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_reset), cmocka_unit_test(timer_counts),
        cmocka_unit_test(timer_event), cmocka_unit_test(status_and_enable),
        cmocka_unit_test(control),     cmocka_unit_test(switches_off),
        cmocka_unit_test(view),
    };

    return cmocka_run_group_tests_name("dev/acpi_pm", tests, NULL, NULL);
}
