/* SPDX-License-Identifier: MIT */
/* test_lapic_timer.c - register scripts of the local APIC's timer. SDM 3A, "APIC Timer". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "lapic_rig.h"

static void run(const struct step *steps, size_t n)
{
    static const struct step on[] = { STEP(wr, 0, SVR, 0x1ff), STEP(wr, 0, TDCR, 0xb) };
    struct lapic_rig r;

    lapic_rig_make(&r, 1);
    RUN(&r, on);
    steps_run(&r, steps, n);
    lapic_rig_free(&r);
}

#define SCRIPT(...)                                         \
    do {                                                    \
        static const struct step steps[] = { __VA_ARGS__ }; \
        run(steps, sizeof(steps) / sizeof(steps[0]));       \
    } while (0)

static void one_shot(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0, LVT_TIMER, 0x41), STEP(wr, 0, TMICT, 1000), STEP(rd, 0, TMCCT, 1000),
           STEP(advance, 400), STEP(rd, 0, TMCCT, 600), STEP(rd, 0, TMICT, 1000),
           STEP(advance, 599), STEP(rd, 0, TMCCT, 1), STEP(intr, 0, 0), STEP(advance, 1),
           STEP(rd, 0, TMCCT, 0), STEP(ack, 0, 0x41), STEP(wr, 0, EOI, 0), STEP(advance, 100000),
           STEP(intr, 0, 0), STEP(rd, 0, TMCCT, 0), STEP(wr, 0, TMICT, 500), STEP(advance, 100),
           STEP(wr, 0, TMICT, 800), /* from the start */
           STEP(advance, 799), STEP(intr, 0, 0), STEP(advance, 1), STEP(ack, 0, 0x41),
           STEP(wr, 0, EOI, 0), STEP(wr, 0, TMICT, 500), STEP(wr, 0, TMICT, 0), /* stops it */
           STEP(advance, 1000), STEP(intr, 0, 0));
}

static void periodic(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0, LVT_TIMER, 0x20042), STEP(wr, 0, TMICT, 100000), STEP(advance, 99999),
           STEP(intr, 0, 0), STEP(advance, 1), STEP(ack, 0, 0x42), STEP(wr, 0, EOI, 0),
           STEP(rd, 0, TMCCT, 100000), STEP(advance, 30000), STEP(rd, 0, TMCCT, 70000),
           STEP(advance, 70000), STEP(ack, 0, 0x42), STEP(wr, 0, EOI, 0),
           STEP(wr, 0, LVT_TIMER, 0x30042), /* masked, it counts on */
           STEP(advance, 150000), STEP(intr, 0, 0), STEP(rd, 0, TMCCT, 50000),
           STEP(wr, 0, LVT_TIMER, 0x20042), STEP(advance, 50000), STEP(ack, 0, 0x42),
           STEP(wr, 0, EOI, 0),
           STEP(wr, 0, LVT_TIMER, 0x42), /* one-shot: this period is the last */
           STEP(advance, 100000), STEP(ack, 0, 0x42), STEP(wr, 0, EOI, 0), STEP(advance, 1000000),
           STEP(intr, 0, 0), STEP(rd, 0, TMCCT, 0));
}

static void divisors(void **state)
{
    static const struct {
        uint32_t tdcr;
        uint64_t ns;
    } rows[] = { { 0, 2 },  { 1, 4 },  { 2, 8 },    { 3, 16 },
                 { 8, 32 }, { 9, 64 }, { 10, 128 }, { 11, 1 } };
    struct lapic_rig r;

    (void)state;
    lapic_rig_make(&r, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct step steps[] = {
            STEP(wr, 0, SVR, 0x1ff),
            STEP(wr, 0, LVT_TIMER, 0x43),
            STEP(wr, 0, TDCR, rows[i].tdcr),
            STEP(wr, 0, TMICT, 1000),
            STEP(advance, 1000 * rows[i].ns - 1),
            STEP(rd, 0, TMCCT, 1),
            STEP(intr, 0, 0),
            STEP(advance, 1),
            STEP(ack, 0, 0x43),
            STEP(wr, 0, EOI, 0),
        };

        RUN(&r, steps);
    }
    lapic_rig_free(&r);
}

static void divisor_while_counting(void **state)
{
    (void)state;
    SCRIPT(STEP(wr, 0, LVT_TIMER, 0x44), STEP(wr, 0, TMICT, 1000), STEP(advance, 600),
           STEP(wr, 0, TDCR, 1), STEP(rd, 0, TMCCT, 400), STEP(advance, 1599),
           STEP(rd, 0, TMCCT, 1), STEP(advance, 1), STEP(ack, 0, 0x44));
}

/* The guest's TSC: two ticks a nanosecond, 1000 ticks behind; it is 1999000 when the script begins. */
static void deadline(void **state)
{
    (void)state;
    SCRIPT(STEP(wrmsr, 0, 0x6e0, 1999100), STEP(rdmsr, 0, 0x6e0, 0), /* another mode */
           STEP(wr, 0, LVT_TIMER, 0x40045), STEP(wrmsr, 0, 0x6e0, 2001000),
           STEP(rdmsr, 0, 0x6e0, 2001000), STEP(rd, 0, TMCCT, 0), STEP(wr, 0, TMICT, 7),
           STEP(rd, 0, TMICT, 0), STEP(advance, 999), STEP(intr, 0, 0), STEP(advance, 1),
           STEP(ack, 0, 0x45), STEP(wr, 0, EOI, 0), STEP(rdmsr, 0, 0x6e0, 0),
           STEP(wrmsr, 0, 0x6e0, 5), /* long gone */
           STEP(advance, 0), STEP(ack, 0, 0x45), STEP(wr, 0, EOI, 0),
           STEP(wrmsr, 0, 0x6e0, 2005000), STEP(wrmsr, 0, 0x6e0, 0), STEP(advance, 100000),
           STEP(intr, 0, 0), STEP(wrmsr, 0, 0x6e0, NONE), STEP(advance, 1000000000000),
           STEP(intr, 0, 0), STEP(rdmsr, 0, 0x6e0, NONE),
           STEP(wr, 0, LVT_TIMER, 0x45), /* leaving the mode disarms it */
           STEP(rdmsr, 0, 0x6e0, 0), STEP(wr, 0, TMICT, 10), STEP(wr, 0, LVT_TIMER, 0x40045),
           STEP(advance, 100), STEP(intr, 0, 0), STEP(wr, 0, LVT_TIMER, 0x60045), /* no mode */
           STEP(wr, 0, TMICT, 10), STEP(wrmsr, 0, 0x6e0, 5), STEP(advance, 100), STEP(intr, 0, 0));
}

/* A period that nobody can serve is served late: few runs of the timer, and the phase is kept. */
static void no_storm(void **state)
{
    static const struct step one[] = { STEP(wr, 0, SVR, 0x1ff), STEP(wr, 0, TDCR, 0xb),
                                       STEP(wr, 0, LVT_TIMER, 0x20046), STEP(wr, 0, TMICT, 1) };
    static const struct step later[] = { STEP(ack, 0, 0x46), STEP(wr, 0, EOI, 0), STEP(intr, 0, 0),
                                         STEP(wr, 0, TMICT, 30000) };
    struct lapic_rig r;
    uint64_t runs;

    (void)state;
    lapic_rig_make(&r, 1);
    RUN(&r, one);
    runs = time_advance(&r.m->timers, 10000000);
    assert_in_range(runs, 100, 1000);
    RUN(&r, later);
    runs = time_advance(&r.m->timers, 30000000);
    assert_in_range(runs, 1000, 1001);
    /* the host was away: one tick, then in phase again */
    time_advance(&r.m->timers, 10000);
    runs = timers_next(&r.m->timers) - time_now();
    assert_int_equal(runs, 20000);
    lapic_rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_shot), cmocka_unit_test(periodic),
        cmocka_unit_test(divisors), cmocka_unit_test(divisor_while_counting),
        cmocka_unit_test(deadline), cmocka_unit_test(no_storm),
    };

    return cmocka_run_group_tests_name("dev/lapic timer", tests, NULL, NULL);
}
