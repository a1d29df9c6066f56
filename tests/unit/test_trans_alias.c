/* SPDX-License-Identifier: MIT */
/*
 * test_trans_alias.c - code that is written by other addresses than its own
 *
 * A routine is called often enough to be translated, then changed through one of two other mappings of its page, or
 * by a string instruction that begins far above or below it; each time the next call must give the new value.
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

enum { PAGE = 4096, PT_AT = 3 * PAGE, ALL = 0x67, CALLS = 250, ROUNDS = 40 };
enum { ROUTINE = WINDOW_DATA + 0x100, VALUE = ROUTINE + 1, STACK = WINDOW_DATA + 2 * PAGE };
/* Like the routine, with another value. */
enum { SOURCE = WINDOW_DATA + PAGE + 0x300, REPEATED = 300, BELOW = 200 };
/* Of the routine's page; far from each other and from it. */
enum { ALIAS = 20 * PAGE, OTHER = 33 * PAGE };

struct code {
    uint8_t *page;
    unsigned at;
};

static void put(struct code *c, const void *bytes, unsigned len)
{
    memcpy(c->page + c->at, bytes, len);
    c->at += len;
}

static void put_32(struct code *c, uint32_t val)
{
    le_put(c->page + c->at, 4, val);
    c->at += 4;
}

/* Mixes what the routine gives into EBX. */
static void put_calls(struct code *c)
{
    unsigned again;

    c->page[c->at++] = 0xb9; /* mov ecx, CALLS */
    put_32(c, CALLS);
    again = c->at;
    c->page[c->at++] = 0xe8; /* 1: call ROUTINE */
    put_32(c, ROUTINE - (c->at + 4));
    put(c, "\x8d\x1c\xd8\xff\xc9\x75", 6); /* lea ebx, [rax+rbx*8]; dec ecx; jnz 1b */
    c->page[c->at] = (uint8_t)(again - (c->at + 1));
    c->at++;
}

/* EDX, which is counted up. */
static void put_write(struct code *c, unsigned at)
{
    put(c, "\xff\xc2\x89\x14\x25", 5); /* inc edx; mov [at], edx */
    put_32(c, WINDOW + at);
}

/* The source's value is counted up, then copied with what lies around. */
static void put_copy(struct code *c, bool down)
{
    unsigned first = down ? REPEATED - 1 : -(unsigned)BELOW;

    put(c, "\xff\x04\x25", 3); /* inc dword [SOURCE + 1] */
    put_32(c, WINDOW + SOURCE + 1);
    put(c, down ? "\xfd\xbe" : "\xfc\xbe", 2); /* std or cld; mov esi, ... */
    put_32(c, WINDOW + SOURCE + first);
    put(c, "\xbf", 1); /* mov edi, ... */
    put_32(c, WINDOW + ROUTINE + first);
    put(c, "\xb9", 1); /* mov ecx, ... */
    put_32(c, REPEATED);
    put(c, "\xf3\xa4", 2);
}

static void put_aliased(struct code *c)
{
    static const unsigned order[] = { ALIAS, OTHER,       ALIAS, ALIAS, OTHER,
                                      OTHER, WINDOW_DATA, OTHER, ALIAS };

    for (unsigned i = 0; i < ARRAY_LEN(order); i++) {
        put_write(c, VALUE - WINDOW_DATA + order[i]);
        put_calls(c);
    }
}

static void put_copied(struct code *c)
{
    put_copy(c, true);
    put_calls(c);
    put_copy(c, false);
    put_calls(c);
}

static void put_code(uint8_t *page, void (*what)(struct code *c))
{
    struct code c = { page, 0 };

    memset(page, 0x90, PAGE);
    what(&c);
    page[c.at++] = 0xe9; /* jmp to the beginning */
    put_32(&c, -(c.at + 4));
}

static void map(struct rig *r, unsigned at, uint64_t pte)
{
    le_put(r->ram + PT_AT + 8 * (size_t)(at / PAGE), 8, pte);
}

static void begin(struct side *s, void (*what)(struct code *c))
{
    static const uint8_t routine[] = { 0xb8, 0, 0, 0, 0, 0xc3 }; /* mov eax, ...; ret */
    struct soft_cpu *c = s->rig.c;

    put_code(s->rig.code, what);
    memcpy(s->rig.data + ROUTINE - WINDOW_DATA, routine, sizeof(routine));
    memcpy(s->rig.data + SOURCE - WINDOW_DATA, routine, sizeof(routine));
    map(&s->rig, ALIAS, RIG_DATA | ALL);
    map(&s->rig, OTHER, RIG_DATA | ALL);
    memset(c->s.gpr, 0, sizeof(c->s.gpr));
    c->s.gpr[X86_RSP] = WINDOW + STACK;
    c->s.rip = WINDOW;
    c->s.rflags = X86_RFLAGS_FIXED;
    soft_mode_changed(c);
    soft_flush(c, true);
}

static void set_up(struct soft_cpu *c)
{
    ((struct soft_fx *)(void *)c->s.xsave)->mxcsr = MXCSR_INIT;
}

static void check(void (*what)(struct code *c))
{
    struct pair *p = pair_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true }, set_up);
    struct x86_state *a = &p->interp.rig.c->s, *b = &p->trans.rig.c->s;
    struct trans_stats stats;

    begin(&p->interp, what);
    begin(&p->trans, what);
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        assert_true(side_advance(&p->interp, i * 4001));
        assert_true(side_advance(&p->trans, i * 4001));
        assert_int_equal(a->rip, b->rip);
        assert_memory_equal(a->gpr, b->gpr, sizeof(a->gpr));
    }
    trans_stats_get(p->trans.t, &stats);
    assert_true(stats.invalidated > 20 && stats.insns > stats.steps);
    pair_close(p);
}

static void test_two_other_addresses(void **state)
{
    (void)state;
    check(put_aliased);
}

static void test_from_above_and_below(void **state)
{
    (void)state;
    check(put_copied);
}

/* ---- another page at the same address -------------------------------------------------------------- */

enum { PD_AT = 2 * PAGE, X_AT = 0x200, TABLE = 40 * PAGE, OTHER_GPA = RIG_DATA + 2 * PAGE };

/* mov [r8], r9; mov rax, [r10]; jmp X_AT; there: mov ebx, val; jmp to itself */
static void put_jumper(uint8_t *page, uint8_t val)
{
    static const uint8_t first[] = { 0x4d, 0x89, 0x08, 0x49, 0x8b, 0x02, 0xe9 };

    memset(page, 0x90, PAGE);
    memcpy(page, first, sizeof(first));
    le_put(page + sizeof(first), 4, X_AT - sizeof(first) - 4);
    memcpy(page + X_AT, (const uint8_t[]){ 0xbb, val, 0, 0, 0, 0xeb, 0xfe }, 7);
}

static uint64_t jump_with(struct side *s, uint64_t pte)
{
    struct soft_cpu *c = s->rig.c;

    c->s.gpr[X86_RBX] = 0;
    c->s.gpr[X86_R9] = pte;
    c->s.rip = WINDOW + WINDOW_DATA;
    soft_flush(c, true);
    assert_true(trans_burst(s->t, 50, false));
    return c->s.gpr[X86_RBX];
}

/*
 * Without a flush, the page changes under the code that jumps inside it, and the entry for the old one is lost to
 * another address. From where it led once, the jump leads no more when the old page is back.
 */
static void test_page_changes_before_a_jump(void **state)
{
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, set_up);
    struct side *s = &p->trans;
    struct soft_cpu *c = s->rig.c;
    uint64_t same_entry = WINDOW + WINDOW_DATA + (uint64_t)SOFT_TLB * PAGE;

    (void)state;
    put_jumper(s->rig.data, 1);
    put_jumper(s->rig.ram + OTHER_GPA, 2);
    map(&s->rig, TABLE, PT_AT | ALL);
    le_put(s->rig.ram + PD_AT + 8 * (same_entry >> 21 & 511), 8, PT_AT | ALL);
    le_put(s->rig.ram + PT_AT + 8 * (same_entry / PAGE % 512), 8, RIG_DATA | ALL);
    c->s.gpr[X86_R8] = WINDOW + TABLE + 8 * (WINDOW_DATA / PAGE);
    c->s.gpr[X86_R10] = same_entry;
    assert_int_equal(jump_with(s, OTHER_GPA | ALL), 2);
    map(&s->rig, WINDOW_DATA, RIG_DATA | ALL);
    assert_int_equal(jump_with(s, RIG_DATA | ALL), 1);
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_other_addresses),
        cmocka_unit_test(test_from_above_and_below),
        cmocka_unit_test(test_page_changes_before_a_jump),
    };

    return cmocka_run_group_tests_name("trans alias", tests, NULL, NULL);
}
