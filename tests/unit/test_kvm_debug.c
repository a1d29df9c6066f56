/* SPDX-License-Identifier: MIT */
/* test_kvm_debug.c - the KVM engine over a made-up KVM: breakpoints and single steps. */
#include "kvm_script.h"

#include <errno.h>

static void set_breaks(struct rig *r, const uint64_t *addr, unsigned n)
{
    struct cpu_debug dbg = { .nbreaks = n };

    for (unsigned i = 0; i < n; i++)
        dbg.brk[i].addr = addr[i];
    if (kvm_engine.debug(r->cpu, &dbg, &r->err) < 0)
        fail_msg("%s", r->err.text);
}

/* Where only 0xCC bytes work, a foreign INT3 goes back to the guest and ours comes out. */
static void test_int3(void **state)
{
    static const uint64_t at = RIG_CODE + 4;
    struct play play[] = {
        { .reason = KVM_EXIT_DEBUG,
          .rip = RIG_CODE + 2,
          .debug = { .exception = 3, .pc = RIG_CODE + 2 } },
        { .reason = KVM_EXIT_DEBUG,
          .rip = RIG_CODE + 4,
          .debug = { .exception = 3, .pc = RIG_CODE + 4 } },
        { .reason = KVM_EXIT_DEBUG,
          .rip = RIG_CODE + 5,
          .debug = { .exception = 1 } }, /* step over */
        { .reason = KVM_EXIT_HLT },
    };
    struct cpu_exit x;
    struct fake f;
    struct rig r;

    (void)state;
    fake_init(&f);
    f.debugs = DEBUG_STEP | DEBUG_INT3;
    open_with(&r, &f, play, 4);
    set_breaks(&r, &at, 1);
    x = rig_run(&r);
    assert_int_equal(x.kind, EXIT_DEBUG);
    assert_int_equal(x.rip, RIG_CODE + 4);
    assert_int_equal(f.injected, 1);
    assert_memory_equal(r.ram + RIG_CODE, nops, sizeof(nops));
    assert_int_equal(rig_run(&r).kind, EXIT_HLT);
    assert_int_equal(f.at, 4);
    assert_memory_equal(r.ram + RIG_CODE, nops, sizeof(nops));
    finish(&r, &f);
}

/* A refusal at our byte is the breakpoint; one elsewhere shows the guest's own bytes. */
static void test_refused_int3(void **state)
{
    static const uint64_t at[] = { RIG_CODE + 4, RIG_CODE + 1 };
    struct play play[] = {
        { .reason = KVM_EXIT_INTERNAL_ERROR, .rip = RIG_CODE + 4, .internal = { .suberror = 1 } },
        { .reason = KVM_EXIT_DEBUG, .rip = RIG_CODE, .debug = { .exception = 1 } },
        { .reason = KVM_EXIT_INTERNAL_ERROR,
          .rip = RIG_CODE,
          .internal = { .suberror = 1,
                        .ndata = 3,
                        .flags = 1,
                        .insn_size = 4,
                        .insn = { 0xf, 0xcc, 0x1, 0x2 } } },
    };
    struct cpu_exit x;
    struct fake f;
    struct rig r;

    (void)state;
    fake_init(&f);
    f.debugs = DEBUG_STEP | DEBUG_INT3;
    open_with(&r, &f, play, 3);
    set_breaks(&r, at, 2);
    x = rig_run(&r);
    assert_int_equal(x.kind, EXIT_DEBUG);
    assert_int_equal(x.rip, RIG_CODE + 4);
    x = rig_run(&r);
    assert_int_equal(x.kind, EXIT_REFUSED);
    assert_memory_equal(x.insn, "\x0f\x90\x01\x02", 4);
    finish(&r, &f);
}

/* Without a step, the breakpoint a run begins at is left out for one entry and is back at the next. */
static void test_no_step(void **state)
{
    static const uint64_t at = RIG_CODE;
    const struct cpu_debug step = { .step = true };
    struct vitro_err err = { 0 };
    struct play play[] = {
        { .reason = KVM_EXIT_DEBUG, .debug = { .exception = 1 } },
        { .reason = KVM_EXIT_IO, .io = { .out = 1, .size = 1, .port = 1, .count = 1 } },
        { .reason = KVM_EXIT_HLT },
    };
    const struct kvm_guest_debug *armed;
    struct fake f;
    struct rig r;

    (void)state;
    fake_init(&f);
    f.debugs = DEBUG_EXEC;
    open_with(&r, &f, play, 3);
    armed = &kcpu_of(r.cpu)->armed;
    assert_int_equal(kvm_engine.debug(r.cpu, &step, &err), -ENOTSUP);
    assert_string_equal(err.text, "this KVM does not single-step 64-bit ring 0");
    set_breaks(&r, &at, 1);
    assert_int_equal(rig_run(&r).kind, EXIT_DEBUG);
    assert_int_equal(armed->arch.debugreg[7] & 1, 1);
    assert_int_equal(rig_run(&r).kind, EXIT_PIO);
    assert_int_equal(armed->arch.debugreg[7] & 1, 0);
    assert_int_equal(rig_run(&r).kind, EXIT_HLT);
    assert_int_equal(armed->arch.debugreg[7] & 1, 1);
    finish(&r, &f);
}

/* Eleven bytes from 5 on are 1, 2 and 8: three registers, one is left for a breakpoint. */
static void test_watch_range(void **state)
{
    const struct watchpoint watch = { RIG_DATA + 5, 11, WATCH_READ | WATCH_WRITE };
    const struct cpu_debug dbg = {
        .watch = &watch, .nwatches = 1, .nbreaks = 1, .brk = { { .addr = RIG_HOLE } }
    };
    struct play play[] = {
        { .reason = KVM_EXIT_DEBUG, .rip = RIG_CODE + 3, .debug = { .exception = 1, .dr6 = 2 } },
    };
    const struct kvm_guest_debug *armed;
    struct cpu_exit x;
    struct fake f;
    struct rig r;

    (void)state;
    fake_init(&f);
    open_with(&r, &f, play, 1);
    armed = &kcpu_of(r.cpu)->armed;
    assert_int_equal(kvm_engine.debug(r.cpu, &dbg, &r.err), 0);
    x = rig_run(&r);
    assert_int_equal(x.kind, EXIT_DEBUG);
    assert_int_equal(x.rip, RIG_CODE + 3);
    assert_int_equal(x.data, RIG_DATA + 6);
    assert_int_equal(x.watch_len, 2);
    assert_int_equal(x.watch_how, WATCH_READ | WATCH_WRITE);
    assert_int_equal(armed->arch.debugreg[0], RIG_DATA + 5);
    assert_int_equal(armed->arch.debugreg[1], RIG_DATA + 6);
    assert_int_equal(armed->arch.debugreg[2], RIG_DATA + 8);
    assert_int_equal(armed->arch.debugreg[3], RIG_HOLE);
    assert_int_equal(armed->arch.debugreg[7], 0x400 | 0x55 | 0x0b730000);
    finish(&r, &f);
}

/* What four debug registers cannot cover. What was set before stays. */
static void test_watch_refused(void **state)
{
    static const struct watchpoint refused[] = {
        { RIG_DATA, 40, WATCH_WRITE },
        { RIG_DATA + 1, 32, WATCH_WRITE },
        { RIG_DATA, UINT64_MAX - RIG_DATA, WATCH_WRITE },
        { RIG_DATA, 1, WATCH_READ },
    };
    struct play play[] = { { .reason = KVM_EXIT_HLT } };
    struct fake f;
    struct rig r;

    (void)state;
    fake_init(&f);
    open_with(&r, &f, play, 1);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        const struct cpu_debug dbg = { .watch = &refused[i], .nwatches = 1 };
        struct vitro_err err = { 0 };

        assert_int_equal(kvm_engine.debug(r.cpu, &dbg, &err),
                         refused[i].how == WATCH_READ ? -ENOTSUP : -ENOSPC);
        assert_int_equal(err.kind, VITRO_ERR_ENGINE);
    }
    assert_int_equal(rig_run(&r).kind, EXIT_HLT);
    assert_int_equal(kcpu_of(r.cpu)->armed.control, 0);
    finish(&r, &f);
}

/* Four in debug registers, the others as bytes; ROM and holes get the registers first. */
static void test_placement(void **state)
{
    static const uint64_t at[] = { RIG_CODE,     RIG_CODE + 1, RIG_CODE + 2,     RIG_CODE + 3,
                                   RIG_CODE + 4, RIG_HOLE,     UINT64_C(1) << 40 };
    struct play play[] = { { .reason = KVM_EXIT_HLT } };
    const struct kvm_cpu *kc;
    struct fake f;
    struct rig r;

    (void)state;
    fake_init(&f);
    open_with(&r, &f, play, 1);
    kc = kcpu_of(r.cpu);
    set_breaks(&r, at, ARRAY_LEN(at));
    assert_int_equal(rig_run(&r).kind, EXIT_HLT);
    assert_int_equal(kc->armed.arch.debugreg[0], RIG_HOLE);
    assert_int_equal(kc->armed.arch.debugreg[1], UINT64_C(1) << 40);
    assert_int_equal(kc->armed.arch.debugreg[2], RIG_CODE);
    assert_int_equal(kc->armed.arch.debugreg[3], RIG_CODE + 1);
    assert_int_equal(kc->npatches, 3);
    assert_int_equal(kc->armed.control,
                     KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP | KVM_GUESTDBG_USE_SW_BP);
    assert_memory_equal(r.ram + RIG_CODE, nops, sizeof(nops));
    finish(&r, &f);
}

/* A step ends after the access of its instruction, whether this KVM keeps the trap or loses it. */
static void test_step_access(void **state)
{
    const struct cpu_debug step = { .step = true };

    (void)state;
    for (unsigned keeps = 0; keeps < 2; keeps++) {
        struct play play[] = {
            { .reason = KVM_EXIT_IO,
              .rip = RIG_CODE,
              .rip_finished = RIG_CODE + 2,
              .further = keeps != 0,
              .io = { .out = 1, .size = 1, .port = 1, .count = 1 } },
            { .reason = KVM_EXIT_DEBUG, .debug = { .exception = 1, .dr6 = X86_DR6_BS } },
        };
        struct cpu_exit x;
        struct fake f;
        struct rig r;

        fake_init(&f);
        open_with(&r, &f, play, keeps != 0 ? 2 : 1);
        assert_int_equal(kvm_engine.debug(r.cpu, &step, &r.err), 0);
        x = rig_run(&r);
        assert_int_equal(x.kind, EXIT_PIO);
        assert_int_equal(x.rip, RIG_CODE);
        x = rig_run(&r);
        assert_int_equal(x.kind, EXIT_DEBUG);
        assert_int_equal(x.rip, RIG_CODE + 2);
        assert_int_equal(x.addr & X86_DR6_BS, X86_DR6_BS);
        finish(&r, &f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_int3),          cmocka_unit_test(test_refused_int3),
        cmocka_unit_test(test_no_step),       cmocka_unit_test(test_watch_range),
        cmocka_unit_test(test_watch_refused), cmocka_unit_test(test_placement),
        cmocka_unit_test(test_step_access),
    };

    return cmocka_run_group_tests_name("engine/kvm scripted debug", tests, NULL, NULL);
}
