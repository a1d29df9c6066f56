/* SPDX-License-Identifier: MIT */
/*
 * test_trans_flush.c - what translated code knows of pages, and CR3, INVLPG and flushes take away
 *
 * Source: SDM 3A, "Caching Translation Information".
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "engine/soft/mmu.h"
#include "engine/soft/ops_sys.h"
#include "engine/soft/run.h"
#include "trans_system_rig.h"

enum { PAGE = 4096 };

/* ---- global pages -------------------------------------------------------------------------------- */

enum { LEAF = 0x67, GLOBAL = 0x100, PT_AT = 3 * PAGE };

/* The page that the loop reads lies at gpa from now on; nothing has been told the CPU. */
static void map_data(struct rig *r, uint64_t gpa, bool global)
{
    le_put(r->ram + PT_AT + 8 * (size_t)(WINDOW_DATA / PAGE), 8,
           gpa | LEAF | (global ? GLOBAL : 0));
}

static uint64_t read_by_loop(struct side *s)
{
    assert_true(side_advance(s, s->rig.c->insns + 100));
    return s->rig.c->s.gpr[X86_RAX];
}

/* Another CR3 leaves global pages in the tables, and nothing else; INVLPG takes them out. */
static void check_global(struct side *s, bool global)
{
    /* 1: mov eax, [rsi]; jmp 1b */
    static const uint8_t loop[] = { 0x8b, 0x06, 0xeb, 0xfc };
    struct soft_cpu *c = s->rig.c;
    uint8_t code[PAGE];

    memset(code, 0x90, sizeof(code));
    memcpy(code, loop, sizeof(loop));
    system_begin(s, code, 0);
    c->s.cr4 |= X86_CR4_PGE;
    c->s.gpr[X86_RSI] = WINDOW + WINDOW_DATA;
    le_put(s->rig.ram + RIG_DATA, 4, 1);
    le_put(s->rig.ram + RIG_DATA + PAGE, 4, 2);
    map_data(&s->rig, RIG_DATA, global);
    soft_flush(c, true);
    assert_int_equal(read_by_loop(s), 1);
    map_data(&s->rig, RIG_DATA + PAGE, global);
    assert_true(soft_set_cr3(c, c->s.cr3));
    assert_int_equal(read_by_loop(s), global ? 1 : 2);
    soft_flush_page(c, WINDOW + WINDOW_DATA);
    assert_int_equal(read_by_loop(s), 2);
    map_data(&s->rig, RIG_DATA, false);
}

static void test_global_pages(void **state)
{
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, system_set_up);

    (void)state;
    for (unsigned global = 0; global < 2; global++) {
        check_global(&p->interp, global);
        check_global(&p->trans, global);
    }
    pair_close(p);
}

/* ---- INVLPG ------------------------------------------------------------------------------------- */

enum { INVLPG_AT = 0x400, PD_AT = 2 * PAGE, LARGE = 0x80 };

/* In ring 0: 1: mov eax, [rsi]; mov ecx, [rdi]; add edx, 5; jmp 1b; and at INVLPG_AT invlpg [rbx]; jmp 1b */
static void begin_reader(struct side *s)
{
    static const uint8_t loop[] = { 0x8b, 0x06, 0x8b, 0x0f, 0x83, 0xc2, 5, 0xeb, 0xf7 };
    static const uint8_t invlpg[] = { 0x0f, 0x01, 0x3b, 0xe9, 0xf8, 0xfb, 0xff, 0xff };
    struct soft_cpu *c = s->rig.c;

    system_begin_ring_0(s, loop, sizeof(loop));
    memcpy(s->rig.code + INVLPG_AT, invlpg, sizeof(invlpg));
    c->s.gpr[X86_RSI] = WINDOW + WINDOW_DATA;
    c->s.gpr[X86_RDI] = WINDOW + WINDOW_DATA + PAGE;
    for (unsigned i = 0; i < 3; i++)
        le_put(s->rig.ram + RIG_DATA + (size_t)i * PAGE, 4, i + 1);
}

static void invalidate(struct side *s, uint64_t linear)
{
    s->rig.c->s.gpr[X86_RBX] = linear;
    s->rig.c->s.rip = WINDOW + INVLPG_AT - 4; /* NOPs: it is not the first of a burst */
    assert_true(side_advance(s, s->rig.c->insns + 100));
}

static void map_at(struct rig *r, uint64_t at, uint64_t gpa)
{
    le_put(r->ram + PT_AT + 8 * (size_t)(at / PAGE), 8, gpa | LEAF);
}

/* The one page is looked up again. The other need not be, and for speed it is not. */
static void check_invlpg(struct side *s)
{
    struct soft_cpu *c = s->rig.c;

    begin_reader(s);
    assert_true(side_advance(s, 200));
    assert_int_equal(c->s.gpr[X86_RAX], 1);
    assert_int_equal(c->s.gpr[X86_RCX], 2);
    map_at(&s->rig, WINDOW_DATA, RIG_DATA + 2 * PAGE);
    map_at(&s->rig, WINDOW_DATA + PAGE, RIG_DATA + 2 * PAGE);
    invalidate(s, WINDOW + WINDOW_DATA + 0x123);
    assert_int_equal(c->s.gpr[X86_RAX], 3);
    assert_int_equal(c->s.gpr[X86_RCX], 2);
    invalidate(s, WINDOW + WINDOW_DATA + PAGE);
    assert_int_equal(c->s.gpr[X86_RCX], 3);
    map_at(&s->rig, WINDOW_DATA, RIG_DATA);
    map_at(&s->rig, WINDOW_DATA + PAGE, RIG_DATA + PAGE);
}

/* Code in the page, and the very code that says so, is another one from the next instruction on. Returns EDX. */
static uint64_t check_invlpg_code(struct side *s)
{
    begin_reader(s);
    invalidate(s, WINDOW + WINDOW_DATA); /* its jump is linked from then on */
    memcpy(s->rig.ram + RIG_DATA + 3 * PAGE, s->rig.code, PAGE);
    s->rig.ram[RIG_DATA + 3 * PAGE + 6] = 100;
    map_at(&s->rig, 0, RIG_DATA + 3 * PAGE);
    invalidate(s, WINDOW);
    map_at(&s->rig, 0, RIG_CODE);
    return s->rig.c->s.gpr[X86_RDX];
}

/* Any address of a large page takes all of it. */
static void check_invlpg_large(struct side *s)
{
    uint8_t *pde = s->rig.ram + PD_AT + 8 * (size_t)(WINDOW >> 21 & 511);
    struct soft_cpu *c = s->rig.c;

    begin_reader(s);
    /* Guest-physical 0 is at the window then, and the code lies where it did not. */
    c->s.gpr[X86_RSI] = c->s.gpr[X86_RDI] = WINDOW + RIG_DATA + PAGE;
    le_put(pde, 8, LARGE | LEAF);
    soft_flush(c, true);
    c->s.rip = WINDOW + RIG_CODE;
    assert_true(side_advance(s, 200));
    assert_int_equal(c->s.gpr[X86_RAX], 2);
    le_put(pde, 8, PT_AT | LEAF);
    map_at(&s->rig, RIG_CODE, RIG_CODE);
    map_at(&s->rig, RIG_DATA + PAGE, RIG_DATA + 2 * PAGE);
    c->s.gpr[X86_RBX] = WINDOW + 0x10000;
    c->s.rip = WINDOW + RIG_CODE + INVLPG_AT - 4;
    assert_true(side_advance(s, c->insns + 100));
    assert_int_equal(c->s.gpr[X86_RAX], 3);
}

/*
 * The same for a global page, which another one's jump leads to since before CR3 was loaded. 1: jmp Q; Q: add edx, 5;
 * jmp 1b; and at INVLPG_AT as above. Returns EDX.
 */
static uint64_t check_invlpg_global(struct side *s)
{
    enum {
        Q_AT = WINDOW_DATA + 2 * PAGE,
        Q_GPA = RIG_DATA + 2 * PAGE,
        OTHER_GPA = RIG_DATA + PAGE
    };
    uint8_t there[] = { 0x83, 0xc2, 5, 0xe9, 0, 0, 0, 0 };
    struct soft_cpu *c = s->rig.c;

    begin_reader(s);
    c->s.cr4 |= X86_CR4_PGE;
    s->rig.code[0] = 0xe9;
    le_put(s->rig.code + 1, 4, Q_AT - 5);
    le_put(there + 4, 4, -(uint32_t)(Q_AT + sizeof(there)));
    memcpy(s->rig.ram + Q_GPA, there, sizeof(there));
    there[2] = 100;
    memcpy(s->rig.ram + OTHER_GPA, there, sizeof(there));
    map_at(&s->rig, 0, RIG_CODE | GLOBAL);
    map_at(&s->rig, Q_AT, Q_GPA | GLOBAL);
    soft_flush(c, true);
    assert_true(side_advance(
        s, 299)); /* to the jump in Q, so that it is at 1 that code is looked up next */
    assert_true(soft_set_cr3(c, c->s.cr3));
    assert_true(side_advance(s, 600));
    c->s.gpr[X86_RDX] = 0;
    map_at(&s->rig, Q_AT, OTHER_GPA | GLOBAL);
    invalidate(s, WINDOW + Q_AT);
    map_at(&s->rig, 0, RIG_CODE);
    map_at(&s->rig, Q_AT, Q_GPA);
    soft_flush(c, true);
    return c->s.gpr[X86_RDX];
}

/* A generation of the translation cache comes again after so many flushes; what it had then is not known any more. */
static void test_many_flushes(void **state)
{
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, system_set_up);
    struct side *s = &p->interp;
    struct soft_cpu *c = s->rig.c;
    struct soft_place place;

    (void)state;
    begin_reader(s);
    for (unsigned flushes = 4090; flushes < 4100; flushes++) {
        for (unsigned i = 0; i < 2; i++) {
            map_at(&s->rig, WINDOW_DATA, RIG_DATA + (uint64_t)i * PAGE);
            for (unsigned n = 0; n < flushes; n++)
                soft_flush(c, false);
            assert_true(soft_translate(c, WINDOW + WINDOW_DATA, HOW_READ, c->bank, &place));
            assert_int_equal(place.gpa, RIG_DATA + i * PAGE);
        }
    }
    map_at(&s->rig, WINDOW_DATA, RIG_DATA);
    pair_close(p);
}

static void test_invlpg(void **state)
{
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, system_set_up);

    (void)state;
    check_invlpg(&p->interp);
    check_invlpg(&p->trans);
    assert_int_equal(check_invlpg_code(&p->interp), check_invlpg_code(&p->trans));
    assert_int_equal(check_invlpg_global(&p->interp), check_invlpg_global(&p->trans));
    check_invlpg_large(&p->interp);
    check_invlpg_large(&p->trans);
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_global_pages),
        cmocka_unit_test(test_invlpg),
        cmocka_unit_test(test_many_flushes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
