/* SPDX-License-Identifier: MIT */
/*
 * test_smp.c - guest programs for several CPUs, interpreted and translated
 *
 * Arguments are the images of programs/smp. Each runs with two CPUs, and those that any number may execute with
 * four: interpreted, translated at once, translated when it has been executed some times, with a cache for translated
 * code that is thrown away over and over, and with every piece compared with the interpreter while the other CPUs
 * stand still. A port asks for an interrupt on another CPU.
 */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "board/board.h"
#include "core/machine.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/check.h"
#include "engine/soft/trans/trans.h"
#include "engine/soft/world.h"
#include "one_vector.h"
#include "vitro_priv.h"

enum {
    ORIGIN = 0x8000,
    MEMORY = 8 << 20,
    EXIT_PORT = 0xf4,
    ENDS_PASSED = 0xff,
    IPI_PORT = 0x500,
    CPUS_AT = 0x7000,
    SMALL_CACHE = 160 << 10,
};

static char **images;
static int nimages;

struct way {
    const char *name;
    enum vitro_tier tier;
    uint32_t cache_len; /* 0: as it is */
    bool check;
};

static const struct way ways[] = {
    { "interpreted", VITRO_TIER_INTERP, 0, false },
    { "translated", VITRO_TIER_TRANS, 0, false },
    { "translated when often executed", VITRO_TIER_AUTO, 0, false },
    { "translated with a small cache", VITRO_TIER_TRANS, SMALL_CACHE, false },
    { "translated and compared", VITRO_TIER_TRANS, 0, true },
    { "translated with a small cache and compared", VITRO_TIER_TRANS, SMALL_CACHE, true },
};

/* ---- interrupts ------------------------------------------------------------------------------- */

static void ask(struct dev *dev, uint64_t off, unsigned width, uint64_t val)
{
    struct one_vector *first = (struct one_vector *)dev;

    (void)off;
    (void)width;
    vcpu_request(first[val % CPUS_MAX].cpu, VCPU_INTR);
}

static const struct dev_ops port = { .name = "ipi", .widths = 1, .write = ask };

/* ---- runs ------------------------------------------------------------------------------------- */

static void add_interrupts(struct machine *m, struct one_vector *controllers)
{
    for (unsigned i = 0; i < m->ncpus; i++) {
        controllers[i].cpu = m->cpu[i];
        m->cpu[i]->intc = (struct intc){ &one_vector_ops, &controllers[i] };
    }
    controllers[0].dev.ops = &port;
    assert_int_equal(bus_add(&m->pio, IPI_PORT, 1, &controllers[0].dev, NULL), 0);
}

/* In place of what the machine has. */
static void make_translators(struct machine *m, const struct way *way)
{
    const struct trans_config config = { .cache_len = way->cache_len, .check = way->check };

    for (unsigned i = 0; i < m->ncpus; i++) {
        trans_free(soft_of(m->cpu[i])->trans);
        soft_of(m->cpu[i])->trans = NULL;
    }
    for (unsigned i = 0; i < m->ncpus; i++) {
        struct soft_cpu *c = soft_of(m->cpu[i]);

        assert_int_equal(trans_new(c, &config, &c->trans, NULL), 0);
    }
}

/* That they have done what the way is about. */
static void check_translators(struct machine *m, const struct way *way, const char *name)
{
    for (unsigned i = 0; i < m->ncpus && i < 2; i++) {
        const struct trans *t = soft_of(m->cpu[i])->trans;
        struct trans_stats stats;

        if (way->tier == VITRO_TIER_INTERP) {
            assert_null(t);
            continue;
        }
        trans_stats_get(t, &stats);
        print_message("  CPU %u: %" PRIu64 " blocks, %" PRIu64 " dropped, %" PRIu64
                      " resets, %" PRIu64 " instructions, %" PRIu64 " steps\n",
                      i, stats.translated, stats.invalidated, stats.resets, stats.insns,
                      stats.steps);
        if (strstr(name, "cross-modify") ==
            NULL) /* where code and what is written lie in one page */
            assert_true(stats.insns > 1000);
        if (way->cache_len != 0 && strstr(name, "evict") != NULL)
            assert_true(stats.resets > 2);
        /* With a threshold it may always be written again before all CPUs have looked, and never be translated. */
        if (way->tier == VITRO_TIER_TRANS &&
            (strstr(name, "own-code") != NULL || strstr(name, "serialized") != NULL))
            assert_true(stats.invalidated > 0);
    }
}

static void run(const char *path, const char *name, unsigned cpus, const struct way *way)
{
    struct vitro_guest_config gcfg = {
        .name = path, .kind = VITRO_KIND_FLAT, .mode = VITRO_MODE_LONG, .origin = ORIGIN
    };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT,
                                .tier = way->tier,
                                .translate = way->check ? VITRO_TRANSLATE_CHECK : 0,
                                .cpus = cpus,
                                .mem_bytes = MEMORY,
                                .console_fd = -1,
                                .debug_exit_port = EXIT_PORT };
    struct one_vector controllers[CPUS_MAX] = { 0 };
    const uint32_t n = cpus;
    struct vitro_err err = { 0 };
    struct vitro_outcome end;
    struct vitro_guest *guest;
    struct vitro *m = NULL;

    if (vitro_guest_open(&gcfg, &guest, &err) < 0 || vitro_new(&cfg, guest, &m, &err) < 0)
        fail_msg("%s", err.text);
    add_interrupts(m->board->m, controllers);
    assert_true(mem_put(&m->board->m->mem, CPUS_AT, &n, sizeof(n)));
    if (way->cache_len != 0)
        make_translators(m->board->m, way);
    if (vitro_run(m, &end, &err) < 0)
        fail_msg("%s, %u CPUs, %s: %s", name, cpus, way->name, err.text);
    if (end.end != VITRO_END_GUEST_EXIT || (end.code & 0xff) != ENDS_PASSED)
        fail_msg("%s, %u CPUs, %s: check %u (by number in the image), %s", name, cpus, way->name,
                 end.code & 0xff, end.text);
    check_translators(m->board->m, way, name);
    vitro_free(m);
    vitro_guest_free(guest);
}

/* The others are about two; and where CPUs take turns at each piece, four are slow. */
static bool any_number(const char *name, const struct way *way)
{
    return strstr(name, "count") != NULL || strstr(name, "evict") != NULL ||
           (strstr(name, "own-code") != NULL && !way->check);
}

/* Those whose names have `part` in them. */
static void run_some(const struct way *way, const char *part)
{
    for (int i = 0; i < nimages; i++) {
        const char *slash = strrchr(images[i], '/'), *name = slash != NULL ? slash + 1 : images[i];

        if (strstr(name, part) == NULL)
            continue;
        print_message("%s, %s\n", name, way->name);
        run(images[i], name, 2, way);
        if (any_number(name, way))
            run(images[i], name, 4, way);
    }
}

static void run_all(const struct way *way)
{
    run_some(way, "");
}

static void interpreted(void **state)
{
    (void)state;
    run_all(&ways[0]);
}

static void translated(void **state)
{
    (void)state;
    run_all(&ways[1]);
}

static void translated_when_often_executed(void **state)
{
    (void)state;
    run_all(&ways[2]);
}

static void translated_with_a_small_cache(void **state)
{
    (void)state;
    run_all(&ways[3]);
}

static void translated_and_compared(void **state)
{
    (void)state;
    run_all(&ways[4]);
    run_some(&ways[5], "evict");
}

/* A device that another CPU asks may write to memory: nothing is taken back then. */
static void nothing_is_compared_beside_devices(void **state)
{
    struct vitro_guest_config gcfg = { .name = images[0], .kind = VITRO_KIND_FLAT };
    struct vitro_config cfg = { .engine = VITRO_ENGINE_SOFT,
                                .tier = VITRO_TIER_TRANS,
                                .translate = VITRO_TRANSLATE_CHECK,
                                .cpus = 2,
                                .console_fd = -1 };
    struct vitro_guest *guest;
    struct soft_cpu *c, *other;
    struct vitro *m = NULL;

    (void)state;
    assert_int_equal(vitro_guest_open(&gcfg, &guest, NULL), 0);
    assert_int_equal(vitro_new(&cfg, guest, &m, NULL), 0);
    c = soft_of(m->board->m->cpu[0]);
    other = soft_of(m->board->m->cpu[1]);
    soft_world_enter(c);
    other->waiting = true;
    assert_false(check_hold(c->trans));
    assert_false(soft_world_is_alone(c));
    other->waiting = false;
    assert_true(check_hold(c->trans));
    assert_true(soft_world_is_alone(c) && !soft_world_is_alone(other));
    check_let_go(c->trans);
    assert_false(soft_world_is_alone(c));
    soft_world_leave(c);
    vitro_free(m);
    vitro_guest_free(guest);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interpreted),
        cmocka_unit_test(translated),
        cmocka_unit_test(translated_when_often_executed),
        cmocka_unit_test(translated_with_a_small_cache),
        cmocka_unit_test(translated_and_compared),
        cmocka_unit_test(nothing_is_compared_beside_devices),
    };

    images = argv + 1;
    nimages = argc - 1;
    return nimages == 0 || cmocka_run_group_tests_name("smp", tests, NULL, NULL) != 0;
}
