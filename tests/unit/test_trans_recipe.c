/* SPDX-License-Identifier: MIT */
/*
 * test_trans_recipe.c - flags that are computed anew, against the interpreter
 *
 * Instructions alone; and loops with exact flags that end in a page fault, compared there and at stops before.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "engine/soft/mmu.h"
#include "engine/soft/run.h"
#include "engine/soft/simd.h"
#include "engine/soft/trans/recipe.h"
#include "trans_rig.h"

enum { PAGE = 4096, LOOPS = 6000, ROUNDS = 40, VALUES = 300 };
enum { ARITHMETIC = 0x8d5 };

/* ---- one instruction --------------------------------------------------------------------------- */

/* Registers that take part: of all of them and of those without a home, but RSP, and RSI, which is the pointer. */
static const uint8_t used[] = { X86_RAX, X86_RCX, X86_RDX, X86_RBP, X86_RDI,
                                X86_R8,  X86_R11, X86_R12, X86_R15 };

static unsigned pick(struct gen *gen)
{
    return used[gen_below(gen, sizeof(used))];
}

/* Two registers and an opcode of the first group, or TEST, in one of four sizes. */
static unsigned put_alu(struct gen *gen, uint8_t *at, unsigned *size)
{
    static const uint8_t opcode[] = { 0x00, 0x08, 0x20, 0x28, 0x30, 0x38, 0x84 };
    unsigned a = pick(gen), b = gen_below(gen, 4) == 0 ? a : pick(gen), n = 0;

    *size = 1u << gen_below(gen, 4);
    if (*size == 2)
        at[n++] = 0x66;
    at[n++] = (uint8_t)(0x40 | (*size == 8) << 3 | b >> 3 << 2 | a >> 3);
    at[n++] = (uint8_t)(opcode[gen_below(gen, sizeof(opcode))] | (*size > 1));
    at[n++] = (uint8_t)(0xc0 | (b & 7) << 3 | (a & 7));
    return n;
}

/* The same with an immediate of a byte, which is extended. */
static unsigned put_alu_imm(struct gen *gen, uint8_t *at)
{
    static const uint8_t nth[] = { 0, 1, 4, 5, 6, 7 };
    unsigned a = pick(gen), n = 0;

    at[n++] = (uint8_t)(0x40 | gen_below(gen, 2) << 3 | a >> 3);
    at[n++] = 0x83;
    at[n++] = (uint8_t)(0xc0 | nth[gen_below(gen, sizeof(nth))] << 3 | (a & 7));
    at[n++] = (uint8_t)gen_random(gen);
    return n;
}

static unsigned put_killer(struct gen *gen, uint8_t *at)
{
    unsigned size;

    return gen_below(gen, 2) ? put_alu(gen, at, &size) : put_alu_imm(gen, at);
}

static uint64_t some_value(struct gen *gen)
{
    return gen_below(gen, 4) == 0 ? gen_below(gen, 3) - UINT64_C(1)
                                  : gen_random(gen) >> gen_below(gen, 64);
}

static void test_values(void **state)
{
    struct gen gen = { .rng = 1, .code = X86_CODE_64 };
    struct rig rig;
    struct soft_cpu *c = trans_rig_open(&rig);
    unsigned known = 0;

    (void)state;
    for (unsigned i = 0; i < 40 * VALUES; i++) {
        uint8_t bytes[16];
        unsigned len = put_killer(&gen, bytes);
        struct x86_insn in;
        uint32_t recipe;

        assert_int_equal(x86_decode(bytes, len, X86_CODE_64, &in), X86_DECODE_OK);
        recipe = recipe_of(&in);
        for (unsigned k = 0; k < X86_NGPR; k++)
            c->s.gpr[k] = some_value(&gen);
        c->s.rflags = X86_RFLAGS_FIXED | (gen_random(&gen) & ARITHMETIC);
        assert_true(rig_run(&rig, bytes, len));
        if (recipe == RECIPE_NONE)
            continue;
        known++;
        assert_true(recipe & RECIPE_MARK);
        if (recipe_flags(recipe, c->s.gpr, NULL) != (c->s.rflags & ARITHMETIC))
            fail_msg("%02x %02x %02x: flags 0x%lx, the interpreter's 0x%lx", bytes[0], bytes[1],
                     bytes[2], (unsigned long)recipe_flags(recipe, c->s.gpr, NULL),
                     (unsigned long)(c->s.rflags & ARITHMETIC));
    }
    assert_true(known > 30 * VALUES);
    trans_rig_close(&rig);
}

/* Flags that need more than registers, and a carry that is in none. */
static void test_none(void **state)
{
    static const struct {
        const char *name;
        uint8_t bytes[8];
    } rows[] = {
        { "add rax, rax", { 0x48, 0x01, 0xc0 } },
        { "cmp [rsi], eax", { 0x39, 0x06 } },
        { "cmp eax, [rsi]", { 0x3b, 0x06 } },
        { "cmp ah, al", { 0x38, 0xc4 } },
        { "cmp al, ah", { 0x38, 0xe0 } },
        { "cmp eax, 0x12345", { 0x3d, 0x45, 0x23, 0x01, 0x00 } },
        { "neg eax", { 0xf7, 0xd8 } },
        { "adc eax, ecx", { 0x11, 0xc8 } },
        { "xadd eax, ecx", { 0x0f, 0xc1, 0xc8 } },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct x86_insn in;

        assert_int_equal(x86_decode(rows[i].bytes, 8, X86_CODE_64, &in), X86_DECODE_OK);
        if (recipe_of(&in) != RECIPE_NONE)
            fail_msg("%s", rows[i].name);
    }
}

/* ---- loops ------------------------------------------------------------------------------------- */

/* Flags stay: MOV, LEA, MOVZX, and accesses of memory by RSI. */
static unsigned put_quiet(struct gen *gen, uint8_t *at)
{
    unsigned a = pick(gen), b = pick(gen), n = 0;

    at[n++] = (uint8_t)(0x48 | a >> 3 << 2);
    switch (gen_below(gen, 6)) {
    case 0:
        at[0] |= (uint8_t)(b >> 3);
        at[n++] = 0x8b; /* mov a, b */
        at[n++] = (uint8_t)(0xc0 | (a & 7) << 3 | (b & 7));
        break;
    case 1:
        at[0] |= (uint8_t)(b >> 3);
        at[n++] = 0x8d; /* lea a, [b + disp8]: not R12, which would need another byte */
        at[n++] = (uint8_t)(0x40 | (a & 7) << 3 | (b == X86_R12 ? X86_RAX : b & 7));
        at[n++] = 5;
        break;
    case 2:
        at[n++] = 0x0f; /* movzx a, word [rsi + disp8] */
        at[n++] = 0xb7;
        at[n++] = (uint8_t)(0x46 | (a & 7) << 3);
        at[n++] = (uint8_t)gen_below(gen, 64);
        break;
    default:
        at[n++] = gen_below(gen, 2) ? 0x8b : 0x89; /* mov a, [rsi + disp8], or back */
        at[n++] = (uint8_t)(0x46 | (a & 7) << 3);
        at[n++] = (uint8_t)gen_below(gen, 64);
        break;
    }
    return n;
}

/* The same in more than one instruction, with RAX, RDI or RSP as the pointer; a jump and a call go to what follows. */
static unsigned put_quiet_ones(struct gen *gen, uint8_t *at)
{
    static const struct {
        uint8_t len, bytes[12];
    } forms[] = {
        { 10,
          { 0x48, 0x8d, 0x46, 0x10, 0x8b, 0x48, 0x08, 0x48, 0x8b, 0x10 } }, /* by RAX: two loads */
        { 11, { 0x48, 0x8d, 0x46, 0x10, 0x89, 0x48, 0x04, 0x48, 0xff, 0x40, 0x08 } }, /* and INC */
        { 11, { 0x48, 0x8d, 0x46, 0x08, 0x89, 0x10, 0x48, 0x0f, 0xaf, 0x48, 0x20 } }, /* and IMUL */
        { 5, { 0x48, 0x8d, 0x7e, 0x18, 0xab } },       /* by RDI: stosd */
        { 6, { 0x48, 0x8d, 0x66, 0x30, 0x51, 0x5a } }, /* by RSP: push rcx, pop rdx */
        { 9, { 0x48, 0x8d, 0x66, 0x28, 0xe8, 0x00, 0x00, 0x00, 0x00 } },              /* and call */
        { 11, { 0x48, 0x8d, 0x66, 0x28, 0xe8, 0x02, 0x00, 0x00, 0x00, 0xeb, 0x01 } }, /* and ret */
        { 2, { 0xeb, 0x00 } },                                                        /* jmp */
    };
    unsigned i = gen_below(gen, ARRAY_LEN(forms));

    memcpy(at, forms[i].bytes, forms[i].len);
    if (i != 6)
        return forms[i].len;
    at[11] = 0xc3;
    return 12;
}

/* Writes some flags, or reads some. */
static unsigned put_partial(struct gen *gen, uint8_t *at)
{
    static const uint8_t forms[][4] = {
        { 0x48, 0xff, 0xc0 },       /* inc rax */
        { 0xc1, 0xe1, 0x03 },       /* shl ecx, 3 */
        { 0x41, 0xd1, 0xc0 },       /* rol r8d, 1 */
        { 0x0f, 0xaf, 0xd1 },       /* imul edx, ecx */
        { 0x83, 0xd7, 0x07 },       /* adc edi, 7 */
        { 0x0f, 0x92, 0xc0 },       /* setb al */
        { 0x48, 0x0f, 0x44, 0xc1 }, /* cmovz rax, rcx */
        { 0x0f, 0xba, 0xe2, 0x05 }, /* bt edx, 5 */
        { 0xff, 0x46, 0x20 },       /* inc dword [rsi + 0x20] */
        { 0x03, 0x4e, 0x10 },       /* add ecx, [rsi + 0x10]: all, but not by registers */
        { 0xf7, 0x66, 0x08 },       /* mul dword [rsi + 8] */
        { 0x13, 0x56, 0x18 },       /* adc edx, [rsi + 0x18] */
        { 0xd1, 0x4e, 0x28 },       /* ror dword [rsi + 0x28], 1 */
        { 0xd1, 0xf8, 0x90 },       /* sar eax, 1 */
        { 0xd3, 0xe2, 0x90 },       /* shl edx, cl, which may be by nothing */
    };
    const uint8_t *form = forms[gen_below(gen, ARRAY_LEN(forms))];
    unsigned n = form[0] == 0x48 || form[0] == 0x0f ? 4 : 3;

    n -= form[0] == 0x48 && form[1] == 0xff;
    n -= form[0] == 0x0f && form[1] != 0xba;
    memcpy(at, form, n);
    return n;
}

/* Flags of a pointer that REP moves before it is left, by a page that is not there; then they are all written. */
static unsigned put_string(struct gen *gen, uint8_t *at)
{
    static const uint8_t stos[] = {
        0x48, 0x8d, 0x7e, 0x20,       /* lea rdi, [rsi + 0x20] */
        0xb9, 0x00, 0x01, 0x00, 0x00, /* mov ecx, 256 */
        0x48, 0x39, 0xd7,             /* cmp rdi, rdx */
        0xf3, 0xaa,                   /* rep stosb */
        0x31, 0xd2,                   /* xor edx, edx */
    };
    unsigned n = sizeof(stos);

    memcpy(at, stos, n);
    if (gen_below(gen, 2))
        at[n - 3] = 0xae; /* repe scasb */
    return n;
}

static unsigned put_some(struct gen *gen, uint8_t *at)
{
    unsigned n = gen_below(gen, 8) ? 0 : put_string(gen, at);

    for (unsigned i = gen_below(gen, 4); i > 0; i--)
        n += gen_below(gen, 6) ? put_quiet(gen, at + n) : put_quiet_ones(gen, at + n);
    if (gen_below(gen, 3) == 0)
        n += put_partial(gen, at + n);
    if (gen_below(gen, 3) != 0)
        n += put_killer(gen, at + n);
    return n;
}

/* Branches back to the beginning or to a place in its middle; the pointer goes on until there is no more page. */
static unsigned put_loop(struct gen *gen, uint8_t *code)
{
    static const uint8_t on[] = { 0x48, 0x8d, 0x76, 0x40 }; /* lea rsi, [rsi + 64] */
    unsigned n = 0, middle = 0;

    for (unsigned i = 2 + gen_below(gen, 3); i > 0; i--) {
        n += put_some(gen, code + n);
        if (gen_below(gen, 2))
            middle = n;
        if (gen_below(gen, 3) == 0) { /* jcc over a quiet one */
            unsigned len = put_quiet(gen, code + n + 2);

            code[n] = (uint8_t)(0x70 | gen_below(gen, 16));
            code[n + 1] = (uint8_t)len;
            n += 2 + len;
        }
    }
    memcpy(code + n, on, sizeof(on));
    n += sizeof(on);
    n += gen_below(gen, 3) ? put_killer(gen, code + n) : 0;
    code[n] = 0x0f;
    code[n + 1] = (uint8_t)(0x80 | gen_below(gen, 16));
    le_put(code + n + 2, 4, middle - (n + 6));
    n += 6;
    code[n] = 0xe9; /* and jmp */
    le_put(code + n + 1, 4, -(n + 5));
    return n + 5;
}

static void set_up(struct soft_cpu *c)
{
    ((struct soft_fx *)(void *)c->s.xsave)->mxcsr = MXCSR_INIT;
}

static void begin(struct side *s, const uint8_t *code, unsigned len, const uint64_t *gpr)
{
    struct soft_cpu *c = s->rig.c;

    memset(s->rig.data, 0x5a, WINDOW_DATA_LEN);
    memset(s->rig.code, 0x90, PAGE);
    memcpy(s->rig.code, code, len);
    memcpy(c->s.gpr, gpr, sizeof(c->s.gpr));
    c->s.rip = WINDOW;
    c->s.rflags = X86_RFLAGS_FIXED;
    c->insns = 0;
    c->stop.kind = SOFT_GOES_ON;
    soft_mode_changed(c);
    soft_flush(c, true);
    if (s->t != NULL)
        trans_reset(s->t);
}

static bool same(const struct pair *p)
{
    const struct rig *a = &p->interp.rig, *b = &p->trans.rig;

    return a->c->insns == b->c->insns && a->c->s.rip == b->c->s.rip &&
           a->c->s.rflags == b->c->s.rflags && a->c->raised == b->c->raised &&
           memcmp(a->c->s.gpr, b->c->s.gpr, sizeof(a->c->s.gpr)) == 0 &&
           memcmp(a->ram, b->ram, RIG_RAM) == 0;
}

static void show(const struct pair *p, const uint8_t *code, unsigned len)
{
    const struct soft_cpu *a = p->interp.rig.c, *b = p->trans.rig.c;

    printf("rip %lx %lx, flags %lx %lx, insns %lu %lu:", (unsigned long)a->s.rip,
           (unsigned long)b->s.rip, (unsigned long)a->s.rflags, (unsigned long)b->s.rflags,
           (unsigned long)a->insns, (unsigned long)b->insns);
    for (unsigned i = 0; i < len; i++)
        printf(" %02x", code[i]);
    printf("\n");
}

/* Returns whether it ended in a fault. */
static bool check_loop(struct pair *p)
{
    uint64_t gpr[X86_NGPR], at = 0;
    bool a = true, b = true;
    uint8_t code[512];
    unsigned len = put_loop(&p->gen, code);

    for (unsigned i = 0; i < X86_NGPR; i++)
        gpr[i] = some_value(&p->gen);
    gpr[X86_RSI] = WINDOW + WINDOW_DATA;
    begin(&p->interp, code, len, gpr);
    begin(&p->trans, code, len, gpr);
    for (unsigned i = 0; i < ROUNDS && a && b; i++) {
        at += 70 + gen_below(&p->gen, 100);
        a = side_advance(&p->interp, at);
        b = side_advance(&p->trans, at);
        if (a != b || !same(p)) {
            show(p, code, len);
            fail_msg("the translated loop has other flags");
        }
    }
    return !a;
}

static void test_loops(void **state)
{
    static const struct trans_config config = { .cache_len = 1 << 20,
                                                .prove = true,
                                                .exact_flags = true };
    struct pair *p = pair_open(&config, set_up);
    unsigned faults = 0;

    (void)state;
    pair_mode(p, X86_CODE_64);
    for (unsigned i = 0; i < LOOPS; i++)
        faults += check_loop(p);
    assert_true(faults > LOOPS / 2);
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_none),
        cmocka_unit_test(test_loops),
    };

    return cmocka_run_group_tests_name("soft/trans recipes", tests, NULL, NULL);
}
