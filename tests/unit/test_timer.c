/* SPDX-License-Identifier: MIT */
/* test_timer.c - the list of timers: order, moving, cancelling, and timers that arm themselves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "core/timer.h"

struct rig {
    struct timers list;
    struct timer t[3];
    int ran[16], nran; /* which timers, in order */
    unsigned sooner;
    uint64_t again_ns;    /* timer 2 arms itself for then; 0: it does not */
    struct timer *victim; /* timer 2 cancels it */
};

static void ran(struct rig *r, int which)
{
    r->ran[r->nran++] = which;
}

static void run0(void *ctx)
{
    ran(ctx, 0);
}

static void run1(void *ctx)
{
    ran(ctx, 1);
}

static void run2(void *ctx)
{
    struct rig *r = ctx;

    ran(r, 2);
    if (r->again_ns != 0)
        timer_arm(&r->t[2], r->again_ns);
    if (r->victim != NULL)
        timer_cancel(r->victim);
}

static void see_sooner(void *ctx)
{
    ((struct rig *)ctx)->sooner++;
}

static void make(struct rig *r)
{
    void (*const fns[])(void *) = { run0, run1, run2 };

    *r = (struct rig){ .list = { .sooner = see_sooner, .ctx = r } };
    for (int i = 0; i < 3; i++)
        timer_init(&r->t[i], &r->list, fns[i], r);
}

static void test_order(void **state)
{
    struct rig r;

    (void)state;
    make(&r);
    assert_true(timers_next(&r.list) == TIMER_NEVER);
    timer_arm(&r.t[0], 300);
    timer_arm(&r.t[1], 100);
    timer_arm(&r.t[2], 100);
    assert_int_equal(r.sooner, 2); /* 300, then 100; equal is not sooner */
    assert_int_equal(timers_next(&r.list), 100);
    timers_run(&r.list, 99);
    assert_int_equal(r.nran, 0);
    timers_run(&r.list, 300);
    assert_int_equal(r.nran, 3);
    assert_int_equal(r.ran[0], 1);
    assert_int_equal(r.ran[1], 2);
    assert_int_equal(r.ran[2], 0);
    assert_true(timers_next(&r.list) == TIMER_NEVER);
}

static void test_move_and_cancel(void **state)
{
    struct rig r;

    (void)state;
    make(&r);
    timer_arm(&r.t[0], 100);
    timer_arm(&r.t[0], 200);
    timer_arm(&r.t[1], 150);
    timer_cancel(&r.t[1]);
    timer_cancel(&r.t[1]);
    assert_false(r.t[1].armed);
    timers_run(&r.list, 150);
    assert_int_equal(r.nran, 0);
    timers_run(&r.list, 1000);
    assert_int_equal(r.nran, 1);
    assert_int_equal(r.ran[0], 0);
}

/* A timer that is always late runs once a call, and does not keep the others from running. */
static void test_arms_itself(void **state)
{
    struct rig r;

    (void)state;
    make(&r);
    r.again_ns = 1;
    timer_arm(&r.t[2], 1);
    timer_arm(&r.t[0], 50);
    timers_run(&r.list, 100);
    assert_int_equal(r.nran, 2);
    assert_int_equal(r.ran[1], 0);
    assert_true(r.t[2].armed);
    timers_run(&r.list, 100);
    assert_int_equal(r.nran, 3);
}

static void test_cancel_from_inside(void **state)
{
    struct rig r;

    (void)state;
    make(&r);
    r.victim = &r.t[0];
    timer_arm(&r.t[2], 1);
    timer_arm(&r.t[0], 2);
    timers_run(&r.list, 100);
    assert_int_equal(r.nran, 1);
    assert_true(timers_next(&r.list) == TIMER_NEVER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_move_and_cancel),
        cmocka_unit_test(test_arms_itself),
        cmocka_unit_test(test_cancel_from_inside),
    };

    return cmocka_run_group_tests_name("core/timer", tests, NULL, NULL);
}
