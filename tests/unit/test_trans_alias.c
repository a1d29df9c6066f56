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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_other_addresses),
        cmocka_unit_test(test_from_above_and_below),
    };

    return cmocka_run_group_tests_name("trans alias", tests, NULL, NULL);
}
