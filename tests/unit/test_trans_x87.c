/* SPDX-License-Identifier: MIT */
/*
 * test_trans_x87.c - x87, MMX and control words in translated code: exceptions that become unmasked, pointers, CR0
 *
 * Short programs run on the interpreter and translated, and must agree after each instruction. What a guest can see
 * of FIP is the guest's; the host's own control words are as before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "engine/soft/fpu.h"
#include "engine/soft/run.h"
#include "trans_rig.h"

enum { PAGE = 4096, CODE_AT = 0x100, ROUNDS = 20, LONG = 1000, SHORT = 101 /* instructions */ };

static struct soft_fx *fx_of(struct soft_cpu *c)
{
    return (struct soft_fx *)(void *)c->s.xsave;
}

static void set_up(struct soft_cpu *c)
{
    soft_fx_init(c, FX_ALL);
    fx_of(c)->mxcsr = MXCSR_INIT;
    fx_of(c)->fip = 0x1234;
    fx_of(c)->fdp = 0x5678;
    fx_of(c)->fop = 0x9a;
}

static struct pair *open_pair(void)
{
    return pair_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true }, set_up);
}

/* RBX points to the data: words of both control registers, numbers, and room. */
static const struct {
    uint16_t masked, unmasked, odd, pad;
    uint32_t mxcsr_masked, mxcsr_unmasked, mxcsr_reserved, zero;
    double one, three;
    uint8_t room[128];
} data = {
    .masked = 0x37f,
    .unmasked = 0x37b, /* division by zero */
    .odd = 0xbf,       /* rounded to single precision, and a reserved bit */
    .mxcsr_masked = 0x3f80,
    .mxcsr_unmasked = 0x1d80,
    .mxcsr_reserved = 0x11f80,
    .one = 1,
    .three = 3,
};

enum {
    MASKED = 0,
    UNMASKED = 2,
    ODD = 4,
    MX_MASKED = 8,
    MX_UNMASKED = 12,
    MX_RESERVED = 16,
    ZERO = 20,
    ONE = 24,
    THREE = 32,
    ROOM = 40
};

/* Between a NOP, which its RIP is at, and a JMP back to that. */
struct program {
    const char *name;
    uint8_t bytes[64], len;
    uint64_t cr0; /* set besides */
    int raised;   /* what ends it; -1: nothing */
    bool stays;   /* in translated code */
};

#define P(...) { __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static const struct program programs[] = {
    { "arithmetic", P(0xdd, 0x43, ONE, 0xdc, 0x73, THREE, 0xdb, 0x7b, ROOM), 0, -1, true },
    { "precision",
      P(0xd9, 0x6b, ODD, 0xdd, 0x43, ONE, 0xdc, 0x73, THREE, 0xdb, 0x7b, ROOM, 0xd9, 0x7b,
        ROOM + 10),
      0, -1, true },
    /* RAX is another one each time, and all flags are written before anybody reads them */
    { "FLDCW with RAX", P(0x48, 0x83, 0xc0, 7, 0xd9, 0x6b, MASKED, 0x48, 0x01, 0xc1), 0, -1, true },
    { "LDMXCSR with RAX", P(0x48, 0x83, 0xc0, 7, 0x0f, 0xae, 0x53, MX_MASKED, 0x48, 0x01, 0xc1), 0,
      -1, true },
    { "too many", P(0xd9, 0xe8, 0xd9, 0xeb), 0, -1, true },
    { "none", P(0xde, 0xc1, 0xdf, 0xe0, 0xdd, 0x5b, ROOM), 0, -1, true },
    { "division by zero, masked", P(0xd9, 0xe8, 0xda, 0x73, ZERO, 0x9b, 0xdd, 0x7b, ROOM), 0, -1,
      true },
    { "division by zero", P(0xd9, 0x6b, UNMASKED, 0xd9, 0xe8, 0xda, 0x73, ZERO, 0x90, 0x9b), 0,
      VEC_MF, false },
    { "unmasked afterwards",
      P(0xd9, 0xe8, 0xda, 0x73, ZERO, 0xd9, 0x6b, UNMASKED, 0x90, 0xd9, 0xc9), 0, VEC_MF, false },
    { "unmasked, MMX", P(0xd9, 0xe8, 0xda, 0x73, ZERO, 0xd9, 0x6b, UNMASKED, 0x0f, 0x77), 0, VEC_MF,
      false },
    { "unmasked, cleared",
      P(0xd9, 0x6b, UNMASKED, 0xd9, 0xe8, 0xda, 0x73, ZERO, 0xdb, 0xe2, 0xd9, 0x6b, MASKED), 0, -1,
      false },
    { "environment", P(0xd9, 0xe8, 0x90, 0xd9, 0x73, ROOM, 0xd9, 0xe8, 0xdd, 0x73, ROOM), 0, -1,
      false },
    { "FXSAVE64", P(0xd9, 0xe8, 0xd8, 0xc0, 0x48, 0x0f, 0xae, 0x83, 0, 1, 0, 0), 0, -1, false },
    { "FNINIT", P(0xd9, 0xe8, 0xdb, 0xe3, 0xd9, 0xee), 0, -1, false },
    { "MMX",
      P(0x0f, 0x6f, 0x43, ONE, 0x0f, 0xfe, 0xc8, 0x0f, 0x7f, 0x4b, ROOM, 0xd9, 0xc0, 0x0f, 0x77), 0,
      -1, true },
    { "MXCSR",
      P(0x0f, 0xae, 0x53, MX_MASKED, 0xf2, 0x0f, 0x5e, 0x43, THREE, 0x0f, 0xae, 0x5b, ROOM), 0, -1,
      true },
    { "MXCSR unmasked",
      P(0x0f, 0x57, 0xc9, 0x0f, 0xae, 0x53, MX_UNMASKED, 0xf2, 0x0f, 0x10, 0x43, ONE, 0xf2, 0x0f,
        0x5e, 0xc1),
      0, VEC_XM, false },
    { "MXCSR reserved", P(0x0f, 0xae, 0x53, MX_RESERVED), 0, VEC_GP, false },
    { "TS", P(0x90, 0xd9, 0xe8), X86_CR0_TS, VEC_NM, false },
    { "TS, WAIT", P(0x90, 0x9b), X86_CR0_TS, -1, false },
    { "TS and MP, WAIT", P(0x90, 0x9b), X86_CR0_TS | X86_CR0_MP, VEC_NM, false },
    { "EM", P(0x90, 0xd9, 0x7b, ROOM), X86_CR0_EM, VEC_NM, false },
    { "EM, MMX", P(0x90, 0x0f, 0x77), X86_CR0_EM, VEC_UD, false },
    { "EM, WAIT", P(0x90, 0x9b), X86_CR0_EM, -1, false },
};

static void begin(struct side *s, const struct program *p)
{
    struct soft_cpu *c = s->rig.c;
    uint8_t *code = s->rig.code;
    unsigned at = CODE_AT + 1u + p->len;

    memset(code, 0x90, PAGE);
    memcpy(code + CODE_AT + 1, p->bytes, p->len);
    code[at] = 0xe9;
    le_put(code + at + 1, 4, (uint32_t)(CODE_AT - (at + 5)));
    memset(s->rig.data, 0, WINDOW_DATA_LEN);
    memcpy(s->rig.data, &data, sizeof(data));
    memset(c->s.gpr, 0, sizeof(c->s.gpr));
    set_up(c);
    soft_x87_init(fx_of(c));
    set_up(c);
    c->s.gpr[X86_RBX] = WINDOW + WINDOW_DATA;
    c->s.rip = WINDOW + CODE_AT;
    c->s.rflags = X86_RFLAGS_FIXED;
    c->s.cr0 = (c->s.cr0 & ~(uint64_t)(X86_CR0_EM | X86_CR0_TS | X86_CR0_MP)) | p->cr0;
    c->s.cr0 |= X86_CR0_NE;
    c->insns = 0;
    c->raised = -1;
    c->stop.kind = SOFT_GOES_ON;
    soft_mode_changed(c);
    soft_flush(c, true);
    if (s->t != NULL)
        trans_reset(s->t);
}

static void compare(const struct pair *p, const char *name, uint64_t insns)
{
    const struct rig *a = &p->interp.rig, *b = &p->trans.rig;

    for (unsigned i = 0; i < XSAVE_LEN; i++) {
        if (a->c->s.xsave[i] != b->c->s.xsave[i])
            fail_msg("%s, %lu: byte %u of the state is %x, the interpreter's %x", name,
                     (unsigned long)insns, i, b->c->s.xsave[i], a->c->s.xsave[i]);
    }
    if (memcmp(a->c->s.gpr, b->c->s.gpr, sizeof(a->c->s.gpr)) != 0 || a->c->s.rip != b->c->s.rip ||
        a->c->s.rflags != b->c->s.rflags || a->c->insns != b->c->insns)
        fail_msg("%s, %lu: registers", name, (unsigned long)insns);
    if (memcmp(a->ram, b->ram, RIG_RAM) != 0)
        fail_msg("%s, %lu: memory", name, (unsigned long)insns);
}

/* Both from the beginning, in steps of so many instructions; compared after each. False: it has ended in a fault. */
static bool run_both(struct pair *p, const struct program *program, uint64_t step, unsigned steps)
{
    bool on = true;

    begin(&p->interp, program);
    begin(&p->trans, program);
    for (unsigned i = 1; i <= steps && on; i++) {
        on = side_advance(&p->interp, i * step);
        assert_int_equal(side_advance(&p->trans, i * step), on);
        compare(p, program->name, i * step);
    }
    return on;
}

/* Steps shorter than a block are the interpreter's; the long ones end in the middle of translated code, too. */
static void check_program(struct pair *p, const struct program *program)
{
    struct trans_stats before, after;
    bool on;

    trans_stats_get(p->trans.t, &before);
    on = run_both(p, program, LONG, ROUNDS);
    trans_stats_get(p->trans.t, &after);
    if (program->stays)
        assert_true(after.steps - before.steps <= 8 * ROUNDS &&
                    after.insns - before.insns > LONG / 2 * ROUNDS);
    if (on != (program->raised < 0) || (!on && p->trans.rig.c->raised != program->raised))
        fail_msg("%s: ends in %d", program->name, p->trans.rig.c->raised);
    assert_int_equal(run_both(p, program, SHORT, ROUNDS), on);
}

static void test_programs(void **state)
{
    struct pair *p = open_pair();

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(programs); i++)
        check_program(p, &programs[i]);
    pair_close(p);
}

/* ---- what stays behind -------------------------------------------------------------------------- */

static void test_host_control_words(void **state)
{
    static const struct program odd = {
        .name = "odd words", P(0xd9, 0x6b, ODD, 0x0f, 0xae, 0x53, MX_MASKED, 0xd9, 0xe8)
    };
    uint32_t mxcsr = 0, mxcsr_after = 0;
    uint16_t fcw = 0, fcw_after = 0, rounded = 0x27f;
    struct {
        uint32_t word[7];
    } env;
    struct pair *p = open_pair();

    (void)state;
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(mxcsr), "=m"(fcw));
    __asm__ volatile("fldcw %0" : : "m"(rounded));
    begin(&p->trans, &odd);
    p->trans.rig.c->limit = UINT64_MAX;
    assert_true(trans_burst(p->trans.t, LONG, false)); /* the last of it is translated code */
    assert_int_equal(fx_of(p->trans.rig.c)->fcw, 0x7f);
    assert_int_equal(fx_of(p->trans.rig.c)->mxcsr & ~MXCSR_FLAGS, 0x3f80);
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1\n\tfnstenv %2\n\tfldcw %3"
                     : "=m"(mxcsr_after), "=m"(fcw_after), "=m"(env)
                     : "m"(fcw));
    assert_int_equal(mxcsr_after & ~MXCSR_FLAGS, mxcsr & ~MXCSR_FLAGS);
    assert_int_equal(fcw_after, rounded);
    assert_int_equal(env.word[2] & 0xffff, 0xffff); /* its stack is empty */
    pair_close(p);
}

/* FIP is the guest's, in whatever block the instruction was. */
static void test_pointers(void **state)
{
    /* fld1; fstp st(0); jmp +0; fnstcw [rbx + ROOM]; nop */
    static const struct program plain = { .name = "pointers",
                                          P(0xd9, 0xe8, 0xdd, 0xd8, 0xeb, 0, 0xd9, 0x7b, ROOM) };
    struct pair *p = open_pair();
    struct soft_fx *fx = fx_of(p->trans.rig.c);

    (void)state;
    begin(&p->trans, &plain);
    assert_int_equal(fx->fip, 0x1234);
    assert_true(side_advance(&p->trans, 6 * 200 + 5));
    assert_int_equal(fx->fip, WINDOW + CODE_AT + 3);
    assert_int_equal(fx->fdp, 0x5678);
    assert_int_equal(fx->fop, 0x9a);
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_programs),
        cmocka_unit_test(test_host_control_words),
        cmocka_unit_test(test_pointers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
