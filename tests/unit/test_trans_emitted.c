/* SPDX-License-Identifier: MIT */
/*
 * test_trans_emitted.c - what is emitted, of what, when, and what is done with it
 *
 * The prover is called through here (link option --wrap), so that it is seen that each block is given to it, whole.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/code.h"
#include "engine/soft/mmu.h"
#include "engine/soft/run.h"
#include "engine/soft/trans/block.h"
#include "engine/soft/trans/prove.h"
#include "engine/soft/trans/scan.h"
#include "trans_rig.h"

enum { PAGE = 4096, INSNS = 4000 };

const char *__real_prove_code(const struct prove_code *code, uint32_t *at);
const char *__wrap_prove_code(const struct prove_code *code, uint32_t *at);

static struct {
    unsigned blocks;
    uint64_t bytes, entries;
} proved;

const char *__wrap_prove_code(const struct prove_code *code, uint32_t *at)
{
    proved.blocks++;
    proved.bytes += code->len;
    proved.entries += code->nentries;
    return __real_prove_code(code, at);
}

struct world {
    struct rig rig;
    struct trans *t;
};

static void world_open(struct world *w, bool prove, unsigned cpus)
{
    struct soft_cpu *c = trans_rig_open(&w->rig);

    w->rig.m->ncpus_planned = cpus;
    assert_int_equal(
        trans_new(c, &(struct trans_config){ .cache_len = 1 << 20, .prove = prove }, &w->t, NULL),
        0);
    c->trans = w->t;
    proved.blocks = 0;
    proved.bytes = proved.entries = 0;
}

static void world_close(struct world *w)
{
    trans_free(w->t);
    trans_rig_close(&w->rig);
}

static void run(struct world *w, const uint8_t *bytes, unsigned len)
{
    struct soft_cpu *c = w->rig.c;

    memset(w->rig.code, 0x90, PAGE);
    memcpy(w->rig.code, bytes, len);
    c->s.gpr[X86_RBX] = WINDOW + WINDOW_DATA;
    c->s.rip = WINDOW;
    soft_flush(c, true);
    while (c->insns < INSNS) {
        assert_true(soft_advance(c));
        assert_true(trans_burst(w->t, INSNS, false));
    }
}

/* 1: add [rbx], eax; jz 2f; inc eax; 2: jmp 1b */
static const uint8_t loop[] = { 0x01, 0x03, 0x74, 0x02, 0xff, 0xc0, 0xeb, 0xf8 };

static void test_each_block_is_proved(void **state)
{
    struct trans_stats stats;
    struct world w;

    (void)state;
    world_open(&w, true, 1);
    run(&w, loop, sizeof(loop));
    trans_stats_get(w.t, &stats);
    assert_true(stats.translated > 0 && stats.insns > INSNS / 2);
    assert_int_equal(proved.blocks, stats.translated);
    assert_int_equal(proved.bytes, stats.host_bytes);
    /* where a block is entered: at each instruction, and in two ways at its beginning */
    assert_int_equal(proved.entries, stats.guest_insns + 2 * stats.translated);
    world_close(&w);
}

static void test_only_where_it_is_asked_for(void **state)
{
    struct world w;

    (void)state;
    world_open(&w, false, 1);
    run(&w, loop, sizeof(loop));
    assert_int_equal(proved.blocks, 0);
    world_close(&w);
}

/* How many instructions of the block at WINDOW have a LOCK prefix. */
static unsigned locked(const struct world *w)
{
    struct trans_store *s = w->t->store;
    const struct block *b = trans_find(s, WINDOW, RIG_CODE, trans_mode(w->rig.c), SOURCE_NO_PAGE);
    struct x86_insn in;
    unsigned n = 0;

    assert_non_null(b);
    for (uint32_t at = 0; at < b->straight; at += in.len) {
        assert_int_equal(x86_decode(s->cache.rw + b->entry + at, X86_INSN_MAX, X86_CODE_64, &in),
                         X86_DECODE_OK);
        n += in.flags & X86_INSN_LOCK ? 1 : 0;
    }
    return n;
}

/* It costs much, and is for others that write: where there is one vCPU there are none. */
static void test_lock(void **state)
{
    /* 1: lock add [rbx], eax; lock btc [rbx], ecx; lock inc byte [rbx + 8]; xchg [rbx], edx; jmp 1b */
    static const uint8_t atomics[] = { 0xf0, 0x01, 0x03, 0xf0, 0x0f, 0xbb, 0x0b, 0xf0,
                                       0xfe, 0x43, 0x08, 0x87, 0x13, 0xeb, 0xf1 };

    (void)state;
    for (unsigned cpus = 1; cpus <= 2; cpus++) {
        struct world w;

        world_open(&w, true, cpus);
        run(&w, atomics, sizeof(atomics));
        assert_int_equal(locked(&w), cpus == 1 ? 0 : 3);
        world_close(&w);
    }
}

/* Another thread may write the page meanwhile: what is translated is what was looked at. */
static void test_bytes_are_read_once(void **state)
{
    uint8_t copy[PAGE];
    struct scan s = { .copy = copy, .rip = WINDOW };
    unsigned at = 0;
    struct world w;

    (void)state;
    world_open(&w, true, 1);
    memcpy(w.rig.code, loop, sizeof(loop));
    s.page = w.rig.code;
    s.c = w.rig.c;
    scan_set_mode(&s, trans_mode(w.rig.c));
    trans_scan(&s);
    memset(w.rig.code, 0xcc, PAGE);
    for (unsigned i = 0; i < s.n; i++) {
        assert_memory_equal(s.insn[i].bytes, loop + at, s.insn[i].in.len);
        at += s.insn[i].in.len;
    }
    assert_int_equal(at, sizeof(loop));
    world_close(&w);
}

/* ---- for those who look ------------------------------------------------------------------------- */

/* Rights of this process at an address, as its own list has them, and whether the line has the name. */
static bool is_mapped(uint64_t addr, const char *rights, const char *name)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[512];
    bool found = false;

    assert_non_null(f);
    while (fgets(line, sizeof(line), f) != NULL) {
        unsigned long begin, end;
        char has[5];

        assert_int_equal(sscanf(line, "%lx-%lx %4s", &begin, &end, has), 3);
        found |= begin <= addr && addr < end && strncmp(has, rights, 3) == 0 &&
                 strstr(line, name) != NULL;
    }
    fclose(f);
    return found;
}

/* As a machine's vCPU gets its translator. */
static void attach(struct world *w, enum engine_tier tier, unsigned translate)
{
    struct soft_cpu *c = trans_rig_open(&w->rig);

    w->rig.m->tier = tier;
    w->rig.m->translate = translate;
    assert_int_equal(trans_attach(c, NULL), 0);
    w->t = c->trans;
}

/* The host's profiler samples where code is executed, and asks a map only for memory without a file. */
static void test_where_code_is(void **state)
{
    static const struct {
        unsigned translate;
        const char *name;
    } ways[] = { { 0, "vitro-code" }, { TRANSLATE_PERF, "/dev/zero" } };

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(ways); i++) {
        struct code_block b;
        struct world w;

        attach(&w, TIER_TRANS, ways[i].translate);
        run(&w, loop, sizeof(loop));
        w.rig.c->vcpu->engine_cpu[SOFT_SEAT] = w.rig.c;
        assert_true(soft_code_ops.block(w.rig.m, 1, &b));
        assert_true(is_mapped(b.host_addr, "r-x", ways[i].name));
        assert_true(is_mapped(b.host_addr + b.host_len - 1, "r-x", ways[i].name));
        assert_memory_equal((const void *)(uintptr_t)b.host_addr, b.host, b.host_len);
        w.rig.c->vcpu->engine_cpu[SOFT_SEAT] = NULL;
        world_close(&w);
    }
}

/* Blocks at the loop's beginning are for who executes it. */
static void test_whose_it_is(void **state)
{
    struct code_block b;
    struct world w;

    (void)state;
    for (unsigned cpl = 0; cpl <= 3; cpl += 3) {
        attach(&w, TIER_TRANS, 0);
        w.rig.c->s.seg[X86_CS].dpl = w.rig.c->s.seg[X86_SS].dpl = (uint8_t)cpl;
        soft_mode_changed(w.rig.c);
        run(&w, loop, sizeof(loop));
        w.rig.c->vcpu->engine_cpu[SOFT_SEAT] = w.rig.c;
        assert_true(soft_code_ops.block(w.rig.m, 1, &b));
        assert_int_equal(b.user, cpl == 3);
        assert_int_equal(b.code_bits, 64);
        w.rig.c->vcpu->engine_cpu[SOFT_SEAT] = NULL;
        world_close(&w);
    }
}

/* At once, or what is executed often, or nothing. */
static uint64_t interpreted_in(enum engine_tier tier)
{
    struct trans_stats stats;
    struct world w;
    uint64_t n;

    attach(&w, tier, 0);
    run(&w, loop, sizeof(loop));
    trans_stats_get(w.t, &stats);
    n = w.rig.c->insns - stats.insns;
    world_close(&w);
    return n;
}

static void test_tiers(void **state)
{
    struct world w;

    (void)state;
    assert_true(interpreted_in(TIER_TRANS) <= 2);
    assert_true(interpreted_in(TIER_AUTO) > 8 && interpreted_in(TIER_AUTO) < 100);
    attach(&w, TIER_INTERP, 0);
    assert_null(w.t);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_block_is_proved),
        cmocka_unit_test(test_only_where_it_is_asked_for),
        cmocka_unit_test(test_lock),
        cmocka_unit_test(test_bytes_are_read_once),
        cmocka_unit_test(test_where_code_is),
        cmocka_unit_test(test_whose_it_is),
        cmocka_unit_test(test_tiers),
    };

    return cmocka_run_group_tests_name("trans emitted", tests, NULL, NULL);
}
