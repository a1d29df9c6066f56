/* SPDX-License-Identifier: MIT */
/*
 * test_trans_room.c - what the translator keeps has bounds: a table that is full is emptied, and all goes on
 *
 * A loop with branches to another page, and with an instruction that lies in two of them, is translated where there is
 * room for so much more and no more. Nothing may be put behind a table's end, everything must be thrown away when it is
 * time, and both sides must agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "engine/soft/fpu.h"
#include "engine/soft/mmu.h"
#include "engine/soft/trans/block.h"
#include "trans_rig.h"

enum { PAGE = 4096, AT = 0x100, ACROSS = PAGE - 2, INSNS = 3000, CACHE = 1 << 20 };

/* 1: add eax, 7; jo in the next page; dec ecx; jns in the page after it; jmp to ACROSS */
static const uint8_t first[] = { 0x83, 0xc0, 0x07, 0x0f, 0x80, 0xf4, 0x0f, 0x00, 0x00,
                                 0xff, 0xc9, 0x0f, 0x89, 0xf4, 0x1f, 0x00, 0x00, 0xe9 };
/* cmp eax, 0; jmp 1b */
static const uint8_t across[] = { 0x3d, 0, 0, 0, 0, 0xe9 };
/* In the other pages: jmp to ACROSS */
static const uint8_t elsewhere[] = { 0xe9 };

static unsigned put(uint8_t *data, unsigned at, const uint8_t *bytes, unsigned len, unsigned to)
{
    memcpy(data + at, bytes, len);
    le_put(data + at + len, 4, to - (at + len + 4));
    return at + len + 4;
}

static void put_code(uint8_t *data)
{
    memset(data, 0x90, 3 * PAGE);
    put(data, AT, first, sizeof(first), ACROSS);
    put(data, ACROSS, across, sizeof(across), AT);
    put(data, PAGE + AT, elsewhere, sizeof(elsewhere), ACROSS);
    put(data, 2 * PAGE + AT, elsewhere, sizeof(elsewhere), ACROSS);
}

static void set_up(struct soft_cpu *c)
{
    ((struct soft_fx *)(void *)c->s.xsave)->mxcsr = MXCSR_INIT;
}

static void begin(struct side *s)
{
    struct soft_cpu *c = s->rig.c;

    put_code(s->rig.data);
    memset(c->s.gpr, 0, sizeof(c->s.gpr));
    c->s.gpr[X86_RCX] = 20;
    c->s.gpr[X86_RAX] = INT32_MAX - 100;
    c->s.rip = WINDOW + WINDOW_DATA + AT;
    c->s.rflags = X86_RFLAGS_FIXED;
    c->insns = 0;
    soft_mode_changed(c);
    soft_flush(c, true);
    if (s->t == NULL)
        return;
    trans_reset(s->t);
    trans_catch_up(s->t);
}

static void check_bounds(const struct trans_store *s)
{
    assert_true(s->nblocks <= BLOCKS_MAX && s->nsites <= SITES_MAX && s->nbounds <= BOUNDS_MAX);
    assert_true(s->npages <= PAGES_MAX && s->ncells <= TRANS_CELLS);
    assert_true(s->cache.used <= s->cache.len);
}

static void fill_blocks(struct trans_store *s, unsigned left)
{
    s->nblocks = BLOCKS_MAX - left;
}

static void fill_sites(struct trans_store *s, unsigned left)
{
    s->nsites = SITES_MAX - left;
}

static void fill_bounds(struct trans_store *s, unsigned left)
{
    s->nbounds = BOUNDS_MAX - left;
}

static void fill_pages(struct trans_store *s, unsigned left)
{
    s->npages = PAGES_MAX - left;
}

static void fill_cells(struct trans_store *s, unsigned left)
{
    s->ncells = TRANS_CELLS - left;
}

static void fill_cache(struct trans_store *s, unsigned left)
{
    s->cache.used = s->cache.len - 16 * (size_t)left;
}

static void check(void (*fill)(struct trans_store *s, unsigned left))
{
    static const unsigned left[] = { 0, 1, 2, 3, 4, 5, 8, 64, 500 };
    struct pair *p = pair_open(
        &(struct trans_config){ .cache_len = CACHE, .prove = true, .exact_flags = true }, set_up);
    const struct rig *a = &p->interp.rig, *b = &p->trans.rig;
    struct trans_store *s = p->trans.t->store;

    for (unsigned i = 0; i < ARRAY_LEN(left); i++) {
        struct trans_stats before, after;

        begin(&p->interp);
        begin(&p->trans);
        fill(s, left[i]);
        trans_stats_get(p->trans.t, &before);
        assert_true(side_advance(&p->interp, INSNS) && side_advance(&p->trans, INSNS));
        trans_stats_get(p->trans.t, &after);
        check_bounds(s);
        if (left[i] < 2)
            assert_int_equal(after.resets, before.resets + 1);
        assert_true(after.insns - before.insns > INSNS * 9 / 10);
        assert_memory_equal(a->c->s.gpr, b->c->s.gpr, sizeof(a->c->s.gpr));
        assert_int_equal(a->c->s.rip, b->c->s.rip);
        assert_int_equal(a->c->s.rflags, b->c->s.rflags);
    }
    pair_close(p);
}

static void test_blocks(void **state)
{
    (void)state;
    check(fill_blocks);
}

static void test_sites(void **state)
{
    (void)state;
    check(fill_sites);
}

static void test_bounds(void **state)
{
    (void)state;
    check(fill_bounds);
}

static void test_pages(void **state)
{
    (void)state;
    check(fill_pages);
}

static void test_cells(void **state)
{
    (void)state;
    check(fill_cells);
}

static void test_cache(void **state)
{
    (void)state;
    check(fill_cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks), cmocka_unit_test(test_sites), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_pages),  cmocka_unit_test(test_cells), cmocka_unit_test(test_cache),
    };

    return cmocka_run_group_tests_name("trans room", tests, NULL, NULL);
}
