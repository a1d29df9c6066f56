/* SPDX-License-Identifier: MIT */
/*
 * test_trans_crossing.c - instructions that begin in one page and end in the next, in translated code
 *
 * Both pages' bytes make the instruction: either may be written, or another page may be mapped in its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "engine/soft/mem.h"
#include "engine/soft/ops_sys.h"
#include "engine/soft/run.h"
#include "engine/soft/trans/block.h"
#include "trans_rig.h"

enum { PAGE = 4096, PT_AT = 3 * PAGE, ALL = 0x67, GLOBAL = 0x100 };
/* Linear: two pages of code, one of data, and one through which the second can be written. */
enum {
    FIRST = WINDOW_DATA,
    SECOND = FIRST + PAGE,
    PLAIN = FIRST + 2 * PAGE,
    ALIAS = FIRST + 3 * PAGE
};
enum { CODE_GPA = RIG_DATA, SECOND_GPA = RIG_DATA + PAGE, OTHER_GPA = RIG_DATA + 2 * PAGE };

static void set_up(struct soft_cpu *c)
{
    c->sys.counted_time = true;
}

static void map(struct rig *r, unsigned at, uint64_t pte)
{
    le_put(r->ram + PT_AT + 8 * (size_t)(at / PAGE), 8, pte);
}

/*
 * In the first page: 1: add eax, 1; jmp to the last bytes; which are the first `split` ones of `insn`. Behind that:
 * adc ebx, eax; dec ecx; jnz 1b; jmp 1b
 */
static void put_code(struct rig *r, const uint8_t *insn, unsigned len, unsigned split)
{
    uint8_t *code = r->ram + CODE_GPA;
    unsigned begin = PAGE - split, at = begin + len;

    memset(code, 0x90, 3 * (size_t)PAGE);
    memcpy(code, (const uint8_t[]){ 0x83, 0xc0, 1, 0xe9 }, 4);
    le_put(code + 4, 4, begin - 8);
    memcpy(code + begin, insn, len);
    memcpy(code + at, (const uint8_t[]){ 0x11, 0xc3, 0xff, 0xc9, 0x0f, 0x85 }, 6);
    le_put(code + at + 6, 4, -(at + 10));
    code[at + 10] = 0xe9;
    le_put(code + at + 11, 4, -(at + 15));
    /* as the second one, but for the byte behind the border */
    memcpy(r->ram + OTHER_GPA, r->ram + SECOND_GPA, PAGE);
}

static void begin(struct side *s, const uint8_t *insn, unsigned len, unsigned split)
{
    struct soft_cpu *c = s->rig.c;

    rig_mode(&s->rig, X86_CODE_64);
    c->s.cr4 |= X86_CR4_PGE;
    put_code(&s->rig, insn, len, split);
    map(&s->rig, FIRST, CODE_GPA | ALL);
    map(&s->rig, SECOND, SECOND_GPA | ALL);
    map(&s->rig, ALIAS, SECOND_GPA | ALL);
    for (unsigned i = 0; i < X86_NGPR; i++)
        c->s.gpr[i] = i * 0x1234567;
    c->s.gpr[X86_RSP] = c->s.gpr[X86_RDI] = WINDOW + PLAIN + 0x800;
    c->s.rip = WINDOW + FIRST;
    c->insns = 0;
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
    assert_int_equal(x->c->s.cr2, y->c->s.cr2);
    assert_memory_equal(x->c->s.gpr, y->c->s.gpr, sizeof(x->c->s.gpr));
    assert_memory_equal(x->ram, y->ram, RIG_RAM);
}

static struct pair *open_pair(void)
{
    return pair_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true }, set_up);
}

/* On both sides so many instructions more. Returns how many the translator has left to the interpreter. */
static uint64_t go_on(struct pair *p, unsigned insns)
{
    struct trans_stats before, after;

    trans_stats_get(p->trans.t, &before);
    p->insns = p->interp.rig.c->insns + insns;
    assert_true(side_advance(&p->interp, p->insns));
    assert_true(side_advance(&p->trans, p->insns));
    trans_stats_get(p->trans.t, &after);
    check_same(p);
    return after.steps - before.steps;
}

/* ---- kinds of instructions, at each split --------------------------------------------------------- */

static const struct {
    uint8_t bytes[8], len;
} insns[] = {
    { { 0x05, 0x78, 0x56, 0x34, 0x12 }, 5 },             /* add eax, imm */
    { { 0x48, 0x8d, 0x54, 0x58, 0x05 }, 5 },             /* lea rdx, [rax+rbx*2+5] */
    { { 0x48, 0x8b, 0x57, 0x08 }, 4 },                   /* mov rdx, [rdi+8] */
    { { 0x48, 0x01, 0x47, 0x10 }, 4 },                   /* add [rdi+16], rax */
    { { 0x48, 0x8b, 0x15, 0x00, 0x01, 0, 0 }, 7 },       /* mov rdx, [rip+0x100] */
    { { 0xe8, 0x00, 0x00, 0x00, 0x00 }, 5 },             /* call to what follows */
    { { 0x0f, 0x84, 0x00, 0x00, 0x00, 0x00 }, 6 },       /* jz to what follows */
    { { 0xc7, 0x47, 0x20, 0x44, 0x33, 0x22, 0x11 }, 7 }, /* mov dword [rdi+32], imm */
    { { 0x48, 0xff, 0xc6 }, 3 },                         /* inc rsi */
};

static void test_at_each_split(void **state)
{
    struct pair *p = open_pair();

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(insns); i++) {
        for (unsigned split = 1; split < insns[i].len; split++) {
            begin(&p->interp, insns[i].bytes, insns[i].len, split);
            begin(&p->trans, insns[i].bytes, insns[i].len, split);
            for (unsigned at = 0; at < 5; at++)
                (void)go_on(p, 71);
            assert_true(go_on(p, 1000) < 5);
        }
    }
    pair_close(p);
}

/* ---- what may change ------------------------------------------------------------------------------ */

static const uint8_t add_imm[] = { 0x05, 0x78, 0x56, 0x34, 0x12 };

static void both_begin(struct pair *p)
{
    begin(&p->interp, add_imm, sizeof(add_imm), 2);
    begin(&p->trans, add_imm, sizeof(add_imm), 2);
    (void)go_on(p, 500);
}

/* The guest writes a byte of the second page: mov byte [rdi - 0x800], al instead of the loop, once. */
static void test_second_page_written(void **state)
{
    static const uint8_t store[] = { 0x88, 0x87, 0x00, 0xf8, 0xff, 0xff };
    struct pair *p = open_pair();

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = i == 0 ? &p->interp : &p->trans;
        uint8_t *at;

        begin(s, add_imm, sizeof(add_imm), 2);
        s->rig.c->s.gpr[X86_RDI] = WINDOW + ALIAS + 0x800;
        at = s->rig.ram + CODE_GPA + PAGE + 3; /* behind the instruction, before the rest */
        memmove(at + sizeof(store), at, 20);
        memcpy(at, store, sizeof(store));
        le_put(at + sizeof(store) + 6, 4, -(uint32_t)(PAGE + 3 + sizeof(store) + 10));
        le_put(at + sizeof(store) + 11, 4, -(uint32_t)(PAGE + 3 + sizeof(store) + 15));
    }
    for (unsigned i = 0; i < 40; i++)
        (void)go_on(p, 53);
    pair_close(p);
}

/* A device writes there. */
static void test_second_page_written_by_a_device(void **state)
{
    struct pair *p = open_pair();

    (void)state;
    both_begin(p);
    assert_true(mem_put(&p->interp.rig.m->mem, SECOND_GPA, "\x55", 1));
    assert_true(mem_put(&p->trans.rig.m->mem, SECOND_GPA, "\x55", 1));
    (void)go_on(p, 500);
    pair_close(p);
}

/* Another page is mapped behind the first: by CR3 and by INVLPG, and the first one again. */
static void test_second_page_mapped(void **state)
{
    struct pair *p = open_pair();

    (void)state;
    for (unsigned global = 0; global < 2; global++) {
        both_begin(p);
        for (unsigned i = 0; i < 6; i++) {
            for (unsigned n = 0; n < 2; n++) {
                struct side *s = n == 0 ? &p->interp : &p->trans;

                s->rig.ram[OTHER_GPA] = 0x66;
                map(&s->rig, SECOND,
                    (i % 2 ? SECOND_GPA : OTHER_GPA) | ALL | (global ? GLOBAL : 0));
                if (global)
                    soft_flush_page(s->rig.c, WINDOW + SECOND);
                else
                    assert_true(soft_set_cr3(s->rig.c, s->rig.c->s.cr3));
            }
            (void)go_on(p, 300);
        }
    }
    pair_close(p);
}

/*
 * A jump whose last bytes alone are in the second page, where no instruction begins: 1: inc eax; jmp to it; it goes to
 * 0x100, and with the other page to 0x200; there: add ebx, 1 or 100; jmp 1b
 */
static void put_jumps(struct rig *r)
{
    enum { BEGIN = PAGE - 2 };
    uint8_t *code = r->ram + CODE_GPA;

    memcpy(code, (const uint8_t[]){ 0xff, 0xc0, 0xe9 }, 3);
    le_put(code + 3, 4, BEGIN - 7);
    for (unsigned i = 1; i <= 2; i++) {
        uint8_t *to = code + 0x100 * (size_t)i, jump[5] = { 0xe9 };

        le_put(jump + 1, 4, 0x100 * i - (BEGIN + 5));
        memcpy(code + BEGIN, jump, 2);
        memcpy(r->ram + (i == 1 ? SECOND_GPA : OTHER_GPA), jump + 2, 3);
        memcpy(to, (const uint8_t[]){ 0x83, 0xc3, i == 1 ? 1 : 100, 0xe9 }, 4);
        le_put(to + 4, 4, -(0x100 * i + 8));
    }
}

static void test_second_page_of_a_jump(void **state)
{
    struct pair *p = open_pair();
    struct side *sides[] = { &p->interp, &p->trans };

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        begin(sides[i], add_imm, sizeof(add_imm), 2);
        put_jumps(&sides[i]->rig);
    }
    (void)go_on(p, 300);
    for (unsigned i = 0; i < 2; i++) {
        map(&sides[i]->rig, SECOND, OTHER_GPA | ALL);
        soft_flush_page(sides[i]->rig.c, WINDOW + SECOND);
    }
    (void)go_on(p, 300);
    pair_close(p);
}

/* It is gone: the fault is at the second page, before anything has been done. */
static void test_second_page_absent(void **state)
{
    struct pair *p = open_pair();

    (void)state;
    both_begin(p);
    for (unsigned n = 0; n < 2; n++) {
        struct side *s = n == 0 ? &p->interp : &p->trans;

        map(&s->rig, SECOND, 0);
        soft_flush(s->rig.c, true);
        s->rig.c->s.rip = WINDOW + FIRST;
        assert_false(side_advance(s, s->rig.c->insns + 500));
    }
    check_same(p);
    assert_int_equal(p->trans.rig.c->s.cr2, WINDOW + SECOND);
    pair_close(p);
}

/* The table of pages with code has room for one of the two: all is begun anew, and both are translated then. */
static void test_last_page_of_the_table(void **state)
{
    struct pair *p = open_pair();
    struct trans_stats before, after;

    (void)state;
    both_begin(p);
    begin(&p->interp, add_imm, sizeof(add_imm), 2);
    begin(&p->trans, add_imm, sizeof(add_imm), 2);
    trans_catch_up(p->trans.t); /* nothing is translated now */
    p->trans.t->store->npages = PAGES_MAX - 1;
    p->interp.rig.c->s.rip = p->trans.rig.c->s.rip =
        WINDOW + FIRST + 3; /* the jump there is interpreted */
    trans_stats_get(p->trans.t, &before);
    (void)go_on(p, 500);
    trans_stats_get(p->trans.t, &after);
    assert_in_range(p->trans.t->store->npages, 2, 3);
    assert_int_equal(after.resets, before.resets + 1);
    assert_true(go_on(p, 1000) < 5);
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_each_split),
        cmocka_unit_test(test_second_page_written),
        cmocka_unit_test(test_second_page_written_by_a_device),
        cmocka_unit_test(test_second_page_mapped),
        cmocka_unit_test(test_second_page_of_a_jump),
        cmocka_unit_test(test_second_page_absent),
        cmocka_unit_test(test_last_page_of_the_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
