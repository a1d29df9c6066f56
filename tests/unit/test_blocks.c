/* SPDX-License-Identifier: MIT */
/* test_blocks.c - the view of translated code: how long it stops a machine that runs, and what changes meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "core/code.h"
#include "core/pause.h"
#include "inspect/blocks_look.h"
#include "stub_engine.h"

enum { BLOCKS = 50000, HOST_LEN = 16, INSNS = 2 };

/* Code as an engine has it, which sees how it is asked. */
struct code {
    atomic_ulong stops; /* times that the guest's thread has stood still */
    uint64_t resets;
    uint64_t stop, rows, apart; /* asked for in this stop */
    uint64_t most_rows, most_apart;
    uint32_t gone;           /* no block has this number */
    unsigned resets_to_come; /* all code is thrown away before so many stops */
    uint64_t reset_at_stop;  /* the last such */
    uint8_t host[HOST_LEN];
};

static struct code code;

/* The machine stands still, and counts begin anew after it has run. */
static void asked(const struct machine *m)
{
    uint64_t stop = atomic_load(&code.stops);

    assert_true(m->pause.held);
    assert_int_equal(m->pause.active, 0);
    if (stop != code.stop)
        code.rows = code.apart = 0;
    code.stop = stop;
}

static void stats(const struct machine *m, struct code_stats *out)
{
    asked(m);
    if (code.resets_to_come > 0 && code.reset_at_stop != code.stop) {
        code.reset_at_stop = code.stop;
        code.resets_to_come--;
        code.resets++;
    }
    *out = (struct code_stats){ .translates = true, .counts = true, .resets = code.resets };
}

static uint32_t numbers(const struct machine *m)
{
    asked(m);
    return BLOCKS;
}

static bool block(const struct machine *m, uint32_t number, struct code_block *out)
{
    asked(m);
    code.rows++;
    if (code.rows > code.most_rows)
        code.most_rows = code.rows;
    *out = (struct code_block){ .rip = 16u * number,
                                .executions = number,
                                .host = code.host,
                                .host_len = HOST_LEN,
                                .straight_len = HOST_LEN,
                                .guest_len = 2,
                                .ninsns = INSNS,
                                .code_bits = 64 };
    return number != code.gone;
}

static void insns(const struct machine *m, uint32_t number, struct code_insn out[CODE_INSNS_MAX])
{
    (void)number;
    asked(m);
    code.apart++;
    if (code.apart > code.most_apart)
        code.most_apart = code.apart;
    for (unsigned i = 0; i < INSNS; i++)
        out[i] = (struct code_insn){ .guest = (uint16_t)i, .host = i };
}

static const struct code_ops ops = {
    .stats = stats, .numbers = numbers, .block = block, .insns = insns
};
static const struct engine_ops engine = { STUB_BASICS, .set = stub_set_nothing, .code = &ops };

struct rig {
    struct machine *m;
    pthread_t guest;
    atomic_bool over;
};

/* What a vCPU's thread does: it runs until it shall stand still. */
static void *guest(void *arg)
{
    struct rig *r = arg;

    pause_enter(r->m, false);
    while (!atomic_load(&r->over)) {
        if (!pause_asked(&r->m->pause)) {
            sched_yield();
            continue;
        }
        atomic_fetch_add(&code.stops, 1);
        pthread_mutex_lock(&r->m->lock);
        pause_leave_locked(r->m);
        pause_enter_locked(r->m, false);
        pthread_mutex_unlock(&r->m->lock);
    }
    pause_leave(r->m);
    return NULL;
}

static bool runs(struct machine *m)
{
    bool yes;

    pthread_mutex_lock(&m->lock);
    yes = m->pause.active > 0;
    pthread_mutex_unlock(&m->lock);
    return yes;
}

static int open_rig(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));

    code.resets = code.stop = code.rows = code.apart = code.most_rows = code.most_apart = 0;
    code.gone = BLOCKS;
    code.resets_to_come = 0;
    code.reset_at_stop = 0;
    atomic_store(&code.stops, 0);
    if (r == NULL || machine_new("blocks", &engine, &r->m, NULL) < 0 ||
        machine_open(r->m, NULL) < 0 || pthread_create(&r->guest, NULL, guest, r) != 0)
        abort();
    while (!runs(r->m))
        sched_yield();
    *state = r;
    return 0;
}

static int close_rig(void **state)
{
    struct rig *r = *state;

    atomic_store(&r->over, true);
    pthread_join(r->guest, NULL);
    machine_free(r->m);
    free(r);
    return 0;
}

static const struct vitro_blocks_filter all = { .to = UINT64_MAX };

/* The guest runs between two stops, in each of which so much is looked at. */
static void test_stops(void **state)
{
    struct rig *r = *state;
    struct blocks_look l;

    assert_int_equal(blocks_look(&l, r->m, &all, NULL), 0);
    assert_int_equal(l.n, BLOCKS);
    assert_int_equal(code.most_rows, LOOK_ROWS);
    assert_int_equal(atomic_load(&code.stops), (BLOCKS + LOOK_ROWS - 1) / LOOK_ROWS);
    for (size_t i = 0; i < 5 * LOOK_APART; i++) {
        const struct apart *a = blocks_look_apart(&l, i);

        assert_non_null(a);
        assert_int_equal(l.hot[i].number, BLOCKS - 1 - i);
        assert_ptr_equal(a->b, &l.hot[i].b);
        assert_int_equal(a->insn[1].host, 1);
    }
    assert_int_equal(code.most_apart, LOOK_APART);
    blocks_look_close(&l);
}

/* However fast they follow each other, the guest goes on in between. */
static void test_holds_in_a_row(void **state)
{
    enum { HOLDS = 1000 };
    struct rig *r = *state;

    for (unsigned i = 0; i < HOLDS; i++) {
        pause_hold(r->m);
        pause_release(r->m);
    }
    assert_int_equal(atomic_load(&code.stops), HOLDS);
}

/* Numbers given out anew: none is there twice. */
static void test_all_thrown_away(void **state)
{
    struct rig *r = *state;
    struct blocks_look l;

    code.resets_to_come = 3;
    assert_int_equal(blocks_look(&l, r->m, &all, NULL), 0);
    assert_int_equal(l.n, BLOCKS);
    for (size_t i = 0; i < l.n; i++)
        assert_int_equal(l.hot[i].number, BLOCKS - 1 - i);
    blocks_look_close(&l);
}

static void test_always_thrown_away(void **state)
{
    struct rig *r = *state;
    struct blocks_look l;

    code.resets_to_come = UINT32_MAX;
    assert_int_equal(blocks_look(&l, r->m, &all, NULL), 0);
    assert_true(l.n < BLOCKS);
    blocks_look_close(&l);
}

static void test_gone_since(void **state)
{
    struct rig *r = *state;
    struct blocks_look l;

    assert_int_equal(blocks_look(&l, r->m, &all, NULL), 0);
    code.gone = l.hot[5].number;
    for (size_t i = 0; i < LOOK_APART; i++)
        assert_int_equal(blocks_look_apart(&l, i)->b == NULL, i == 5);
    code.resets_to_come = 1;
    assert_null(blocks_look_apart(&l, LOOK_APART)->b);
    assert_ptr_equal(blocks_look_apart(&l, LOOK_APART - 1)->b, NULL);
    blocks_look_close(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stops, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_holds_in_a_row, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_all_thrown_away, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_always_thrown_away, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(test_gone_since, open_rig, close_rig),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
