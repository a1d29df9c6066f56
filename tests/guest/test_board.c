/* SPDX-License-Identifier: MIT */
/*
 * test_board.c - the PC's interrupt controllers and timers under both engines, and handed over between them
 *
 * Arguments are the images of programs/board/timers.S, a multiboot kernel that counts interrupts, and of ferr.S, one
 * that has x87 exceptions by interrupt 13.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <vitro/inspect.h>
#include <vitro/vitro.h>

enum { EXIT_PORT = 0xf4, PASSED = 0xff, MEM = 16 << 20 };

static const char *timers, *ferr;

static struct vitro *make(enum vitro_engine engine, const char *image, struct vitro_guest **guest)
{
    struct vitro_guest_config gcfg = { .name = image };
    struct vitro_config cfg = {
        .engine = engine, .console_fd = -1, .mem_bytes = MEM, .debug_exit_port = EXIT_PORT
    };
    struct vitro_err err = { 0 };
    struct vitro *m = NULL;

    if (vitro_guest_open(&gcfg, guest, &err) < 0 || vitro_new(&cfg, *guest, &m, &err) < 0)
        fail_msg("%s", err.text);
    return m;
}

static void need_kvm(void)
{
    if (access("/dev/kvm", R_OK | W_OK) == 0)
        return;
    print_message("this host cannot: it has no /dev/kvm to open\n");
    skip();
}

static void run_to_end(struct vitro *m, struct vitro_guest *guest)
{
    struct vitro_err err = { 0 };
    struct vitro_outcome end;

    assert_int_equal(vitro_stop_at(m, &(struct vitro_stop_at){ 0 }, &err), 0);
    assert_int_equal(vitro_run(m, &end, &err), 0);
    if (end.end != VITRO_END_GUEST_EXIT || (end.code & 0xff) != PASSED)
        fail_msg("step %u, %s", end.code & 0xff, end.text);
    vitro_free(m);
    vitro_guest_free(guest);
}

static void on(enum vitro_engine engine)
{
    struct vitro_guest *guest;
    struct vitro *m = make(engine, timers, &guest);

    run_to_end(m, guest);
}

static void on_soft(void **state)
{
    (void)state;
    on(VITRO_ENGINE_SOFT);
}

static void on_kvm(void **state)
{
    (void)state;
    need_kvm();
    on(VITRO_ENGINE_KVM);
}

/* After so many exits. False: it has ended before. */
static bool hand_over(enum vitro_engine from, enum vitro_engine to, unsigned exits)
{
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro *m = make(from, timers, &guest);

    assert_int_equal(vitro_stop_at(m, &(struct vitro_stop_at){ .exits = exits }, &err), 0);
    assert_int_equal(vitro_run(m, &end, &err), 0);
    if (end.end == VITRO_END_GUEST_EXIT) {
        vitro_free(m);
        vitro_guest_free(guest);
        return false;
    }
    if (vitro_switch_engine(m, to, &err) < 0)
        fail_msg("after %u exits: %s", exits, err.text);
    run_to_end(m, guest);
    return true;
}

/* Everywhere: controllers half set up, interrupts pending, the CPU halted. */
static void handed_over(void **state)
{
    enum { FIRST = 3, STEP = 2, LAST = 100, AT_LEAST = 40 };

    (void)state;
    need_kvm();
    for (unsigned n = FIRST; n < LAST; n += STEP) {
        bool there = hand_over(VITRO_ENGINE_SOFT, VITRO_ENGINE_KVM, n);
        bool back = hand_over(VITRO_ENGINE_KVM, VITRO_ENGINE_SOFT, n);

        assert_true((there && back) || n > AT_LEAST);
    }
}

/*
 * Each exception comes once, by interrupt 13; the last one with interrupts off, so that the CPU stands before FWAIT and the
 * machine ends. KVM has no FERR#.
 */
static void x87_exceptions(void **state)
{
    struct vitro_guest *guest;
    struct vitro *m = make(VITRO_ENGINE_SOFT, ferr, &guest);
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_regs regs;
    uint8_t insn = 0;

    (void)state;
    assert_int_equal(vitro_run(m, &end, &err), 0);
    if (end.end != VITRO_END_HALT)
        fail_msg("step %u, %s", end.code & 0xff, end.text);
    assert_int_equal(vitro_regs(m, 0, &regs, &err), 0);
    assert_int_equal(regs.gpr[3] & 0xff, PASSED);
    assert_int_equal(vitro_mem_read(m, regs.rip, &insn, 1), 0);
    assert_int_equal(insn, 0x9b);
    vitro_free(m);
    vitro_guest_free(guest);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(on_soft),
        cmocka_unit_test(on_kvm),
        cmocka_unit_test(handed_over),
        cmocka_unit_test(x87_exceptions),
    };

    if (argc != 3)
        return 2;
    timers = argv[1];
    ferr = argv[2];
    return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
