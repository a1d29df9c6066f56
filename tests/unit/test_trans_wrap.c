/* SPDX-License-Identifier: MIT */
/*
 * test_trans_wrap.c - 32-bit code whose operands go over the end of its addresses
 *
 * In compatibility mode the base of FS brings an operand to the last page below 4 GiB, from where it goes on at 0, while
 * the page tables, which 64-bit code uses too, have another page at 4 GiB.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "engine/soft/fpu.h"
#include "engine/soft/mmu.h"
#include "engine/soft/trans/trans.h"
#include "trans_rig.h"

enum { PAGE = 4096, ALL = 0x67, PDPT_AT = PAGE, PD_AT = 2 * PAGE, NEW_TABLES = 0x12000 };
enum { LAST_GPA = RIG_DATA, FIRST_GPA = RIG_DATA + PAGE, BEYOND_GPA = RIG_DATA + 2 * PAGE };
/* Not at WINDOW: its place in the translation cache is that of the page at 4 GiB. */
enum { STORED = WINDOW_DATA + 3 * PAGE, CODE_AT = WINDOW_RO };

#define LAST   UINT64_C(0xfffff000)
#define BEYOND UINT64_C(0x100000000)

/* 1: movups xmm0, fs:[0xff8]; por xmm1, xmm0; movups [STORED], xmm1; nop; jmp 1b */
static const uint8_t loop[] = { 0x64, 0x0f, 0x10, 0x05, 0xf8, 0x0f, 0,    0,    0x66, 0x0f, 0xeb,
                                0xc8, 0x0f, 0x11, 0x0d, 0x00, 0x50, 0x00, 0x10, 0x90, 0xeb, 0xea };
enum { INSNS = 203 /* to the NOP: what is known then stays known for translated code */ };

static void put(struct rig *r, unsigned table, unsigned index, uint64_t entry)
{
    le_put(r->ram + table + 8 * (size_t)index, 8, entry | ALL);
}

static void map(struct rig *r)
{
    unsigned at = NEW_TABLES;

    put(r, PDPT_AT, 3, at); /* the last page */
    put(r, at, 511, at + PAGE);
    put(r, at + PAGE, 511, LAST_GPA);
    at += 2 * PAGE;
    put(r, PD_AT, 0, at); /* the first one */
    put(r, at, 0, FIRST_GPA);
    at += PAGE;
    put(r, PDPT_AT, 4, at); /* that at 4 GiB */
    put(r, at, 0, at + PAGE);
    put(r, at + PAGE, 0, BEYOND_GPA);
}

static void set_up(struct soft_cpu *c)
{
    struct soft_fx *fx = (struct soft_fx *)(void *)c->s.xsave;

    fx->mxcsr = MXCSR_INIT;
    fx->xstate_bv = FX_SSE;
}

static void begin(struct side *s)
{
    struct soft_cpu *c = s->rig.c;

    map(&s->rig);
    memset(s->rig.ram + LAST_GPA, 0x11, PAGE);
    memset(s->rig.ram + FIRST_GPA, 0x22, PAGE);
    memset(s->rig.ram + BEYOND_GPA, 0x44, PAGE);
    memcpy(s->rig.data + (CODE_AT - WINDOW_DATA), loop, sizeof(loop));
    memset(c->s.gpr, 0, sizeof(c->s.gpr));
    c->s.seg[X86_FS].base = LAST;
    c->s.rip = WINDOW + CODE_AT;
    c->s.rflags = X86_RFLAGS_FIXED;
    soft_mode_changed(c);
    soft_flush(c, true);
}

static void go_on(struct side *s)
{
    struct soft_cpu *c = s->rig.c;
    const uint8_t *stored = s->rig.data + (STORED - WINDOW_DATA);
    struct soft_place place;

    assert_true(soft_translate(c, LAST, HOW_READ, c->bank, &place));
    assert_true(soft_translate(c, BEYOND, HOW_READ, c->bank, &place));
    assert_true(side_advance(s, c->insns + INSNS));
    assert_int_equal(le_get(stored, 8), 0x1111111111111111);
    assert_int_equal(le_get(stored + 8, 8), 0x2222222222222222);
}

static void test_over_the_end(void **state)
{
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, set_up);
    struct trans_stats stats;

    (void)state;
    assert_int_equal(WINDOW + STORED, 0x10005000);
    pair_mode(p, X86_CODE_32);
    begin(&p->interp);
    begin(&p->trans);
    for (unsigned i = 0; i < 5; i++) {
        go_on(&p->interp);
        go_on(&p->trans);
    }
    assert_memory_equal(p->interp.rig.c->s.gpr, p->trans.rig.c->s.gpr,
                        sizeof(p->trans.rig.c->s.gpr));
    trans_stats_get(p->trans.t, &stats);
    assert_true(stats.insns > 0);
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_over_the_end),
    };

    return cmocka_run_group_tests_name("trans wrap", tests, NULL, NULL);
}
