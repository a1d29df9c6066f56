/* SPDX-License-Identifier: MIT */
/*
 * test_handover.c - a machine stopped on one engine goes on with the other
 *
 * Every built-in guest that ends, in every mode this host's KVM runs, handed over in the middle, in both
 * directions: the same console bytes, accesses and final registers as without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "evidence.h"

/* Where a run changes engines; neither: nowhere. */
struct when {
    uint64_t exits, insns;
};

static enum vitro_engine other(enum vitro_engine engine)
{
    return engine == VITRO_ENGINE_KVM ? VITRO_ENGINE_SOFT : VITRO_ENGINE_KVM;
}

static void run_to(struct vitro *m, const struct when *when, struct vitro_outcome *end)
{
    struct vitro_stop_at where = { .exits = when->exits, .insns = when->insns };
    struct vitro_err err = { 0 };

    check(vitro_stop_at(m, &where, &err), &err);
    check(vitro_run(m, end, &err), &err);
}

static void run_all(struct vitro *m, enum vitro_engine engine, const struct when *when,
                    struct vitro_outcome *end)
{
    static const struct when nowhere;
    struct vitro_err err = { 0 };

    run_to(m, when, end);
    if (end->end != VITRO_END_COUNT)
        return;
    check(vitro_stop_at(m, &(struct vitro_stop_at){ 0 }, &err), &err);
    check(vitro_switch_engine(m, other(engine), &err), &err);
    assert_string_equal(vitro_engine_name(m), engine == VITRO_ENGINE_KVM ? "soft" : "kvm");
    run_to(m, &nowhere, end);
}

/* True when it went on with the other engine. */
static bool gather(const char *name, enum vitro_mode mode, enum vitro_engine engine,
                   const struct when *when, struct evidence *e)
{
    struct vitro_guest_config gcfg = { .name = name, .mode = mode };
    struct vitro_config cfg = { .engine = engine,
                                .console_fd = memfd_create("output", MFD_CLOEXEC) };
    struct vitro_guest *guest;
    struct vitro *m;
    bool moved;

    *e = (struct evidence){ 0 };
    open_guest(&gcfg, &cfg, &guest, &m);
    run_all(m, engine, when, &e->end);
    moved = strstr(vitro_engine_why(m), "went on") != NULL;
    evidence_take(m, cfg.console_fd, e);
    vitro_free(m);
    vitro_guest_free(guest);
    close(cfg.console_fd);
    return moved;
}

/* After a hand-over as without: no exit is made or lost. */
static void compare(struct evidence *a, struct evidence *b, bool varies)
{
    assert_int_equal(a->end.exits, b->end.exits);
    evidence_compare(a, b, varies);
}

static bool kvm_runs(const char *name, enum vitro_mode mode)
{
    struct vitro_guest_config gcfg = { .name = name, .mode = mode };
    struct vitro_config cfg = { .console_fd = -1 };
    struct vitro_guest *guest;
    struct vitro *m;
    bool runs;

    open_guest(&gcfg, &cfg, &guest, &m);
    runs = strcmp(vitro_engine_name(m), "kvm") == 0;
    if (!runs)
        print_message("%s: cannot run here: %s\n", name, vitro_engine_why(m));
    vitro_free(m);
    vitro_guest_free(guest);
    return runs;
}

static void hand_over(const char *name, enum vitro_mode mode)
{
    static const struct when nowhere, insns = { .insns = 1 };
    static struct evidence whole, moved;
    struct when middle = { 0 };
    bool varies = strcmp(name, "hyper-time") == 0 || strcmp(name, "hyper-addr") == 0;

    gather(name, mode, VITRO_ENGINE_SOFT, &nowhere, &whole);
    print_message("%s, %s: %llu exits\n", name, whole.regs.mode,
                  (unsigned long long)whole.end.exits);
    assert_true(gather(name, mode, VITRO_ENGINE_SOFT, &insns, &moved));
    compare(&whole, &moved, varies);
    middle.exits = whole.end.exits / 2;
    if (middle.exits == 0)
        return;
    assert_true(gather(name, mode, VITRO_ENGINE_SOFT, &middle, &moved));
    compare(&whole, &moved, varies);
    assert_true(gather(name, mode, VITRO_ENGINE_KVM, &middle, &moved));
    compare(&whole, &moved, varies);
}

static void every_guest_in_the_middle(void **state)
{
    struct vitro_builtin b;
    unsigned n = 0;

    (void)state;
    for (unsigned i = 0; vitro_builtin(i, &b); i++) {
        for (unsigned mode = VITRO_MODE_REAL; mode <= VITRO_MODE_LONG; mode++) {
            if (!b.modes[mode] || strcmp(b.ends, "never") == 0 ||
                !kvm_runs(b.name, (enum vitro_mode)mode))
                continue;
            hand_over(b.name, (enum vitro_mode)mode);
            n++;
        }
    }
    if (n == 0)
        skip(); /* said above */
}

/* From one to the other and back, exit by exit. */
static void back_and_forth(void **state)
{
    struct vitro_guest_config gcfg = { .name = "hello" };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_KVM,
                                .console_fd = memfd_create("output", MFD_CLOEXEC) };
    enum vitro_engine engine = VITRO_ENGINE_KVM;
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    char output[64] = "";
    struct vitro *m;

    (void)state;
    open_guest(&gcfg, &cfg, &guest, &m);
    for (uint64_t exits = 1; exits < 15; exits++) {
        run_to(m, &(struct when){ .exits = exits }, &end);
        assert_int_equal(end.end, VITRO_END_COUNT);
        engine = other(engine);
        check(vitro_switch_engine(m, engine, &err), &err);
    }
    run_to(m, &(struct when){ 0 }, &end);
    assert_int_equal(end.end, VITRO_END_HALT);
    assert_int_equal(end.exits, 15);
    assert_true(pread(cfg.console_fd, output, sizeof(output) - 1, 0) >= 0);
    assert_string_equal(output, "Hello, world!\n");
    vitro_free(m);
    vitro_guest_free(guest);
    close(cfg.console_fd);
}

#define GUEST(name) extern const unsigned char handover_##name[], handover_##name##_end[]
#define IMAGE(id)   .bytes = handover_##id, .len = (size_t)(handover_##id##_end - handover_##id)
GUEST(registers);
GUEST(tables);
GUEST(string);

/* Everything a guest can check by itself: general, x87, SSE registers, debug registers, TSC. */
static void registers_go_along(void **state)
{
    const struct vitro_guest_config gcfg = { .name = "registers", IMAGE(registers) };
    struct vitro_err err = { 0 };

    (void)state;
    for (unsigned first = VITRO_ENGINE_KVM; first <= VITRO_ENGINE_SOFT; first++) {
        struct vitro_config cfg = { .engine = (enum vitro_engine)first, .console_fd = -1 };
        struct vitro_outcome end;
        struct vitro_guest *guest;
        struct vitro_regs regs;
        struct vitro *m;

        open_guest(&gcfg, &cfg, &guest, &m);
        run_all(m, (enum vitro_engine)first, &(struct when){ .exits = 1 }, &end);
        check(vitro_regs(m, 0, &regs, &err), &err);
        if (end.end != VITRO_END_HALT || regs.gpr[0] != 42)
            fail_msg("%s, rax = %llu", end.text, (unsigned long long)regs.gpr[0]);
        vitro_free(m);
        vitro_guest_free(guest);
    }
}

/*
 * The guest reads a page in ring 3 on kvm; then a page-table entry changes: by the guest itself on soft, with a
 * flush that kvm does not see, or by a debugger. On kvm again, ring 3 must read the other page.
 */
static uint64_t read_through(bool by_debugger)
{
    const struct vitro_guest_config gcfg = { .name = "tables", IMAGE(tables) };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_KVM, .page_bytes = 4096, .console_fd = -1 };
    const uint64_t entry_at = 0x5800, entry = 0x101007;
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro_regs regs;
    struct vitro *m;

    open_guest(&gcfg, &cfg, &guest, &m);
    run_to(m, &(struct when){ .exits = 1 }, &end);
    assert_int_equal(end.end, VITRO_END_COUNT);
    if (by_debugger) {
        check(vitro_mem_write(m, entry_at, &entry, sizeof(entry)), &err);
        check(vitro_mem_write(m, 0x4000 - 8, &(uint64_t){ 1 }, 8), &err);
    } else {
        check(vitro_switch_engine(m, VITRO_ENGINE_SOFT, &err), &err);
    }
    run_to(m, &(struct when){ .exits = 2 }, &end);
    assert_int_equal(end.end, VITRO_END_COUNT);
    check(vitro_switch_engine(m, VITRO_ENGINE_KVM, &err), &err);
    run_to(m, &(struct when){ .exits = 3 }, &end);
    assert_int_equal(end.end, VITRO_END_COUNT);
    check(vitro_regs(m, 0, &regs, &err), &err);
    vitro_free(m);
    vitro_guest_free(guest);
    return regs.gpr[0];
}

static void an_entry_changed_on_soft(void **state)
{
    (void)state;
    if (!kvm_runs("hello", VITRO_MODE_LONG))
        skip();
    assert_int_equal(read_through(false), 31);
}

static void an_entry_changed_by_a_debugger(void **state)
{
    (void)state;
    if (!kvm_runs("hello", VITRO_MODE_LONG))
        skip();
    assert_int_equal(read_through(true), 31);
}

/* In the middle of REP OUTSB: no byte is lost, none comes twice. */
static void in_a_string(void **state)
{
    const struct vitro_guest_config gcfg = { .name = "string", IMAGE(string) };

    (void)state;
    for (unsigned first = VITRO_ENGINE_KVM; first <= VITRO_ENGINE_SOFT; first++) {
        struct vitro_config cfg = { .engine = (enum vitro_engine)first,
                                    .console_fd = memfd_create("output", MFD_CLOEXEC) };
        struct vitro_outcome end;
        struct vitro_guest *guest;
        char output[64] = "";
        struct vitro *m;

        open_guest(&gcfg, &cfg, &guest, &m);
        run_all(m, (enum vitro_engine)first, &(struct when){ .exits = 1 }, &end);
        assert_int_equal(end.end, VITRO_END_HALT);
        assert_true(pread(cfg.console_fd, output, sizeof(output) - 1, 0) >= 0);
        assert_string_equal(output, "all of these letters\n");
        vitro_free(m);
        vitro_guest_free(guest);
        close(cfg.console_fd);
    }
}

/* A machine that soft runs already because of a breakpoint, and its breakpoint, go along. */
static void while_debugged(void **state)
{
    const uint64_t at[] = { 0x5, 0x1f }; /* in the loop, and its HLT */
    struct vitro_guest_config gcfg = { .name = "hello" };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_KVM, .console_fd = -1 };
    struct vitro_stop_at where = { .addrs = at, .naddrs = 1 };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro *m;

    (void)state;
    open_guest(&gcfg, &cfg, &guest, &m);
    check(vitro_stop_at(m, &where, &err), &err);
    check(vitro_run(m, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_BREAK);
    where.addrs = &at[1];
    check(vitro_stop_at(m, &where, &err), &err);
    check(vitro_switch_engine(m, VITRO_ENGINE_SOFT, &err), &err);
    check(vitro_run(m, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_BREAK);
    assert_int_equal(end.rip, at[1]);
    check(vitro_switch_engine(m, VITRO_ENGINE_KVM, &err), &err);
    where.naddrs = 0;
    check(vitro_stop_at(m, &where, &err), &err);
    check(vitro_run(m, &end, &err), &err);
    assert_int_equal(end.end, VITRO_END_HALT);
    assert_int_equal(end.rip, at[1]);
    vitro_free(m);
    vitro_guest_free(guest);
}

/* What cannot be: no such engine, a count that KVM does not keep. The machine stays. */
static void refusals(void **state)
{
    struct vitro_guest_config gcfg = { .name = "hello" };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT, .console_fd = -1 };
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro *m;

    (void)state;
    open_guest(&gcfg, &cfg, &guest, &m);
    assert_int_not_equal(vitro_switch_engine(m, VITRO_ENGINE_AUTO, &err), 0);
    assert_int_equal(err.kind, VITRO_ERR_USAGE);
    err = (struct vitro_err){ 0 };
    check(vitro_stop_at(m, &(struct vitro_stop_at){ .insns = 3 }, &err), &err);
    assert_int_not_equal(vitro_switch_engine(m, VITRO_ENGINE_KVM, &err), 0);
    assert_int_equal(err.kind, VITRO_ERR_ENGINE);
    err = (struct vitro_err){ 0 };
    check(vitro_switch_engine(m, VITRO_ENGINE_SOFT, &err), &err);
    run_to(m, &(struct when){ 0 }, &end);
    assert_int_equal(end.end, VITRO_END_HALT);
    assert_string_equal(vitro_engine_name(m), "soft");
    vitro_free(m);
    vitro_guest_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_guest_in_the_middle),
        cmocka_unit_test(back_and_forth),
        cmocka_unit_test(registers_go_along),
        cmocka_unit_test(an_entry_changed_on_soft),
        cmocka_unit_test(an_entry_changed_by_a_debugger),
        cmocka_unit_test(in_a_string),
        cmocka_unit_test(while_debugged),
        cmocka_unit_test(refusals),
    };

    return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
