/* SPDX-License-Identifier: MIT */
/*
 * test_trans_across.c - an instruction that lies in two pages, translated against interpreted
 *
 * Its second part is written, lies elsewhere from INVLPG or another CR3 on, or is not mapped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "engine/soft/fpu.h"
#include "engine/soft/mem.h"
#include "engine/soft/mmu.h"
#include "engine/soft/ops_sys.h"
#include "trans_rig.h"

enum { PAGE = 4096, LEAF = 0x67, PT_AT = 3 * PAGE, ARITHMETIC = 0x8d5 };
/* Page 0 of the data pages holds the first part, page 1 the second; page 2 is another second part. */
enum { SECOND = WINDOW_DATA + PAGE, OTHER_GPA = RIG_DATA + 2 * PAGE };

struct code {
    const uint8_t *bytes;
    unsigned len, before; /* of them in the first page */
};

static void set_up(struct soft_cpu *c)
{
    ((struct soft_fx *)(void *)c->s.xsave)->mxcsr = MXCSR_INIT;
}

static struct pair *open_pair(void)
{
    return pair_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true }, set_up);
}

static void map_second(struct side *s, uint64_t gpa)
{
    le_put(s->rig.ram + PT_AT + 8 * (size_t)(SECOND / PAGE), 8, gpa | LEAF);
}

static void begin(struct side *s, const struct code *code)
{
    struct soft_cpu *c = s->rig.c;

    rig_mode(&s->rig, X86_CODE_64);
    memset(s->rig.data, 0x90, WINDOW_DATA_LEN);
    memcpy(s->rig.data + PAGE - code->before, code->bytes, code->len);
    memset(c->s.gpr, 0, sizeof(c->s.gpr));
    c->s.gpr[X86_RSP] = WINDOW + WINDOW_DATA + 3 * PAGE;
    c->s.rip = WINDOW + SECOND - code->before;
    c->s.rflags = X86_RFLAGS_FIXED;
    c->insns = 0;
    map_second(s, RIG_DATA + PAGE);
    soft_mode_changed(c);
    soft_flush(c, true);
    if (s->t != NULL)
        trans_reset(s->t);
}

static void check_same(const struct pair *p)
{
    const struct rig *x = &p->interp.rig, *y = &p->trans.rig;

    assert_int_equal(x->c->insns, y->c->insns);
    assert_int_equal(x->c->s.rip, y->c->s.rip);
    assert_int_equal(x->c->s.rflags, y->c->s.rflags);
    assert_memory_equal(x->c->s.gpr, y->c->s.gpr, sizeof(x->c->s.gpr));
    assert_memory_equal(x->ram, y->ram, RIG_RAM);
}

static void run_to(struct pair *p, uint64_t insns)
{
    assert_true(side_advance(&p->interp, insns));
    assert_true(side_advance(&p->trans, insns));
    check_same(p);
}

/* add eax, 0x04030201; jmp back */
static const uint8_t adds[] = { 0x05, 1, 2, 3, 4, 0xeb, 0xf9 };
static const struct code adding = { adds, sizeof(adds), 3 };

static void test_runs(void **state)
{
    struct pair *p = open_pair();
    struct trans_stats stats;

    (void)state;
    begin(&p->interp, &adding);
    begin(&p->trans, &adding);
    run_to(p, 5000);
    assert_int_equal(p->trans.rig.c->s.gpr[X86_RAX], (uint32_t)(2500 * UINT32_C(0x04030201)));
    trans_stats_get(p->trans.t, &stats);
    assert_true(stats.insns > 100 * stats.steps);
    pair_close(p);
}

/* A branch across the border: 1: sub ecx, 1; jnz 1b (near form); jmp 1b */
static void test_branch(void **state)
{
    static const uint8_t loop[] = { 0x83, 0xe9, 1, 0x0f, 0x85, 0xf7, 0xff, 0xff, 0xff, 0xeb, 0xf5 };
    struct pair *p = open_pair();

    (void)state;
    for (unsigned before = 4; before < 9; before++) {
        const struct code code = { loop, sizeof(loop), before };

        begin(&p->interp, &code);
        begin(&p->trans, &code);
        p->interp.rig.c->s.gpr[X86_RCX] = p->trans.rig.c->s.gpr[X86_RCX] = 700;
        run_to(p, 5000);
    }
    pair_close(p);
}

/* add eax, imm; inc byte [the last of its bytes]; jmp back */
static void test_second_written(void **state)
{
    static const uint8_t loop[] = {
        0x05, 1, 2, 3, 4, 0xfe, 0x05, 0xf9, 0xff, 0xff, 0xff, 0xeb, 0xf3
    };
    const struct code code = { loop, sizeof(loop), 3 };
    struct pair *p = open_pair();

    (void)state;
    begin(&p->interp, &code);
    begin(&p->trans, &code);
    run_to(p, 3000);
    pair_close(p);
}

static void forget(struct side *s, bool one_page)
{
    if (one_page)
        soft_flush_page(s->rig.c, WINDOW + SECOND);
    else
        assert_true(soft_set_cr3(s->rig.c, s->rig.c->s.cr3));
}

/* The second part is that of add eax, 0x05050201 from now on, then the first one again. */
static void check_elsewhere(struct pair *p, bool one_page)
{
    static const uint8_t second[] = { 5, 5, 0xeb, 0xf9 };
    struct side *sides[] = { &p->interp, &p->trans };

    begin(&p->interp, &adding);
    begin(&p->trans, &adding);
    for (unsigned i = 0; i < 2; i++)
        memcpy(sides[i]->rig.ram + OTHER_GPA, second, sizeof(second));
    run_to(p, 1000);
    for (unsigned turn = 1; turn < 6; turn++) {
        for (unsigned i = 0; i < 2; i++) {
            map_second(sides[i], turn % 2 ? OTHER_GPA : RIG_DATA + PAGE);
            forget(sides[i], one_page);
        }
        run_to(p, 1000 + 1000 * turn);
    }
}

static void test_second_elsewhere(void **state)
{
    struct pair *p = open_pair();

    (void)state;
    check_elsewhere(p, false);
    check_elsewhere(p, true);
    pair_close(p);
}

/* The fault is at the second page, and nothing has been executed. */
static void test_second_not_mapped(void **state)
{
    struct pair *p = open_pair();
    struct side *sides[] = { &p->interp, &p->trans };

    (void)state;
    begin(&p->interp, &adding);
    begin(&p->trans, &adding);
    run_to(p, 1001);
    for (unsigned i = 0; i < 2; i++) {
        struct soft_cpu *c = sides[i]->rig.c;

        le_put(sides[i]->rig.ram + PT_AT + 8 * (size_t)(SECOND / PAGE), 8, 0);
        soft_flush(c, true);
        c->s.rip = WINDOW + SECOND - adding.before;
        c->s.idtr.limit = 0;
        (void)side_advance(sides[i], 1010);
        assert_int_equal(c->s.cr2, WINDOW + SECOND);
    }
    assert_int_equal(p->interp.rig.c->s.gpr[X86_RAX], p->trans.rig.c->s.gpr[X86_RAX]);
    assert_int_equal(p->interp.rig.c->insns, p->trans.rig.c->insns);
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_branch),
        cmocka_unit_test(test_second_written),
        cmocka_unit_test(test_second_elsewhere),
        cmocka_unit_test(test_second_not_mapped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
