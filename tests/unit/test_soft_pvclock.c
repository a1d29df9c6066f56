/* SPDX-License-Identifier: MIT */
/* test_soft_pvclock.c - KVM's clock on the software CPU: the time page, the wall clock, their MSRs. */
#include "soft_sys_rig.h"

#include <string.h>

#include "engine/soft/pvclock.h"

enum { PAGE_AT = 0x5000, WALL_AT = 0x6000 };

struct page {
    uint32_t version;
    uint64_t tsc, ns;
    uint32_t mul;
    int8_t shift;
    uint8_t flags;
};

static struct soft_pvclock base;

static int setup(void **state)
{
    int rc = rig_setup(state);
    struct rig *r = *state;

    if (rc < 0)
        return rc;
    base = (struct soft_pvclock){ 0 };
    r->c->sys.pvclock = &base;
    clock_init(&r->m.clock);
    r->m.clock.counted = true;
    pthread_mutex_init(&r->m.lock, NULL);
    rig_enter(r, LONG, 0);
    return 0;
}

static struct page page_of(const struct rig *r, unsigned at)
{
    const uint8_t *p = r->ram + at;

    return (struct page){ .version = (uint32_t)le_get(p, 4),
                          .tsc = le_get(p + 8, 8),
                          .ns = le_get(p + 16, 8),
                          .mul = (uint32_t)le_get(p + 24, 4),
                          .shift = (int8_t)p[28],
                          .flags = p[29] };
}

/* As a guest does it: "pvclock" in the kernel's documents. */
static uint64_t guest_ns(const struct rig *r, unsigned at)
{
    struct page p = page_of(r, at);
    uint64_t delta = soft_tsc(r->c) - p.tsc;

    delta = p.shift >= 0 ? delta << p.shift : delta >> -p.shift;
    return p.ns + (uint64_t)((unsigned __int128)delta * p.mul >> 32);
}

static bool write_msr(struct rig *r, uint32_t msr, uint64_t val)
{
    return soft_write_msr(r->c, msr, val);
}

static void time_page(void **state)
{
    struct rig *r = *state;
    struct page p;
    uint64_t val;

    r->c->insns = 1000;
    memset(r->ram + PAGE_AT, 0xff, 33);
    r->ram[PAGE_AT] = 6;
    memset(r->ram + PAGE_AT + 1, 0, 3);
    assert_true(write_msr(r, SOFT_MSR_SYSTEM_TIME, PAGE_AT | 1));
    p = page_of(r, PAGE_AT);
    assert_int_equal(p.version, 8);
    assert_int_equal(p.flags, 1);
    assert_int_equal(le_get(r->ram + PAGE_AT + 4, 4), 0);
    assert_int_equal(le_get(r->ram + PAGE_AT + 30, 2), 0);
    assert_int_equal(r->ram[PAGE_AT + 32], 0xff); /* not the page's */
    assert_int_equal(guest_ns(r, PAGE_AT), 1000);
    r->c->insns = 5000000000;
    assert_int_equal(guest_ns(r, PAGE_AT), 5000000000);
    assert_true(soft_read_msr(r->c, SOFT_MSR_SYSTEM_TIME, &val));
    assert_int_equal(val, PAGE_AT | 1);
}

/* The guest sets its TSC: the time goes on as if it had not. */
static void tsc_moves(void **state)
{
    static const uint32_t tsc = 0x10, adjust = 0x3b;
    struct rig *r = *state;

    assert_true(write_msr(r, SOFT_MSR_SYSTEM_TIME, PAGE_AT | 1));
    r->c->insns = 700;
    assert_true(write_msr(r, tsc, UINT64_C(1) << 62));
    assert_int_equal(guest_ns(r, PAGE_AT), 700);
    r->c->insns = 900;
    assert_true(write_msr(r, adjust, 12345));
    assert_int_equal(guest_ns(r, PAGE_AT), 900);
    assert_int_equal(page_of(r, PAGE_AT).version % 2, 0);
}

/* Two pages that one machine has written at different times tell the same time. */
static void pages_agree(void **state)
{
    struct rig *r = *state;

    r->c->insns = 10;
    assert_true(write_msr(r, SOFT_MSR_SYSTEM_TIME, PAGE_AT | 1));
    r->c->insns = 4000;
    assert_true(write_msr(r, SOFT_MSR_SYSTEM_TIME, (PAGE_AT + 64) | 1));
    r->c->insns = 90000;
    assert_int_equal(guest_ns(r, PAGE_AT), guest_ns(r, PAGE_AT + 64));
}

static void switched_off(void **state)
{
    struct rig *r = *state;

    assert_true(write_msr(r, SOFT_MSR_SYSTEM_TIME, PAGE_AT));
    assert_int_equal(page_of(r, PAGE_AT).version, 0);
    assert_true(write_msr(r, 0x10, 99));
    assert_int_equal(page_of(r, PAGE_AT).version, 0);
}

/* Where there is no memory, or too little of it, nothing is written and nothing breaks. */
static void no_memory(void **state)
{
    static const uint64_t places[] = { RIG_RAM,          RIG_RAM - 16,   RIG_RAM - 4,
                                       0xfee00000,       UINT64_MAX - 3, UINT64_MAX & ~3ull,
                                       UINT64_C(1) << 63 };
    struct rig *r = *state;

    memset(r->ram + RIG_RAM - 16, 0xaa, 16);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        assert_true(write_msr(r, SOFT_MSR_SYSTEM_TIME, (places[i] & ~UINT64_C(3)) | 1));
        if (places[i] != RIG_RAM - 16)
            assert_true(write_msr(r, SOFT_MSR_WALL_CLOCK, places[i] & ~UINT64_C(3)));
    }
    for (unsigned i = RIG_RAM - 16; i < RIG_RAM; i++)
        assert_int_equal(r->ram[i], 0xaa);
    assert_false(write_msr(r, SOFT_MSR_SYSTEM_TIME, PAGE_AT | 2)); /* reserved */
    assert_false(write_msr(r, SOFT_MSR_WALL_CLOCK, PAGE_AT | 1));
}

static void wall_clock(void **state)
{
    struct rig *r = *state;

    r->c->insns = 123456789;
    assert_true(write_msr(r, SOFT_MSR_WALL_CLOCK, WALL_AT));
    assert_int_equal(le_get(r->ram + WALL_AT, 4), 2);
    assert_int_equal(le_get(r->ram + WALL_AT + 4, 4), 1577836800);
    assert_int_equal(le_get(r->ram + WALL_AT + 8, 4), 0);
}

/* Not offered: #GP, as on a machine that never had it, and no part of a state. */
static void not_offered(void **state)
{
    struct rig *r = *state;
    static struct x86_state s;
    uint64_t val;

    soft_msrs_get(r->c, &s);
    assert_int_equal(s.nmsrs > 2, true);
    r->model.kvmclock = false;
    assert_false(write_msr(r, SOFT_MSR_SYSTEM_TIME, PAGE_AT | 1));
    assert_false(soft_read_msr(r->c, SOFT_MSR_WALL_CLOCK, &val));
    soft_msrs_get(r->c, &s);
    for (unsigned i = 0; i < s.nmsrs; i++)
        assert_int_not_equal(s.msr[i].index >> 16, SOFT_MSR_SYSTEM_TIME >> 16);
}

/* A clock that follows the host: the page tells the machine's time. */
static void host_clock(void **state)
{
    struct rig *r = *state;
    uint64_t before, seen, after;

    r->m.clock.counted = false;
    r->c->sys.counted_time = false;
    soft_msr_reset(r->c);
    do /* until the rate of the TSC is known to a few parts in a thousand */
        before = clock_ns(&r->m.clock);
    while (before < 200000);
    assert_true(write_msr(r, SOFT_MSR_SYSTEM_TIME, PAGE_AT | 1));
    before = clock_ns(&r->m.clock);
    seen = guest_ns(r, PAGE_AT);
    after = clock_ns(&r->m.clock);
    assert_in_range(seen, before - before / 50, after + after / 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(time_page, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(tsc_moves, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(pages_agree, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(switched_off, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(no_memory, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(wall_clock, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(not_offered, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(host_clock, setup, rig_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
