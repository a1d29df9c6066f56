/* SPDX-License-Identifier: MIT */
/*
 * test_kvm_real_debug.c - single steps, breakpoints and watchpoints on this host's KVM
 *
 * What this KVM cannot do is found by looking, said by name, and skipped.
 */
#include "kvm_real.h"

#include <vitro/vitro.h>

/* False, said by name, where this KVM cannot. */
static bool try_debug(struct rig *r, const struct cpu_debug *dbg, const char *what)
{
    struct vitro_err err = { 0 };
    int rc = r->m->engine->debug(r->cpu, dbg, &err);

    if (rc == 0)
        return true;
    assert_true(rc == -ENOTSUP || rc == -ENOSPC);
    assert_string_not_equal(err.text, "");
    print_message("%s cannot: %s\n", what, err.text);
    return false;
}

static void expect_debug(struct rig *r, uint64_t rip)
{
    struct cpu_exit x = rig_next(r);

    if (x.kind != EXIT_DEBUG || x.rip != rip)
        fail_msg("%s at 0x%llx, not a stop at 0x%llx", exit_kind_name(x.kind),
                 (unsigned long long)x.rip, (unsigned long long)rip);
}

static void expect_access(struct rig *r, enum exit_kind kind, uint64_t rip)
{
    struct cpu_exit x = rig_next(r);

    assert_int_equal(x.kind, kind);
    assert_int_equal(x.rip, rip);
}

/* nop; out; in; add [rbx], eax; nop; jmp +0; hlt. An access comes first, then the end of its step. */
static bool step_through(enum x86_start start, unsigned ring, const char *what)
{
    static const uint8_t code[] = { 0x90, 0xee, 0xec, 0x01, 0x03, 0x90, 0xeb, 0x00, 0xf4 };
    static const uint8_t real[] = { 0x90, 0xee, 0xec, 0x01, 0x04, 0x90, 0xeb, 0x00, 0xf4 };
    struct rig_config cfg = { .start = start,
                              .ring = ring,
                              .len = sizeof(code),
                              .code = start == X86_START_REAL ? real : code };
    struct cpu_debug dbg = { .step = true };
    uint64_t rip = rig_rip(&cfg);
    struct rig r;
    bool can;

    rig_open(&r, &cfg);
    can = try_debug(&r, &dbg, what);
    if (can) {
        expect_debug(&r, rip + 1);
        expect_access(&r, EXIT_PIO, rip + 1);
        expect_debug(&r, rip + 2);
        expect_access(&r, EXIT_PIO, rip + 2);
        expect_debug(&r, rip + 3);
        if (start != X86_START_REAL) {
            expect_access(&r, EXIT_MMIO, rip + 3);
            expect_access(&r, EXIT_MMIO, rip + 3);
        }
        expect_debug(&r, rip + 5);
        expect_debug(&r, rip + 6);
        expect_debug(&r, rip + 8);
        dbg.step = false;
        assert_true(try_debug(&r, &dbg, what));
        if (ring == 0)
            expect_access(&r, EXIT_HLT, rip + 8);
    }
    rig_close(&r);
    return can;
}

static void test_step(void **state)
{
    bool any = false;

    (void)state;
    need_kvm();
    any |= step_through(X86_START_LONG, 0, "single step in 64-bit ring 0");
    any |= step_through(X86_START_PROTECTED, 0, "single step in 32-bit ring 0");
    any |= step_through(X86_START_REAL, 0, "single step in real mode");
    any |= step_through(X86_START_LONG, 3, "single step in ring 3");
    if (!any)
        skip();
}

/* Six breakpoints on a loop of nops: more than the debug registers, so that bytes are patched too. */
static bool break_through(enum x86_start start, unsigned ring, unsigned n, const char *what)
{
    static const uint8_t code[] = { 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xee, 0xeb, 0xf6 };
    struct rig_config cfg = { .start = start, .ring = ring, .code = code, .len = sizeof(code) };
    struct cpu_debug dbg = { .nbreaks = n };
    uint64_t rip = rig_rip(&cfg);
    struct rig r;
    bool can;

    for (unsigned i = 0; i < n; i++)
        dbg.brk[i].addr = RIG_CODE + i; /* linear */
    rig_open(&r, &cfg);
    can = try_debug(&r, &dbg, what);
    for (unsigned round = 0; round < 3 && can; round++) {
        for (unsigned i = 0; i < n; i++) {
            expect_debug(&r, rip + i);
            assert_memory_equal(r.ram + RIG_CODE, code, sizeof(code));
        }
        expect_access(&r, EXIT_PIO, rip + 7);
    }
    dbg.nbreaks = 0;
    assert_int_equal(r.m->engine->debug(r.cpu, &dbg, &r.err), 0);
    expect_access(&r, EXIT_PIO, rip + 7);
    rig_close(&r);
    return can;
}

static void test_break(void **state)
{
    bool any = false;

    (void)state;
    need_kvm();
    any |= break_through(X86_START_LONG, 0, 1, "breakpoints in 64-bit ring 0");
    any |= break_through(X86_START_LONG, 0, 6, "six breakpoints in 64-bit ring 0");
    any |= break_through(X86_START_PROTECTED, 0, 1, "breakpoints in 32-bit ring 0");
    any |= break_through(X86_START_PROTECTED, 0, 6, "six breakpoints in 32-bit ring 0");
    any |= break_through(X86_START_REAL, 0, 1, "breakpoints in real mode");
    any |= break_through(X86_START_REAL, 0, 6, "six breakpoints in real mode");
    any |= break_through(X86_START_LONG, 3, 1, "breakpoints in ring 3");
    if (!any)
        skip();
}

/* A loop of one instruction to itself stops at each turn; a breakpoint that is not mapped does no harm. */
static void test_break_self(void **state)
{
    struct rig_config cfg = { .start = X86_START_LONG, CODE(SPIN) };
    struct cpu_debug dbg = { .nbreaks = 2,
                             .brk = { { .addr = RIG_CODE }, { .addr = UINT64_C(1) << 40 } } };
    struct rig r;

    (void)state;
    need_kvm();
    rig_open(&r, &cfg);
    if (!try_debug(&r, &dbg, "breakpoints in 64-bit ring 0")) {
        rig_close(&r);
        skip();
    }
    for (unsigned i = 0; i < 5; i++)
        expect_debug(&r, RIG_CODE);
    r.m->engine->kick(r.cpu);
    assert_int_equal(rig_run(&r).kind, EXIT_KICKED);
    expect_debug(&r, RIG_CODE);
    rig_close(&r);
}

static void test_watch(void **state)
{
    struct rig_config cfg = { .start = X86_START_LONG,
                              .ring = 3,
                              CODE(0x90, 0x88, 0x06, 0x90, 0xee) }; /* mov [rsi], al */
    struct watchpoint watch = { RIG_DATA, 1, WATCH_WRITE };
    struct cpu_debug dbg = { .watch = &watch, .nwatches = 1 };
    bool any = false;

    (void)state;
    need_kvm();
    for (unsigned ring = 0; ring <= 3; ring += 3) {
        struct rig r;

        cfg.ring = ring;
        rig_open(&r, &cfg);
        if (try_debug(&r, &dbg, ring == 0 ? "watchpoints in ring 0" : "watchpoints in ring 3")) {
            any = true;
            expect_debug(&r, RIG_CODE + 3);
            assert_int_equal(r.ram[RIG_DATA], 0x41);
            assert_int_equal(r.cpu->exit.watch_how, WATCH_WRITE);
            assert_int_equal(r.cpu->exit.watch_len, 1);
            assert_int_equal(r.cpu->exit.data, RIG_DATA);
        }
        rig_close(&r);
    }
    if (!any)
        skip();
}

static void test_face(void **state)
{
    static const uint8_t code[] = { 0x90, 0x90, 0xe6, 0xe9, 0x90, 0x90, 0xf4 };
    struct vitro_guest_config gcfg = { .bytes = code,
                                       .len = sizeof(code),
                                       .kind = VITRO_KIND_FLAT };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_KVM, .console_fd = -1 };
    struct vitro_err err = { 0 };
    struct vitro_outcome out;
    struct vitro_guest *guest;
    struct vitro *m;
    uint64_t at = 5;
    int rc;

    (void)state;
    need_kvm();
    assert_int_equal(vitro_guest_open(&gcfg, &guest, &err), 0);
    assert_int_equal(vitro_new(&cfg, guest, &m, &err), 0);
    rc = vitro_stop_at(m, &(struct vitro_stop_at){ .addrs = &at, .naddrs = 1 }, &err);
    if (rc == 0)
        rc = vitro_step(m, 0, &out, &err);
    if (rc == -ENOTSUP) {
        print_message("stepping 64-bit ring 0 cannot: %s\n", err.text);
    } else {
        static const uint64_t rips[] = { 2, 4 };

        assert_int_equal(rc, 0);
        assert_int_equal(out.end, VITRO_END_BREAK);
        assert_int_equal(out.rip, 1);
        for (size_t i = 0; i < ARRAY_LEN(rips); i++) {
            assert_int_equal(vitro_step(m, 0, &out, &err), 0);
            assert_int_equal(out.end, VITRO_END_BREAK);
            assert_int_equal(out.rip, rips[i]);
        }
        assert_int_equal(vitro_run(m, &out, &err), 0); /* the breakpoint has outlived the steps */
        assert_int_equal(out.end, VITRO_END_BREAK);
        assert_int_equal(out.rip, 5);
        assert_int_equal(vitro_run(m, &out, &err), 0);
        assert_int_equal(out.end, VITRO_END_HALT);
        assert_int_equal(vitro_step(m, 1, &out, &err), -EINVAL);
    }
    vitro_free(m);
    vitro_guest_free(guest);
    if (rc == -ENOTSUP)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step),       cmocka_unit_test(test_break),
        cmocka_unit_test(test_break_self), cmocka_unit_test(test_watch),
        cmocka_unit_test(test_face),
    };

    return cmocka_run_group_tests_name("engine/kvm real debug", tests, NULL, NULL);
}
