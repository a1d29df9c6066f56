/* SPDX-License-Identifier: MIT */
/*
 * test_trans_flow.c - functions, translated against interpreted: runs of PUSH and POP, calls, returns, flags across them
 *
 * A program calls functions in its own page and in another, with a stack that goes over the border of a page. What
 * lies between the pushes and pops reads and writes flags, also those of the caller. Both sides stop at the same
 * random numbers of instructions and must agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/soft/fpu.h"
#include "engine/soft/mmu.h"
#include "engine/soft/trans/block.h"
#include "trans_rig.h"

enum { PAGE = 4096, ROUNDS = 300, STOPS = 12, FUNCTIONS = 4, FUNCTION_BYTES = 0x180 };
enum { FAR_AT = 0x5000, STACK_BORDER = WINDOW_DATA + 2 * PAGE, ARITHMETIC = 0x8d5 };

struct piece {
    const char *bytes;
    uint8_t len;
};

#define PIECE(s)         \
    {                    \
        s, sizeof(s) - 1 \
    }

/* None changes RSP or RBP; some end a group. */
static const struct piece pieces[] = {
    PIECE("\x41\x89\xfc"),             /* mov r12d, edi */
    PIECE("\x49\x89\xf5\x4d\x89\xee"), /* mov r13, rsi; mov r14, r13 */
    PIECE("\x31\xc0"),                 /* xor eax, eax */
    PIECE("\x8d\x7b\xff"),             /* lea edi, [rbx-1] */
    PIECE("\x4e\x8d\x24\xe8"),         /* lea r12, [rax+r13*8] */
    PIECE("\x01\xd8"),                 /* add eax, ebx */
    PIECE("\x48\x11\xc3"),             /* adc rbx, rax */
    PIECE("\x4d\x19\xfc"),             /* sbb r12, r15 */
    PIECE("\x48\x39\xd8"),             /* cmp rax, rbx */
    PIECE("\x0f\x92\xc1"),             /* setb cl */
    PIECE("\x41\x0f\x90\xc7"),         /* seto r15b */
    PIECE("\x4c\x0f\x44\xf3"),         /* cmovz r14, rbx */
    PIECE("\x49\xff\xc5"),             /* inc r13 */
    PIECE("\x48\x8b\x16"),             /* mov rdx, [rsi] */
    PIECE("\x48\x89\x5e\x08"),         /* mov [rsi+8], rbx */
    PIECE("\x48\x8d\x44\x24\x08"),     /* lea rax, [rsp+8] */
    PIECE("\x4c\x0f\xbe\xf3"),         /* movsx r14, bl */
    PIECE("\x41\x83\xe4\x11"),         /* and r12d, 0x11 */
    PIECE("\x49\xc1\xed\x03"),         /* shr r13, 3 */
    PIECE("\x9f"),                     /* lahf */
    PIECE("\x90"),                     /* nop */
};

/* ---- code -------------------------------------------------------------------------------------- */

struct code {
    struct gen *gen;
    uint8_t *page;
    uint64_t linear; /* of the page */
    unsigned at;
};

static void put(struct code *c, const void *bytes, unsigned len)
{
    memcpy(c->page + c->at, bytes, len);
    c->at += len;
}

static void put_some(struct code *c, unsigned most)
{
    for (unsigned n = gen_below(c->gen, most + 1); n > 0; n--) {
        const struct piece *piece = &pieces[gen_below(c->gen, ARRAY_LEN(pieces))];

        put(c, piece->bytes, piece->len);
    }
}

/* PUSH (0x50) or POP (0x58) of a register that is neither RSP, RBP nor RSI. */
static void put_stack(struct code *c, unsigned opcode)
{
    static const uint8_t regs[] = { 0, 1, 2, 3, 7, 8, 11, 12, 13, 14, 15 };
    unsigned reg = regs[gen_below(c->gen, ARRAY_LEN(regs))];
    const uint8_t bytes[2] = { 0x41, (uint8_t)(opcode | (reg & 7)) };

    put(c, bytes + (reg < 8), reg < 8 ? 1 : 2);
}

static void put_words(struct code *c, unsigned opcode, unsigned n)
{
    static const char push_imm[] = { 0x6a, (char)0x91 };

    for (; n > 0; n--) {
        if (opcode == 0x50 && gen_below(c->gen, 6) == 0)
            put(c, push_imm, sizeof(push_imm));
        else
            put_stack(c, opcode);
        put_some(c, 2);
    }
}

struct function {
    uint64_t linear;
    bool clean; /* it takes two words of its caller off the stack */
};

static struct function put_function(struct code *c)
{
    static const char enter[] = "\x55\x48\x89\xe5", leave[] = "\xc9", ret[] = "\xc3",
                      ret_16[] = "\xc2\x10\x00";
    struct function f = { c->linear + c->at, gen_below(c->gen, 4) == 0 };
    bool framed = gen_below(c->gen, 2);
    unsigned words = gen_below(c->gen, 5);

    if (framed)
        put(c, enter, 4);
    put_words(c, 0x50, words);
    put_some(c, 4);
    if (!framed || gen_below(c->gen, 2))
        put_words(c, 0x58, words);
    if (framed)
        put(c, leave, 1);
    put(c, f.clean ? ret_16 : ret, f.clean ? 3 : 1);
    return f;
}

/* CALL rel32, or through RAX. */
static void put_call(struct code *c, struct function f)
{
    static const char words[] = "\x53\x41\x54"; /* push rbx; push r12 */
    uint8_t direct[5] = { 0xe8 }, by_rax[7] = { 0xb8, 0, 0, 0, 0, 0xff, 0xd0 };

    if (f.clean)
        put(c, words, 3);
    if (gen_below(c->gen, 3) == 0) {
        le_put(by_rax + 1, 4, f.linear);
        put(c, by_rax, sizeof(by_rax));
        return;
    }
    le_put(direct + 1, 4, f.linear - (c->linear + c->at + sizeof(direct)));
    put(c, direct, sizeof(direct));
}

static void put_jump(struct code *c, uint64_t target)
{
    uint8_t jump[5] = { 0xe9 };

    le_put(jump + 1, 4, target - (c->linear + c->at + sizeof(jump)));
    put(c, jump, sizeof(jump));
}

/* A loop that calls functions of both pages, and goes through the far one. */
static void make_code(struct gen *gen, uint8_t near_page[PAGE], uint8_t far_page[PAGE])
{
    struct code near = { gen, near_page, WINDOW, 0 }, far = { gen, far_page, WINDOW + FAR_AT, 0 };
    struct function f[FUNCTIONS];

    memset(near_page, 0x90, PAGE);
    memset(far_page, 0x90, PAGE);
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        struct code *c = i % 2 ? &far : &near;

        c->at = PAGE / 2 + i / 2 * FUNCTION_BYTES;
        f[i] = put_function(c);
    }
    near.at = far.at = 0;
    for (unsigned i = 0; i < FUNCTIONS; i++) {
        put_some(&near, 3);
        put_call(&near, f[gen_below(gen, FUNCTIONS)]);
        put_some(&near, 3);
    }
    put_jump(&near, far.linear);
    put_some(&far, 3);
    put_call(&far, f[gen_below(gen, FUNCTIONS)]);
    put_some(&far, 3);
    put_jump(&far, near.linear);
}

/* ---- two machines ------------------------------------------------------------------------------ */

static void set_up(struct soft_cpu *c)
{
    ((struct soft_fx *)(void *)c->s.xsave)->mxcsr = MXCSR_INIT;
}

static void begin(struct side *s, const uint8_t near_page[PAGE], const uint8_t far_page[PAGE],
                  uint64_t rsp)
{
    struct soft_cpu *c = s->rig.c;

    rig_mode(&s->rig, X86_CODE_64);
    memset(s->rig.data, 0, WINDOW_DATA_LEN);
    memcpy(s->rig.code, near_page, PAGE);
    memcpy(s->rig.data + FAR_AT - WINDOW_DATA, far_page, PAGE);
    for (unsigned i = 0; i < X86_NGPR; i++)
        c->s.gpr[i] = i * 0x123456789;
    c->s.gpr[X86_RSI] = WINDOW + WINDOW_DATA + 0x100;
    c->s.gpr[X86_RSP] = rsp;
    c->s.rip = WINDOW;
    c->s.rflags = X86_RFLAGS_FIXED;
    c->insns = 0;
    soft_mode_changed(c);
    soft_flush(c, true);
    if (s->t != NULL)
        trans_reset(s->t);
}

static void check_same(const struct pair *p, bool exact)
{
    const struct rig *x = &p->interp.rig, *y = &p->trans.rig;
    uint64_t mask = exact ? UINT64_MAX : ~(uint64_t)ARITHMETIC;

    assert_int_equal(x->c->insns, y->c->insns);
    assert_int_equal(x->c->s.rip, y->c->s.rip);
    assert_int_equal(x->c->s.rflags & mask, y->c->s.rflags & mask);
    assert_memory_equal(x->c->s.gpr, y->c->s.gpr, sizeof(x->c->s.gpr));
    assert_memory_equal(x->ram, y->ram, RIG_RAM);
}

static void check_round(struct pair *p, unsigned round, bool exact)
{
    uint8_t near_page[PAGE], far_page[PAGE];
    uint64_t at = 0, rsp;

    p->gen.rng = round;
    make_code(&p->gen, near_page, far_page);
    rsp = WINDOW + STACK_BORDER + 8 * gen_below(&p->gen, 12) + (gen_below(&p->gen, 8) == 0);
    begin(&p->interp, near_page, far_page, rsp);
    begin(&p->trans, near_page, far_page, rsp);
    for (unsigned i = 0; i < STOPS; i++) {
        at += 1 + gen_below(&p->gen, 400);
        assert_true(side_advance(&p->interp, at));
        assert_true(side_advance(&p->trans, at));
        check_same(p, exact);
        if (gen_below(&p->gen, 3) == 0)
            soft_flush(p->trans.rig.c, true);
    }
}

static void check_functions(bool exact)
{
    struct pair *p = pair_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = exact },
        set_up);
    struct trans_stats stats;

    for (unsigned i = 1; i <= ROUNDS; i++)
        check_round(p, i, exact);
    trans_stats_get(p->trans.t, &stats);
    printf("%u rounds, %lu instructions translated, %lu stepped\n", ROUNDS,
           (unsigned long)stats.insns, (unsigned long)stats.steps);
    assert_true(stats.insns > 20 * stats.steps);
    pair_close(p);
}

static void test_flags_as_read(void **state)
{
    (void)state;
    check_functions(false);
}

static void test_flags_exact(void **state)
{
    (void)state;
    check_functions(true);
}

/* ---- who reads flags ----------------------------------------------------------------------------- */

/*
 * CF of an ADD goes over an access to memory to ADC, whatever lies between. Where nobody seemed to read it, the access
 * would change it.
 */
static const struct piece readers[] = {
    /* 1: xor ecx, ecx; add eax, imm; mov edx, [rsi]; shl ebx, cl: by nothing; adc edi, 0; jmp 1b */
    PIECE("\x31\xc9\x05\x01\x00\x00\x90\x8b\x16\xd3\xe3\x83\xd7\x00\xeb\xf0"),
    /* 1: or ecx, -1; add eax, imm; mov edx, [rsi]; inc ecx; jz 2f; xor ebx, ebx; 2: adc edi, 0; jmp 1b */
    PIECE("\x83\xc9\xff\x05\x01\x00\x00\x90\x8b\x16\xff\xc1\x74\x02\x31\xdb\x83\xd7\x00\xeb\xeb"),
    /* the same with a jump to the next instruction in front of JZ */
    PIECE(
        "\x83\xc9\xff\x05\x01\x00\x00\x90\x8b\x16\xff\xc1\xeb\x00\x74\x02\x31\xdb\x83\xd7\x00\xeb\xe9"),
};

static void test_readers_of_flags(void **state)
{
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, set_up);

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(readers); i++) {
        uint8_t near_page[PAGE] = { 0 }, far_page[PAGE] = { 0 };

        memcpy(near_page, readers[i].bytes, readers[i].len);
        begin(&p->interp, near_page, far_page, WINDOW + STACK_BORDER);
        begin(&p->trans, near_page, far_page, WINDOW + STACK_BORDER);
        assert_true(side_advance(&p->interp, 1000));
        assert_true(side_advance(&p->trans, 1000));
        check_same(p, false);
    }
    pair_close(p);
}

/* ---- indirect branches ------------------------------------------------------------------------- */

enum { A_AT = WINDOW_DATA + 0x800, B_AT = A_AT ^ 0x10101, B_PAGE = B_AT - B_AT % PAGE };
enum { PT_AT = 3 * PAGE, ALL = 0x67 };

/* Two targets that are looked for at one place take turns there, and translated code is not left for that. */
static void test_targets_at_one_place(void **state)
{
    struct pair *p =
        pair_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true }, set_up);
    struct side *s = &p->trans;
    uint8_t near_page[PAGE] = { 0 }, far_page[PAGE] = { 0 };
    struct code c = { &p->gen, near_page, WINDOW, 0 };
    struct trans_stats before, after;

    (void)state;
    assert_int_equal(trans_indirect_at(WINDOW + A_AT), trans_indirect_at(WINDOW + B_AT));
    for (unsigned i = 0; i < 2; i++) { /* mov eax, A or B; call rax */
        put(&c, "\xb8", 1);
        le_put(near_page + c.at, 4, WINDOW + (i == 0 ? A_AT : B_AT));
        c.at += 4;
        put(&c, "\xff\xd0", 2);
    }
    put_jump(&c, WINDOW);
    begin(s, near_page, far_page, WINDOW + STACK_BORDER + 0x100);
    le_put(s->rig.ram + PT_AT + 8 * (size_t)(B_PAGE / PAGE), 8, (RIG_DATA + PAGE) | ALL);
    s->rig.data[A_AT - WINDOW_DATA] = s->rig.data[PAGE + B_AT % PAGE] = 0xc3; /* ret */
    s->rig.c->limit = UINT64_MAX;
    assert_true(trans_burst(s->t, 2000, false));
    trans_stats_get(s->t, &before);
    assert_true(trans_burst(s->t, 20000, false));
    trans_stats_get(s->t, &after);
    assert_true(after.insns - before.insns >= 20000);
    assert_true(after.leaves - before.leaves < 5);
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_as_read),
        cmocka_unit_test(test_flags_exact),
        cmocka_unit_test(test_readers_of_flags),
        cmocka_unit_test(test_targets_at_one_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
