/* SPDX-License-Identifier: MIT */
/*
 * test_trans_string.c - string instructions in translated code against the interpreter
 *
 * A loop of random string instructions, in 64- and in 32-bit code, whose registers lie at pages' edges, overlap, go down, or meet a page that is
 * read-only, absent, or a device's. Both sides stop at the same random numbers of
 * instructions, also between two elements, and must agree in everything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "engine/soft/mem.h"
#include "engine/soft/ops_sys.h"
#include "engine/soft/run.h"
#include "trans_rig.h"

enum { PAGE = 4096, PT_AT = 3 * PAGE, DEVICE_AT = 0x900000, PRESENT_U = 0x65, ALL = 0x67 };
enum { ROUNDS = 600, PIECES = 6, STOPS = 10, CODE_LEN = 0x800, HITS = 64 };

/* ---- code -------------------------------------------------------------------------------------- */

static unsigned put_mov(uint8_t *code, unsigned at, unsigned reg, uint32_t val)
{
    code[at] = (uint8_t)(0xb8 + reg);
    le_put(code + at + 1, 4, val);
    return at + 5;
}

/* In the window's data pages, near the border of two of them more often than not. */
static uint32_t some_place(struct gen *g)
{
    uint32_t at = gen_below(g, 3 * PAGE + 3000);

    if (gen_below(g, 3) > 0)
        at = (at & ~(PAGE - 1u)) + PAGE - 24 + gen_below(g, 40);
    return WINDOW + WINDOW_DATA + at;
}

static uint32_t some_count(struct gen *g)
{
    static const uint16_t most[] = { 2, 12, 40, 200, 900 };

    return gen_below(g, most[gen_below(g, ARRAY_LEN(most))]);
}

/* Registers, CLD or STD, ADD EBX, EBX; the instruction; ADC EDX, EDX. */
static unsigned put_piece(struct gen *g, uint8_t *code, unsigned at)
{
    static const uint8_t opcodes[] = { 0xa4, 0xa5, 0xaa, 0xab, 0xa6, 0xa7, 0xac, 0xad, 0xae, 0xaf };
    static const uint32_t values[] = { 0, 0x11111111, 0x75, 0x12341111 };
    uint32_t dst = some_place(g);
    uint8_t size = (uint8_t)gen_below(g, g->code == X86_CODE_64 ? 3 : 2);

    if (gen_below(g, 3) > 0)
        at = put_mov(code, at, X86_RAX, values[gen_below(g, ARRAY_LEN(values))]);
    at = put_mov(code, at, X86_RDI, dst);
    at = put_mov(code, at, X86_RSI, gen_below(g, 2) ? dst + 32 - gen_below(g, 64) : some_place(g));
    at = put_mov(code, at, X86_RCX, some_count(g));
    code[at++] = gen_below(g, 4) ? 0xfc : 0xfd;
    code[at++] = 0x01;
    code[at++] = 0xdb;
    if (size == 1)
        code[at++] = 0x66;
    if (gen_below(g, 6))
        code[at++] = gen_below(g, 4) ? 0xf3 : 0xf2;
    if (size == 2)
        code[at++] = 0x48;
    code[at++] = opcodes[gen_below(g, ARRAY_LEN(opcodes))];
    code[at++] = 0x11;
    code[at++] = 0xd2;
    return at;
}

static void make_code(struct gen *g, uint8_t code[CODE_LEN])
{
    unsigned at = 0;

    memset(code, 0x90, CODE_LEN);
    for (unsigned i = 0; i < PIECES; i++)
        at = put_piece(g, code, at);
    code[at] = 0xe9;
    le_put(code + at + 1, 4, -(uint32_t)(at + 5));
}

/* ---- two machines ------------------------------------------------------------------------------ */

static void set_up(struct soft_cpu *c)
{
    c->sys.counted_time = true;
}

enum odd { ODD_READ_ONLY, ODD_ABSENT, ODD_DEVICE, ODD_CODE, ODD_NONE };

/* One of the data pages is something else; the code's page may be written there. */
static void map_odd(struct rig *r, unsigned what, unsigned page)
{
    static const uint64_t odd[] = { [ODD_READ_ONLY] = RIG_DATA | PRESENT_U,
                                    [ODD_ABSENT] = 0,
                                    [ODD_DEVICE] = DEVICE_AT | ALL,
                                    [ODD_CODE] = RIG_CODE | ALL };

    for (unsigned i = 0; i < 4; i++)
        le_put(r->ram + PT_AT + 8 * (size_t)(WINDOW_DATA / PAGE + i), 8,
               (RIG_DATA + i * PAGE) | ALL);
    if (what < ARRAY_LEN(odd))
        le_put(r->ram + PT_AT + 8 * (size_t)(WINDOW_DATA / PAGE + page), 8, odd[what]);
}

/* Bytes that differ, and long runs of the same. */
static uint8_t pattern(unsigned i)
{
    return i / 600 % 3 == 0 ? 0x11 : (uint8_t)(i * 7 + i / 256);
}

static void begin(struct side *s, enum x86_code size, const uint8_t code[CODE_LEN], unsigned odd,
                  unsigned page)
{
    struct soft_cpu *c = s->rig.c;

    rig_mode(&s->rig, size);
    for (unsigned i = 0; i < WINDOW_DATA_LEN; i++)
        s->rig.data[i] = pattern(i);
    memset(s->rig.code, 0xcc, PAGE);
    memcpy(s->rig.code, code, CODE_LEN);
    map_odd(&s->rig, odd, page);
    for (unsigned i = 0; i < X86_NGPR; i++)
        c->s.gpr[i] = i * 0x0123456789abcdef;
    c->s.rip = WINDOW;
    c->insns = 0;
    c->raised = -1;
    memset(&c->vcpu->exit, 0, sizeof(c->vcpu->exit));
    soft_mode_changed(c);
    soft_flush(c, true);
    if (s->t != NULL)
        trans_reset(s->t);
}

static void check_same(const struct pair *p, unsigned round)
{
    const struct rig *x = &p->interp.rig, *y = &p->trans.rig;
    const struct x86_state *a = &x->c->s, *b = &y->c->s;

    if (a->rip != b->rip || x->c->insns != y->c->insns)
        printf("round %u: rip %lx %lx, insns %lu %lu\n", round, (unsigned long)a->rip,
               (unsigned long)b->rip, (unsigned long)x->c->insns, (unsigned long)y->c->insns);
    assert_int_equal(x->c->insns, y->c->insns);
    assert_int_equal(a->rip, b->rip);
    assert_int_equal(a->rflags, b->rflags);
    assert_int_equal(a->cr2, b->cr2);
    assert_int_equal(x->c->raised, y->c->raised);
    assert_int_equal(x->c->repeats, y->c->repeats);
    assert_int_equal(x->c->vcpu->exit.kind, y->c->vcpu->exit.kind);
    assert_int_equal(x->c->vcpu->exit.addr, y->c->vcpu->exit.addr);
    assert_memory_equal(a->gpr, b->gpr, sizeof(a->gpr));
    assert_memory_equal(x->ram, y->ram, RIG_RAM);
}

static void check_round(struct pair *p, unsigned round)
{
    unsigned odd, page;
    uint8_t code[CODE_LEN];
    uint64_t at = 0;

    p->gen.rng = round;
    make_code(&p->gen, code);
    odd = gen_below(&p->gen, 2) ? ODD_NONE : gen_below(&p->gen, ODD_CODE);
    page = gen_below(&p->gen, 4);
    begin(&p->interp, p->gen.code, code, odd, page);
    begin(&p->trans, p->gen.code, code, odd, page);
    for (unsigned i = 0; i < STOPS; i++) {
        bool a, b;

        at += 1 + gen_below(&p->gen, i % 2 ? 40 : 3000);
        a = side_advance(&p->interp, at);
        b = side_advance(&p->trans, at);
        assert_int_equal(a, b);
        check_same(p, round);
        if (!a)
            break;
    }
}

static void test_random(void **state)
{
    struct pair *p = pair_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true }, set_up);
    struct trans_stats stats;

    (void)state;
    for (unsigned i = 1; i <= 2 * ROUNDS; i++) {
        p->gen.code = i % 2 ? X86_CODE_64 : X86_CODE_32;
        check_round(p, i);
    }
    trans_stats_get(p->trans.t, &stats);
    printf("%u rounds, %lu instructions translated, %lu times left\n", 2 * ROUNDS,
           (unsigned long)stats.insns, (unsigned long)stats.leaves);
    pair_close(p);
}

/* ---- what is not left any more ------------------------------------------------------------------- */

/* 1: mov edi, place; mov ecx, 100; rep stosb; jmp 1b */
static void put_loop(uint8_t code[CODE_LEN], uint32_t place)
{
    unsigned at = put_mov(code, put_mov(code, 0, X86_RDI, place), X86_RCX, 100);

    memcpy(code + at, (const uint8_t[]){ 0xf3, 0xaa, 0xeb, 0xf2 }, 4);
}

/* 1: mov edi, place; mov ecx, 100; xor eax, eax; repne scasb; the same with repe cmpsb; lodsb; scasb; jmp 1b */
static void put_looks(uint8_t code[CODE_LEN], uint32_t place)
{
    static const uint8_t scan[] = { 0x31, 0xc0, 0xf2, 0xae }, rest[] = { 0xf3, 0xa6, 0xac, 0xae };
    unsigned at = put_mov(code, put_mov(code, 0, X86_RDI, place), X86_RCX, 100);

    memcpy(code + at, scan, sizeof(scan));
    at = put_mov(code, at + sizeof(scan), X86_RDI, place);
    at = put_mov(code, put_mov(code, at, X86_RSI, place), X86_RCX, 100);
    memcpy(code + at, rest, sizeof(rest));
    at += sizeof(rest);
    memcpy(code + at, (const uint8_t[]){ 0xeb, (uint8_t) - (at + 2) }, 2);
}

static void check_stays(enum x86_code size, void (*put)(uint8_t *code, uint32_t place))
{
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, set_up);
    struct side *s = &p->trans;
    struct trans_stats before, after;
    uint8_t code[CODE_LEN] = { 0 };

    put(code, WINDOW + WINDOW_DATA + PAGE - 50);
    begin(s, size, code, ODD_NONE, 0);
    s->rig.c->limit = UINT64_MAX;
    assert_true(trans_burst(s->t, 5000, false));
    trans_stats_get(s->t, &before);
    assert_true(trans_burst(s->t, 20000, false));
    trans_stats_get(s->t, &after);
    assert_true(after.insns - before.insns >= 20000);
    /* by the burst's end, where a repetition may be cut */
    assert_true(after.leaves - before.leaves < 5);
    assert_true(after.steps - before.steps < 5);
    pair_close(p);
}

/* 1: mov edi, place; mov esi, another page; movsq; jmp 1b */
static void put_single(uint8_t code[CODE_LEN])
{
    unsigned at = put_mov(code, 0, X86_RDI, WINDOW + WINDOW_DATA + 8);

    at = put_mov(code, at, X86_RSI, WINDOW + WINDOW_DATA + PAGE);
    memcpy(code + at, (const uint8_t[]){ 0x48, 0xa5, 0xeb, 0xf2 }, 4);
}

/* Pages that nothing else accesses are found without the interpreter too, once it knows them. */
static void test_pages_are_found(void **state)
{
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, set_up);
    struct side *s = &p->trans;
    struct trans_stats stats;
    uint8_t code[CODE_LEN] = { 0 };

    (void)state;
    put_single(code);
    begin(s, X86_CODE_64, code, ODD_NONE, 0);
    s->rig.c->limit = UINT64_MAX;
    assert_true(trans_burst(s->t, 20000, false));
    trans_stats_get(s->t, &stats);
    assert_true(stats.insns >= 19000);
    assert_true(stats.steps < 5);
    pair_close(p);
}

/* A page that is known is no reason to leave, nor is the border to one that is known too. */
static void test_stays(void **state)
{
    (void)state;
    check_stays(X86_CODE_64, put_loop);
    check_stays(X86_CODE_32, put_loop);
    check_stays(X86_CODE_64, put_looks);
    check_stays(X86_CODE_32, put_looks);
}

/* ---- code that is written ------------------------------------------------------------------------ */

/*
 * 1: cld or std; mov edi, what follows; mov esi, data; mov ecx, 4; rep movsb; mov eax, ...: from the data;
 * add ebx, eax; inc dword [data]; jmp 1b
 */
static void put_patcher(uint8_t code[CODE_LEN], bool down)
{
    static const uint8_t rest[] = { 0xf3, 0xa4, 0xb8, 0, 0, 0, 0, 0x01, 0xc3, 0xff, 0x04, 0x25 };
    unsigned at = 0, last = down ? 3 : 0;

    code[at++] = down ? 0xfd : 0xfc;
    at = put_mov(code, at, X86_RDI, WINDOW + WINDOW_DATA + PAGE + 19 + last);
    at = put_mov(code, at, X86_RSI, WINDOW + WINDOW_DATA + last);
    at = put_mov(code, at, X86_RCX, 4);
    memcpy(code + at, rest, sizeof(rest));
    at += sizeof(rest);
    le_put(code + at, 4, WINDOW + WINDOW_DATA);
    memcpy(code + at + 4, (const uint8_t[]){ 0xeb, (uint8_t) - (at + 6) }, 2);
}

/* As often as it is translated again, which is not for ever; at stops that leave room for translated code. */
static void check_written(struct pair *p, bool down)
{
    enum { APART = 131, STOPS_WRITTEN = 30 };
    uint8_t code[CODE_LEN] = { 0 };
    struct trans_stats before, after;

    put_patcher(code, down);
    trans_stats_get(p->trans.t, &before);
    begin(&p->interp, X86_CODE_64, code, ODD_CODE, 1);
    begin(&p->trans, X86_CODE_64, code, ODD_CODE, 1);
    for (unsigned i = 1; i <= STOPS_WRITTEN; i++) {
        assert_true(side_advance(&p->interp, i * APART));
        assert_true(side_advance(&p->trans, i * APART));
        check_same(p, i);
    }
    trans_stats_get(p->trans.t, &after);
    assert_true(after.invalidated > before.invalidated + 5 && after.insns > before.insns);
}

static void test_writes_code(void **state)
{
    struct pair *p = pair_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true }, set_up);

    (void)state;
    check_written(p, false);
    check_written(p, true);
    pair_close(p);
}

/* ---- watchpoints --------------------------------------------------------------------------------- */

/* Numbers of instructions at which a watchpoint was met. */
static unsigned watch(struct side *s, uint64_t insns, uint64_t hits[HITS])
{
    struct soft_cpu *c = s->rig.c;
    unsigned n = 0;

    c->limit = insns;
    while (c->insns < insns && n < HITS) {
        assert_true(soft_advance(c));
        if (c->hit.how == 0 && s->t != NULL && c->insns < insns)
            assert_true(trans_burst(s->t, insns - c->insns, true));
        if (c->hit.how != 0)
            hits[n++] = c->insns;
    }
    return n;
}

static void test_watched(void **state)
{
    struct watchpoint w = { .addr = WINDOW + WINDOW_DATA + PAGE + 7, .len = 2, .how = WATCH_WRITE };
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, set_up);
    uint64_t hits[2][HITS];
    uint8_t code[CODE_LEN] = { 0 };
    unsigned n[2];

    (void)state;
    put_loop(code, WINDOW + WINDOW_DATA + PAGE - 50);
    for (unsigned i = 0; i < 2; i++) {
        struct side *s = i == 0 ? &p->interp : &p->trans;

        begin(s, X86_CODE_64, code, ODD_NONE, 0);
        (void)watch(s, 1000, hits[i]);
        s->rig.c->debug = (struct cpu_debug){ .watch = &w, .nwatches = 1 };
        soft_flush(s->rig.c, true);
        n[i] = watch(s, 2000, hits[i]);
        s->rig.c->debug = (struct cpu_debug){ 0 };
    }
    assert_true(n[0] > 10);
    assert_int_equal(n[0], n[1]);
    assert_memory_equal(hits[0], hits[1], n[0] * sizeof(hits[0][0]));
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random),          cmocka_unit_test(test_stays),
        cmocka_unit_test(test_pages_are_found), cmocka_unit_test(test_writes_code),
        cmocka_unit_test(test_watched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
