/* SPDX-License-Identifier: MIT */
/* test_rewind.c - checkpoints: what is put back is what was, runs the same again, and stays within bounds. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "core/mem_cow.h"
#include "rewind_rig.h"

/* Forward to 30,000 and 90,000, back to several places, and to both once more. */
static void run_again(unsigned ncpus)
{
    static const uint64_t back[] = { 29999, 30000, 12345, 5000, 4999, 0, 60001 };
    uint64_t near, far;
    struct rig r;

    rig_open(&r, ncpus, 5000, 0);
    near = rig_run_to(&r, 30000);
    far = rig_run_to(&r, 90000);
    assert_int_not_equal(near, far);
    for (size_t i = 0; i < ARRAY_LEN(back); i++) {
        assert_int_equal(rewind_to(r.m, back[i], NULL), 0);
        assert_true(turns_insns(r.m) <= back[i]);
        if (turns_insns(r.m) <= 30000)
            assert_int_equal(rig_run_to(&r, 30000), near);
        assert_int_equal(rig_run_to(&r, 90000), far);
    }
    assert_true(le_get(r.ram + RIG_INTRS, 2) > 100);
    rig_close(&r);
}

static void test_again(void **state)
{
    (void)state;
    run_again(1);
    run_again(2);
}

/* Keeping checkpoints changes nothing. */
static void test_same_without(void **state)
{
    struct rig with, without;

    (void)state;
    rig_open(&with, 2, 3000, 0);
    rig_open(&without, 2, 0, 0);
    assert_int_equal(rig_run_to(&with, 50000), rig_run_to(&without, 50000));
    rig_close(&with);
    rig_close(&without);
}

/* Memory as it was, to the byte, and devices and timers with it. */
static void test_put_back(void **state)
{
    uint8_t ram[RIG_RAM];
    uint64_t intrs, due;
    struct rig r;

    (void)state;
    rig_open(&r, 1, 1000, 0);
    rig_run_to(&r, 8000);
    memcpy(ram, r.ram, sizeof(ram));
    intrs = le_get(r.ram + RIG_INTRS, 2);
    due = r.part.timer.due_ns;
    rig_run_to(&r, 33333);
    assert_memory_not_equal(ram, r.ram, sizeof(ram));
    assert_int_equal(rewind_to(r.m, 8000, NULL), 0);
    if (turns_insns(r.m) < 8000)
        rig_run_to(&r, 8000);
    assert_memory_equal(ram, r.ram, sizeof(ram));
    assert_int_equal(le_get(r.ram + RIG_INTRS, 2), intrs);
    assert_int_equal(r.part.timer.due_ns, due);
    assert_ptr_equal(r.m->timers.first, &r.part.timer);
    rig_close(&r);
}

/* The older the fewer: a hundred times the distance costs a few more. */
static void test_thinned(void **state)
{
    struct rewind_stats few, many;
    uint64_t first;
    struct rig r;

    (void)state;
    rig_open(&r, 1, 100, 0);
    first = rig_run_to(&r, 777);
    rig_run_to(&r, 3000);
    rewind_stats_get(r.m, &few);
    rig_run_to(&r, 300000);
    rewind_stats_get(r.m, &many);
    assert_int_equal(many.taken, 3000);
    assert_true(many.checkpoints < 80);
    assert_true(many.checkpoints > few.checkpoints);
    assert_int_equal(many.oldest_insns, 0);
    assert_int_equal(rewind_to(r.m, 777, NULL), 0);
    assert_int_equal(rig_run_to(&r, 777), first);
    rig_close(&r);
}

/* Where there is no room the oldest go; what is left is right. */
static void test_bounded(void **state)
{
    struct rewind_stats stats;
    struct rig free_rig, r;
    uint64_t near, far, bytes;

    (void)state;
    rig_open(&free_rig, 1, 1000, 0);
    rig_run_to(&free_rig, 1500);
    rewind_stats_get(free_rig.m, &stats);
    bytes = stats.bytes * 2; /* of two checkpoints */
    rig_close(&free_rig);

    rig_open(&r, 1, 1000, bytes);
    for (uint64_t at = 10000; at < 100000; at += 10000) {
        rig_run_to(&r, at);
        rewind_stats_get(r.m, &stats);
        assert_true(stats.bytes <= bytes);
        assert_true(stats.checkpoints >= 1);
    }
    near = rig_run_to(&r, 100000);
    far = rig_run_to(&r, 100900);
    assert_true(stats.oldest_insns > 0);
    assert_int_equal(rewind_to(r.m, 1, NULL), -ENOENT);
    assert_int_equal(rewind_to(r.m, 100900, NULL), 0);
    assert_int_equal(rig_run_to(&r, 100900), far);
    if (rewind_to(r.m, 100000, NULL) == 0)
        assert_int_equal(rig_run_to(&r, 100000), near);
    rig_close(&r);
}

/* A page's room is all there is: the present set cannot be kept, and nothing is said to be. */
static void test_no_room(void **state)
{
    struct rig r, without;

    (void)state;
    rig_open(&r, 1, 40000, 4096);
    rig_open(&without, 1, 0, 0);
    assert_int_equal(rig_run_to(&r, 79000), rig_run_to(&without, 79000));
    assert_int_equal(rewind_to(r.m, 79000, NULL), -ENOENT);
    assert_int_equal(rig_run_to(&r, 81000), rig_run_to(&without, 81000));
    rig_close(&r);
    rig_close(&without);
}

/* Keys come again where they came first; a new one waits for the present. */
static void test_host_events(void **state)
{
    uint64_t at[4], end;
    struct rig r;

    (void)state;
    rig_open(&r, 2, 2000, 0);
    for (unsigned i = 0; i < 4; i++) {
        at[i] = rig_run_to(&r, 7001 + 6000 * i);
        assert_true(host_log_add(r.m, 0, (uint8_t)(0x11 * (i + 1))));
    }
    end = rig_run_to(&r, 40000);
    assert_int_equal(r.delivered, 4);
    assert_int_not_equal(le_get(r.ram + RIG_KEYS, 1), 0);

    assert_int_equal(rewind_to(r.m, 14000, NULL), 0);
    assert_true(host_log_add(r.m, 0, 0x77));
    for (unsigned i = 2; i < 4; i++)
        assert_int_equal(rig_run_to(&r, 7001 + 6000 * i), at[i]);
    assert_true(rewind_repeats(r.m));
    assert_int_equal(rig_run_to(&r, 40000), end);
    assert_false(rewind_repeats(r.m));
    assert_int_equal(r.part.key, 0x44);
    rig_run_to(&r, 40001);
    assert_int_equal(r.part.key, 0x77);
    rig_close(&r);
}

/* What was changed from outside has no past. */
static void test_cut(void **state)
{
    uint64_t hash;
    struct rig r;

    (void)state;
    rig_open(&r, 1, 1000, 0);
    rig_run_to(&r, 5500);
    r.ram[RIG_KEYS + 1] = 0x5a;
    rewind_cut(r.m);
    assert_int_equal(rewind_to(r.m, 5500, NULL), -ENOENT);
    hash = rig_run_to(&r, 9000);
    assert_int_equal(rewind_to(r.m, 5499, NULL), -ENOENT);
    assert_int_equal(rewind_to(r.m, 5500, NULL), 0);
    assert_int_equal(r.ram[RIG_KEYS + 1], 0x5a);
    assert_int_equal(rig_run_to(&r, 9000), hash);
    rig_close(&r);
}

/* ---- what pages held ------------------------------------------------------------------------- */

static void test_cow(void **state)
{
    struct mem_slot slot = { .base = 0x10000, .len = 8 * 4096, .kind = MEM_RAM, .name = "RAM" };
    uint8_t *ram = aligned_alloc(4096, 8 * 4096);
    struct cow_set a = { 0 }, b = { 0 };
    struct mem mem = { .nslots = 0 };
    struct mem_cow *cow;
    uint8_t byte = 1;

    (void)state;
    assert_non_null(ram);
    memset(ram, 0, 8 * 4096);
    memset(ram + 4096, 7, 4096);
    slot.host = ram;
    assert_int_equal(mem_add(&mem, &slot, NULL), 0);
    assert_int_equal(mem_cow_new(&mem, 2 * 4096, &cow, NULL), 0);
    mem.cow = cow;
    mem_cow_open(cow, &a);
    assert_true(mem_put(&mem, 0x10000, &byte, 1)); /* was zero: takes no room */
    assert_int_equal(mem_cow_used(cow), 0);
    assert_true(mem_put(&mem, 0x11000, &byte, 1));
    assert_true(mem_put(&mem, 0x11fff, &byte, 1));
    assert_int_equal(mem_cow_used(cow), 4096);
    assert_false(mem_put(&mem, 0x18000, &byte, 1)); /* no memory */

    mem_cow_open(cow, &b);
    byte = 2;
    assert_true(mem_put(&mem, 0x11000, &byte, 1));
    assert_int_equal(mem_cow_used(cow), 2 * 4096);
    assert_true(mem_cow_join(cow, &a, &b)); /* the older contents count */
    assert_int_equal(mem_cow_used(cow), 4096);
    assert_true(mem_put(&mem, 0x12000, &byte, 1)); /* into a, since b is open no more */
    assert_int_equal(a.n, 3);

    cow->open = NULL;
    mem_cow_put_back(cow, &a);
    assert_int_equal(ram[0], 0);
    assert_int_equal(ram[4096], 7);
    assert_int_equal(ram[4096 + 4095], 7);
    assert_int_equal(ram[2 * 4096], 0);
    assert_int_equal(mem_cow_used(cow), 0);
    mem_cow_free(cow);
    free(ram);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_again),       cmocka_unit_test(test_same_without),
        cmocka_unit_test(test_put_back),    cmocka_unit_test(test_thinned),
        cmocka_unit_test(test_bounded),     cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_host_events), cmocka_unit_test(test_cut),
        cmocka_unit_test(test_cow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
