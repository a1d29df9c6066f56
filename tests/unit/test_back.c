/* SPDX-License-Identifier: MIT */
/* test_back.c - steps and runs into the past end in the states that were there. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "rewind_rig.h"
#include "x86/start.h"

enum { STEPS = 400 };

static uint64_t rip(struct rig *r, unsigned cpu)
{
    struct x86_state s;

    assert_int_equal(r->m->engine->get(r->m->cpu[cpu], STATE_REGS, &s, NULL), 0);
    return s.rip;
}

/* Over some interrupts and a checkpoint: each state on the way back is the one that was there. */
static void test_steps(void **state)
{
    uint64_t hash[STEPS];
    struct back_end end;
    struct rig r;

    (void)state;
    rig_open(&r, 1, 1000, 0);
    for (unsigned i = 0; i < STEPS; i++)
        hash[i] = rig_run_to(&r, 20800 + i);
    for (unsigned i = STEPS - 1; i-- > 0;) {
        assert_int_equal(back_step(r.m, 0, &end, NULL), 0);
        assert_int_equal(end.stop.why, STOP_BREAK);
        assert_false(end.oldest);
        assert_int_equal(turns_insns(r.m), 20800 + i);
        assert_int_equal(rig_hash(&r), hash[i]);
    }
    assert_int_equal(rig_run_to(&r, 20800 + STEPS - 1), hash[STEPS - 1]);
    rig_close(&r);
}

/* Of two: the one that is meant goes back by one, the other at most to where it was then. */
static void test_steps_of_two(void **state)
{
    struct back_end end;
    struct rig r;

    (void)state;
    rig_open(&r, 2, 50000, 0);
    rig_run_to(&r, 120000);
    for (unsigned cpu = 0; cpu < 2; cpu++) {
        uint64_t mine = r.m->engine->count(r.m->cpu[cpu]);
        uint64_t other = r.m->engine->count(r.m->cpu[!cpu]);

        assert_int_equal(back_step(r.m, cpu, &end, NULL), 0);
        assert_int_equal(end.stop.cpu, cpu);
        assert_int_equal(r.m->engine->count(r.m->cpu[cpu]), mine - 1);
        assert_true(r.m->engine->count(r.m->cpu[!cpu]) <= other);
    }
    rig_close(&r);
}

/* Each round of the loop but the first, which has none before it. */
static void test_runs(void **state)
{
    struct cpu_debug dbg = { .nbreaks = 1, .brk = { { .addr = RIG_LOOP } } };
    struct back_end end;
    uint64_t round;
    struct rig r;

    (void)state;
    rig_open(&r, 1, 1000, 0);
    rig_run_to(&r, 3000);
    round = le_get(r.ram + RIG_COUNT, 2);
    assert_true(round > 100);
    assert_int_equal(vcpu_debug(r.m->cpu[0], &dbg, NULL), 0);
    for (;;) {
        assert_int_equal(back_run(r.m, 0, &end, NULL), 0);
        assert_int_equal(end.stop.why, STOP_BREAK);
        if (end.oldest)
            break;
        assert_int_equal(rip(&r, 0), RIG_LOOP);
        assert_true(le_get(r.ram + RIG_COUNT, 2) == round ||
                    le_get(r.ram + RIG_COUNT, 2) == --round);
    }
    assert_int_equal(round, 0);
    assert_int_equal(rip(&r, 0), RIG_CODE);
    assert_int_equal(turns_insns(r.m), 0);
    rig_close(&r);
}

/* Before the instruction that writes: memory has what it had. */
static void test_runs_to_writes(void **state)
{
    const struct watchpoint watch = { .addr = RIG_COUNT, .len = 2, .how = WATCH_WRITE };
    struct cpu_debug dbg = { .watch = &watch, .nwatches = 1 };
    struct back_end end;
    uint64_t round;
    struct rig r;

    (void)state;
    rig_open(&r, 1, 1000, 0);
    rig_run_to(&r, 2500);
    round = le_get(r.ram + RIG_COUNT, 2);
    assert_int_equal(vcpu_debug(r.m->cpu[0], &dbg, NULL), 0);
    for (unsigned i = 0; i < 20; i++) {
        assert_int_equal(back_run(r.m, 0, &end, NULL), 0);
        assert_false(end.oldest);
        assert_int_equal(end.hit.watch_how, WATCH_WRITE);
        assert_int_equal(end.hit.data, RIG_COUNT);
        assert_int_equal(rip(&r, 0), RIG_LOOP);
        assert_int_equal(le_get(r.ram + RIG_COUNT, 2), --round);
    }
    rig_close(&r);
}

static void test_without_a_past(void **state)
{
    struct back_end end;
    struct rig r;

    (void)state;
    rig_open(&r, 1, 0, 0);
    rig_run_to(&r, 100);
    assert_int_equal(back_step(r.m, 0, &end, NULL), -ENOTSUP);
    assert_int_equal(back_run(r.m, 0, &end, NULL), -ENOTSUP);
    assert_int_equal(turns_insns(r.m), 100);
    rig_close(&r);
}

static void stands_at_oldest(struct rig *r, int rc, const struct back_end *end)
{
    assert_int_equal(rc, 0);
    assert_true(end->oldest);
    assert_int_equal(end->stop.why, STOP_BREAK);
    assert_int_equal(turns_insns(r->m), 0);
    assert_int_equal(rip(r, 0), RIG_CODE);
}

/* Before the first instruction, also where no checkpoint has been taken yet and where no breakpoint is left. */
static void test_at_the_beginning(void **state)
{
    struct cpu_debug dbg = { .nbreaks = BREAKS_MAX };
    struct back_end end;
    struct rig r;

    (void)state;
    for (unsigned i = 0; i < BREAKS_MAX; i++)
        dbg.brk[i].addr = RIG_LOOP;
    for (unsigned all = 0; all < 2; all++) {
        rig_open(&r, 1, 1000, 0);
        assert_int_equal(vcpu_debug(r.m->cpu[0], all ? &dbg : &(struct cpu_debug){ 0 }, NULL), 0);
        stands_at_oldest(&r, back_run(r.m, 0, &end, NULL), &end);
        stands_at_oldest(&r, back_step(r.m, 0, &end, NULL), &end);
        rig_run_to(&r, 1);
        stands_at_oldest(&r, back_run(r.m, 0, &end, NULL), &end);
        stands_at_oldest(&r, back_run(r.m, 0, &end, NULL), &end); /* now there is a checkpoint */
        rig_close(&r);
    }
}

static int to_the_start(void *ctx, struct vitro_err *err)
{
    struct rig *r = ctx;
    struct x86_state start;

    x86_start_state(X86_START_REAL, RIG_CODE, 0x5000, 0, &start);
    return r->m->engine->set(r->m->cpu[0], STATE_REGS | STATE_SREGS, &start, err);
}

static const struct cpu_debug no_point = { 0 };
static const struct cpu_debug at_write = { .nbreaks = 1, .brk = { { .addr = RIG_WRITE } } };

/* At a breakpoint, its place and that of the one instruction before told by their hashes. */
static uint64_t stop_at_write(struct rig *r, uint64_t hash[2])
{
    struct stop stop;
    uint64_t at;

    rig_open(r, 1, 1000, 0);
    r->m->reset = to_the_start;
    r->m->reset_ctx = r;
    rig_run_to(r, 3000);
    assert_int_equal(vcpu_debug(r->m->cpu[0], &at_write, NULL), 0);
    machine_run(r->m, &stop);
    assert_int_equal(stop.why, STOP_BREAK);
    assert_int_equal(rip(r, 0), RIG_WRITE);
    at = turns_insns(r->m);
    hash[1] = rig_hash(r);
    assert_int_equal(vcpu_debug(r->m->cpu[0], &no_point, NULL), 0);
    assert_int_equal(rewind_to(r->m, at - 1, NULL), 0);
    hash[0] = rig_run_to(r, at - 1);
    assert_int_equal(rig_run_to(r, at), hash[1]);
    return at;
}

static void step_back(struct rig *r, uint64_t insns, uint64_t hash)
{
    struct back_end end;

    assert_int_equal(back_step(r->m, 0, &end, NULL), 0);
    assert_int_equal(end.stop.why, STOP_BREAK);
    assert_false(end.oldest);
    assert_int_equal(turns_insns(r->m), insns);
    assert_int_equal(rig_hash(r), hash);
}

/* Pressed where the machine stands, and a step back before it runs: not pressed in the past. */
static void test_button_waits(void **state)
{
    uint64_t hash[2], at, after;
    struct rig r;

    (void)state;
    at = stop_at_write(&r, hash);
    machine_stop(r.m, STOP_RESET, 0, -1);
    step_back(&r, at - 1, hash[0]);
    assert_int_equal(r.m->resets, 0);

    after = rig_run_to(&r, at + 1); /* it is pressed here */
    assert_int_equal(r.m->resets, 1);
    assert_int_equal(rip(&r, 0), RIG_LOOP + 4);
    assert_int_equal(rewind_to(r.m, at - 1, NULL), 0);
    assert_int_equal(rig_run_to(&r, at + 1), after);
    rig_close(&r);
}

/* From what came after a change made at a breakpoint: the breakpoint is met before it, also on the way forward. */
static void meet_before_change(struct rig *r, uint64_t at, const uint64_t hash[2])
{
    uint64_t then = turns_insns(r->m), after = rig_hash(r);
    struct back_end end;
    struct stop stop;

    assert_true(then > at);
    assert_int_equal(vcpu_debug(r->m->cpu[0], &at_write, NULL), 0);
    for (unsigned from = 0; from < 2; from++) { /* from later, and from the instruction before */
        if (from == 0) {
            assert_int_equal(back_run(r->m, 0, &end, NULL), 0);
            assert_false(end.oldest);
            stop = end.stop;
        } else {
            machine_run(r->m, &stop);
        }
        assert_int_equal(stop.why, STOP_BREAK);
        assert_int_equal(stop.cpu, 0);
        assert_int_equal(r->m->cpu[0]->exit.rip, RIG_WRITE);
        assert_int_equal(turns_insns(r->m), at);
        assert_int_equal(rig_hash(r), hash[1]);
        step_back(r, at - 1, hash[0]);
    }
    machine_run(r->m, &stop);
    assert_int_equal(turns_insns(r->m), at);
    assert_int_equal(back_run(r->m, 0, &end, NULL), 0); /* it is left backwards */
    assert_int_equal(rip(r, 0), RIG_WRITE);
    assert_true(turns_insns(r->m) < at);
    assert_int_equal(vcpu_debug(r->m->cpu[0], &no_point, NULL), 0);
    assert_int_equal(rig_run_to(r, then), after); /* and the change is made again */
}

static void test_to_button(void **state)
{
    uint64_t hash[2], at;
    struct rig r;

    (void)state;
    at = stop_at_write(&r, hash);
    machine_stop(r.m, STOP_RESET, 0, -1);
    rig_run_to(&r, at + 1);
    meet_before_change(&r, at, hash);
    assert_int_equal(r.m->resets, 1);
    rig_close(&r);
}

static void test_to_changed_rip(void **state)
{
    struct x86_state s;
    uint64_t hash[2], at;
    struct rig r;

    (void)state;
    at = stop_at_write(&r, hash);
    assert_int_equal(vcpu_state(r.m->cpu[0], STATE_REGS, &s, NULL), 0);
    s.rip = RIG_LOOP;
    assert_int_equal(outside_begin(r.m, NULL), 0);
    assert_int_equal(vcpu_set_state(r.m->cpu[0], STATE_REGS, &s, NULL), 0);
    outside_set(r.m, 0, STATE_REGS, &s);
    rig_run_to(&r, at + 1);
    meet_before_change(&r, at, hash);
    assert_int_equal(rip(&r, 0), RIG_LOOP + 4);
    rig_close(&r);
}

/* Pressed at the very moment at which a breakpoint stops the machine. */
static void press_at_debug(void *ctx, const struct event *ev)
{
    if (ev->kind == EVENT_EXIT && ev->exit.kind == EXIT_DEBUG)
        machine_stop(((struct rig *)ctx)->m, STOP_RESET, 0, -1);
}

static void test_button_at_break(void **state)
{
    uint64_t hash[2], at, after;
    struct stop stop;
    struct rig r;

    (void)state;
    at = stop_at_write(&r, hash);
    assert_int_equal(rewind_to(r.m, at - 1, NULL), 0);
    assert_int_equal(vcpu_debug(r.m->cpu[0], &at_write, NULL), 0);
    rig_run_to(&r, at - 1);
    r.m->sink.fn = press_at_debug;
    r.m->sink.ctx = &r;
    machine_run(r.m, &stop);
    r.m->sink.fn = NULL;
    assert_int_equal(stop.why, STOP_BREAK);
    assert_int_equal(turns_insns(r.m), at);
    assert_int_equal(r.m->resets, 1); /* told when it had been done */
    assert_int_equal(rip(&r, 0), RIG_CODE);
    after = rig_hash(&r);
    step_back(&r, at - 1, hash[0]);
    assert_int_equal(vcpu_debug(r.m->cpu[0], &no_point, NULL), 0);
    assert_int_equal(rig_run_to(&r, at), after);
    rig_run_to(&r, at + 1);
    meet_before_change(&r, at, hash);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),          cmocka_unit_test(test_steps_of_two),
        cmocka_unit_test(test_runs),           cmocka_unit_test(test_runs_to_writes),
        cmocka_unit_test(test_without_a_past), cmocka_unit_test(test_at_the_beginning),
        cmocka_unit_test(test_button_waits),   cmocka_unit_test(test_to_button),
        cmocka_unit_test(test_to_changed_rip), cmocka_unit_test(test_button_at_break),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
