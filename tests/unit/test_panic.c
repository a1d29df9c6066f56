/* SPDX-License-Identifier: MIT */
/* test_panic.c - what is taken for a kernel's panic, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "board/panic.h"

#define PANIC_SAID "[   10.186204] Kernel panic - not syncing: VFS: no root\r\n"

struct rig {
    struct machine m; /* without CPUs, its time moved by the test */
    struct panic p;
    bool polled;
    size_t passed_on; /* bytes */
};

static bool is_polled(void *ctx)
{
    return ((struct rig *)ctx)->polled;
}

static void pass_on(void *ctx, const void *bytes, size_t len)
{
    (void)bytes;
    ((struct rig *)ctx)->passed_on += len;
}

static int make(void **state)
{
    static const struct chr_ops ops = { .write = pass_on };
    struct rig *r = calloc(1, sizeof(*r));

    assert_non_null(r);
    r->m.clock.counted = true;
    r->polled = true;
    panic_init(&r->p, &r->m, (struct chr){ &ops, r }, is_polled, r);
    *state = r;
    return 0;
}

static int drop(void **state)
{
    free(*state);
    return 0;
}

static void say(struct rig *r, const char *text)
{
    struct chr chr = panic_chr(&r->p);

    for (const char *c = text; *c != '\0'; c++)
        chr_write(&chr, c, 1);
}

/* Why the machine was stopped, after so long. */
static enum stop_reason after_ms(struct rig *r, uint64_t ms)
{
    r->m.clock.counted_ns += ms * 1000000;
    timers_run(&r->m.timers, clock_ns(&r->m.clock));
    return (enum stop_reason)(atomic_load(&r->m.stop) & 0xff);
}

static void silence_after_it_is_a_panic(void **state)
{
    struct rig *r = *state;
    char lines[64];

    say(r, "[    1.0] before\n" PANIC_SAID);
    assert_true(panic_seen(&r->p));
    assert_string_equal(r->p.text, "VFS: no root");
    assert_int_equal(r->passed_on, strlen("[    1.0] before\n" PANIC_SAID));
    assert_int_equal(after_ms(r, PANIC_CALM_MS - 1), STOP_NONE);
    say(r, "[   11.0] Call Trace:\n");
    assert_int_equal(after_ms(r, PANIC_CALM_MS - 1), STOP_NONE);
    assert_int_equal(after_ms(r, 1), STOP_PANIC);
    panic_last_lines(&r->p, lines, sizeof(lines));
    assert_memory_equal(lines, "[    1.0] before\n[   10.186204] Kernel", 38);
    assert_int_equal(strlen(lines), sizeof(lines) - 1);
}

static void text_of_programs_is_not(void **state)
{
    struct rig *r = *state;

    r->polled = false;
    say(r, PANIC_SAID);
    assert_false(panic_seen(&r->p));
    /* One byte by interrupt is enough, as is a line that only contains the words. */
    say(r, "K");
    r->polled = true;
    say(r, "ernel panic - not syncing: mixed\n");
    assert_false(panic_seen(&r->p));
    say(r, "[ 1.0] echo: Kernel panic - not syncing: quoted\n");
    assert_false(panic_seen(&r->p));
    assert_int_equal(after_ms(r, 10 * PANIC_CALM_MS), STOP_NONE);
}

static void an_orderly_end_is_not(void **state)
{
    struct rig *r = *state;

    say(r, PANIC_SAID);
    assert_int_equal(after_ms(r, PANIC_CALM_MS / 2), STOP_NONE);
    say(r, "[   12.0] reboot: Restarting system\n");
    assert_false(panic_seen(&r->p));
    assert_int_equal(after_ms(r, 10 * PANIC_CALM_MS), STOP_NONE);
}

static void kicked(struct vcpu *cpu)
{
    (void)cpu;
}

/* CPUs that halt and wake again are at work, whatever was said; those that do not are not. */
static void a_machine_that_goes_on_is_not(void **state)
{
    static const struct engine_ops engine = { .kick = kicked };
    struct rig *r = *state;
    struct vcpu *cpu = calloc(1, sizeof(*cpu));

    assert_non_null(cpu);
    r->m.engine = &engine;
    cpu->m = &r->m;
    r->m.cpu[0] = cpu;
    r->m.ncpus = 1;
    say(r, PANIC_SAID);
    for (unsigned i = 0; i < 3; i++) {
        cpu->exits.other[2 * EXIT_HLT].exits++;
        assert_int_equal(after_ms(r, PANIC_CALM_MS), STOP_NONE);
    }
    cpu->exits.row[7].kind = EXIT_HLT;
    cpu->exits.row[7].exits = 1;
    assert_int_equal(after_ms(r, PANIC_CALM_MS), STOP_NONE);
    assert_int_equal(after_ms(r, PANIC_CALM_MS), STOP_PANIC);
    free(cpu);
}

/* A long line is cut, bytes that are no text are hidden, and nothing grows. */
static void hostile_lines(void **state)
{
    struct rig *r = *state;
    char lines[PANIC_LINES * PANIC_LINE + 1];

    for (int i = 0; i < 100000; i++)
        say(r, "\x1b[");
    say(r, "\n[[[[]]\n[\n]\n\n" PANIC_SAID);
    assert_true(panic_seen(&r->p));
    panic_last_lines(&r->p, lines, sizeof(lines));
    assert_null(strchr(lines, '\x1b'));
    for (int i = 0; i < 1000; i++)
        say(r, "again and again\n");
    panic_last_lines(&r->p, lines, sizeof(lines));
    assert_int_equal(strlen(lines), PANIC_LINES * strlen("again and again\n"));
    panic_reset(&r->p);
    assert_false(panic_seen(&r->p));
    panic_last_lines(&r->p, lines, sizeof(lines));
    assert_string_equal(lines, "");
    assert_int_equal(after_ms(r, 10 * PANIC_CALM_MS), STOP_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(silence_after_it_is_a_panic, make, drop),
        cmocka_unit_test_setup_teardown(text_of_programs_is_not, make, drop),
        cmocka_unit_test_setup_teardown(an_orderly_end_is_not, make, drop),
        cmocka_unit_test_setup_teardown(a_machine_that_goes_on_is_not, make, drop),
        cmocka_unit_test_setup_teardown(hostile_lines, make, drop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
