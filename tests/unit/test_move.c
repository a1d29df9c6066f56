/* SPDX-License-Identifier: MIT */
/* What moves from one engine's state to another's, and what stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "x86/move.h"

enum { BV = 512, AVX = 576, BEYOND = 832, HI_ZMM = 1024 };

static void msrs_are_those_of_the_receiver(void **state)
{
    static struct x86_state to, from;

    (void)state;
    to = (struct x86_state){ .nmsrs = 3, .msr = { { 0x10, 1 }, { 0x174, 2 }, { 0x9999, 3 } } };
    from = (struct x86_state){ .nmsrs = 3, .msr = { { 0x174, 20 }, { 0x10, 10 }, { 0x8888, 4 } } };
    x86_state_move(&to, &from);
    assert_int_equal(to.nmsrs, 3);
    assert_int_equal(x86_state_msr(&to, 0x10)->value, 10);
    assert_int_equal(x86_state_msr(&to, 0x174)->value, 20);
    assert_int_equal(x86_state_msr(&to, 0x9999)->value, 3);
    assert_null(x86_state_msr(&to, 0x8888));
}

static void msrs_that_did_not_change_are_dropped(void **state)
{
    static struct x86_state s, was;

    (void)state;
    s = (struct x86_state){ .nmsrs = 3, .msr = { { 0x10, 1 }, { 0x174, 2 }, { 0x175, 3 } } };
    was = (struct x86_state){ .nmsrs = 2, .msr = { { 0x10, 1 }, { 0x174, 7 } } };
    x86_state_drop_same(&s, &was);
    assert_int_equal(s.nmsrs, 2);
    assert_int_equal(s.msr[0].index, 0x174);
    assert_int_equal(s.msr[1].index, 0x175);
    x86_state_drop_msr(&s, 0x174);
    assert_int_equal(s.nmsrs, 1);
    assert_int_equal(s.msr[0].index, 0x175);
}

/* 832 bytes hold x87, SSE and AVX; what a larger area has beyond them stays, with its bits. */
static void a_small_area_into_a_large_one(void **state)
{
    static struct x86_state to, from;

    (void)state;
    to = (struct x86_state){ .xsave_len = 4096 };
    from = (struct x86_state){ .xsave_len = 832 };
    memset(to.xsave, 0x11, 4096);
    memset(from.xsave, 0x22, sizeof(from.xsave));
    le_put(to.xsave + BV, 8, 0xe4);
    le_put(from.xsave + BV, 8, 0x03);
    x86_state_move(&to, &from);
    assert_int_equal(to.xsave_len, 4096);
    assert_int_equal(le_get(to.xsave + BV, 8), 0xe3);
    assert_int_equal(to.xsave[0], 0x22);
    assert_int_equal(to.xsave[AVX], 0x22);
    assert_int_equal(to.xsave[BEYOND - 1], 0x22);
    assert_int_equal(to.xsave[BEYOND], 0x11);
    assert_int_equal(to.xsave[HI_ZMM], 0x11);
}

static void a_large_area_into_a_small_one(void **state)
{
    static struct x86_state to, from;

    (void)state;
    to = (struct x86_state){ .xsave_len = 832 };
    from = (struct x86_state){ .xsave_len = 4096 };
    memset(from.xsave, 0x22, 4096);
    le_put(from.xsave + BV, 8, 0xe7);
    x86_state_move(&to, &from);
    assert_int_equal(to.xsave_len, 832);
    assert_int_equal(le_get(to.xsave + BV, 8), 7);
    assert_int_equal(to.xsave[AVX], 0x22);
    assert_int_equal(to.xsave[BEYOND], 0);
}

/* An engine without XCR0, or without a local APIC, does not get one. */
static void what_one_side_lacks(void **state)
{
    static struct x86_state to, from;

    (void)state;
    from = (struct x86_state){ .xcr0 = 7, .lapic_valid = true, .activity = X86_HALTED };
    from.lapic[0x30] = 5;
    to = (struct x86_state){ .xcr0 = 0 };
    x86_state_move(&to, &from);
    assert_int_equal(to.xcr0, 0);
    assert_false(to.lapic_valid);
    assert_int_equal(to.activity, X86_RUNNING);
    to = (struct x86_state){ .xcr0 = 1, .lapic_valid = true };
    x86_state_move(&to, &from);
    assert_int_equal(to.xcr0, 7);
    assert_int_equal(to.lapic[0x30], 5);
    assert_int_equal(to.activity, X86_HALTED);
}

static void plain_registers_and_events(void **state)
{
    static struct x86_state to, from;

    (void)state;
    to = (struct x86_state){ .rip = 1 };
    from = (struct x86_state){ .gpr = { [X86_R15] = 15 },
                               .rip = 0x1234,
                               .rflags = 0x246,
                               .seg = { [X86_GS] = { .base = 9 } },
                               .cr2 = 2,
                               .cr8 = 8,
                               .dr7 = 0x401,
                               .pdptr_valid = true,
                               .pdptr = { [3] = 33 },
                               .events = { .exception_injected = true, .exception_vector = 14 } };
    x86_state_move(&to, &from);
    assert_int_equal(to.gpr[X86_R15], 15);
    assert_int_equal(to.rip, 0x1234);
    assert_int_equal(to.rflags, 0x246);
    assert_int_equal(to.seg[X86_GS].base, 9);
    assert_int_equal(to.cr2, 2);
    assert_int_equal(to.cr8, 8);
    assert_int_equal(to.dr7, 0x401);
    assert_true(to.pdptr_valid);
    assert_int_equal(to.pdptr[3], 33);
    assert_int_equal(to.events.exception_vector, 14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(msrs_are_those_of_the_receiver),
        cmocka_unit_test(msrs_that_did_not_change_are_dropped),
        cmocka_unit_test(a_small_area_into_a_large_one),
        cmocka_unit_test(a_large_area_into_a_small_one),
        cmocka_unit_test(what_one_side_lacks),
        cmocka_unit_test(plain_registers_and_events),
    };

    return cmocka_run_group_tests_name("x86/move", tests, NULL, NULL);
}
