/* SPDX-License-Identifier: MIT */
/* test_soft_walk.c - the software CPU's short way of walking page tables against the general one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "core/mem.h"
#include "engine/soft/mmu.h"
#include "soft_int_gen.h"
#include "soft_int_rig.h"

enum { ROUNDS = 200000, TABLES = 4, PAGE = 4096 };

static bool read_phys(void *ctx, uint64_t gpa, void *buf, unsigned len)
{
    return mem_get(ctx, gpa, buf, len);
}

/* Mostly present, writable, and of one of the few tables; now and then with bits that may not be set. */
static uint64_t entry(struct gen *g)
{
    uint64_t raw = gen_below(g, TABLES) * (uint64_t)PAGE | X86_PTE_P | X86_PTE_W | X86_PTE_U;

    if (gen_below(g, 3) == 0)
        raw ^= UINT64_C(1) << gen_below(g, 12);
    if (gen_below(g, 8) == 0)
        raw ^= UINT64_C(1) << gen_below(g, 64);
    if (gen_below(g, 8) == 0)
        raw |= X86_PTE_NX;
    return raw;
}

static void check_same(const struct x86_walk *a, const struct x86_walk *b)
{
    assert_int_equal(a->form, b->form);
    assert_int_equal(a->end, b->end);
    assert_int_equal(a->nsteps, b->nsteps);
    for (unsigned i = 0; i < a->nsteps; i++) {
        assert_int_equal(a->step[i].level, b->step[i].level);
        assert_int_equal(a->step[i].entry_len, b->step[i].entry_len);
        assert_int_equal(a->step[i].index, b->step[i].index);
        assert_int_equal(a->step[i].gpa, b->step[i].gpa);
        assert_int_equal(a->step[i].raw, b->step[i].raw);
    }
    if (a->end != X86_WALK_MAPPED)
        return;
    assert_int_equal(a->gpa, b->gpa);
    assert_int_equal(a->page_bytes, b->page_bytes);
    assert_int_equal(a->writable, b->writable);
    assert_int_equal(a->user, b->user);
    assert_int_equal(a->executable, b->executable);
    assert_int_equal(a->global, b->global);
    assert_int_equal(a->dirty, b->dirty);
    assert_int_equal(a->accessed, b->accessed);
}

static void random_control(struct gen *g, struct soft_cpu *c)
{
    c->s.cr3 = gen_below(g, TABLES) * (uint64_t)PAGE;
    c->s.cr4 = X86_CR4_PAE | (gen_below(g, 2) ? X86_CR4_PGE : 0);
    c->s.efer = X86_EFER_LMA | (gen_below(g, 4) ? X86_EFER_NXE : 0);
    if (gen_below(g, 50) == 0)
        c->s.cr4 ^= X86_CR4_LA57;
    if (gen_below(g, 50) == 0)
        c->s.cr4 ^= X86_CR4_PAE;
    if (gen_below(g, 50) == 0)
        c->s.efer ^= X86_EFER_LMA;
}

/* Never another outcome; and it is the way that is taken, unless something is odd. */
static void test_same_as_general(void **state)
{
    struct gen g = { .rng = 1, .code = X86_CODE_64 };
    unsigned short_way = 0, mapped = 0, absent = 0;
    struct rig r;

    (void)state;
    rig_open(&r);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct x86_phys phys = { read_phys, &r.c->vcpu->m->mem };
        uint64_t linear = (uint64_t)((int64_t)(gen_random(&g) << 16) >> 16);
        struct x86_walk quick = { 0 }, general;
        struct x86_paging_regs regs;

        for (unsigned n = 0; i % 8 == 0 && n < TABLES * PAGE / 8; n++)
            le_put(r.ram + (size_t)8 * n, 8, entry(&g));
        random_control(&g, r.c);
        if (gen_below(&g, 50) == 0)
            linear ^= UINT64_C(1) << 55;
        x86_paging_regs_from(&r.c->s, SOFT_MAXPHYADDR, &regs);
        x86_walk(&regs, &phys, linear, &general);
        if (!soft_walk_long(r.c, linear, &quick))
            continue;
        short_way++;
        mapped += quick.end == X86_WALK_MAPPED;
        absent += quick.end == X86_WALK_NOT_PRESENT;
        check_same(&quick, &general);
    }
    assert_true(short_way > ROUNDS / 4 && mapped > ROUNDS / 100 && absent > ROUNDS / 100);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_as_general),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
