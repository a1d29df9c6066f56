/* SPDX-License-Identifier: MIT */
/*
 * test_trans_run.c - translated code as it runs: sequences, lengths, kicks, memory protection
 *
 * Random sequences of instructions with branches between them run on the interpreter and translated, in steps of random
 * length, and must agree at each stop. Between what the generator of all rows makes lie branches, accesses side by side,
 * and bit strings whose bit is far from the operand. TRANS_SEQUENCES in the environment says how many of 64-bit code;
 * 40000 else, and 60000 of other kinds. .ci/run asks for a million of all kinds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/mem_access.h"
#include "engine/soft/soft.h"
#include "engine/soft/trans/block.h"
#include "trans_same.h"

enum { SEQUENCES = 40000, PAGE = 4096, LENGTH = 40 };
enum { POOL = 256, POOL_SERVES = 64 /* sequences */ };

/* Instructions that sequences are put together of: making one takes much longer than executing it. */
struct pool {
    struct gen_case k[POOL];
};

/* ---- random sequences ------------------------------------------------------------------------- */

static bool is_used(const struct x86_row *row)
{
    switch ((enum x86_class)row->klass) {
    case X86_CLASS_INT:
        return row->mnemonic != X86_MN_RDRAND && row->mnemonic != X86_MN_RDSEED;
    case X86_CLASS_SSE:
    case X86_CLASS_AVX:
    case X86_CLASS_X87:
    case X86_CLASS_MMX:
    case X86_CLASS_STACK:
    case X86_CLASS_HINT:
    case X86_CLASS_STRING:
        return row->mnemonic != X86_MN_INSB && row->mnemonic != X86_MN_OUTSB &&
               row->mnemonic != X86_MN_INSW && row->mnemonic != X86_MN_OUTSW &&
               row->mnemonic != X86_MN_INSD && row->mnemonic != X86_MN_OUTSD;
    default:
        return false;
    }
}

/* A conditional branch backward or forward, inside the sequence. */
static unsigned put_branch(struct pair *p, uint8_t *at)
{
    at[0] = (uint8_t)(0x70 + gen_below(&p->gen, 16));
    at[1] = (uint8_t)(gen_below(&p->gen, 60) - 30);
    return 2;
}

/* Into one of AL to BH: where it is a second byte, one that leaves an address among the data. */
static unsigned put_byte(struct pair *p, uint8_t *at)
{
    unsigned reg = gen_below(&p->gen, 8);

    at[0] = (uint8_t)(0xb0 + reg);
    at[1] = (uint8_t)(reg < 4 ? gen_below(&p->gen, 256) : 0x20 + gen_below(&p->gen, 0x40));
    return 2;
}

/* A register and memory at base + a distance. */
static unsigned put_access(struct pair *p, unsigned base, uint8_t *at)
{
    static const uint8_t opcodes[] = { 0x8b, 0x89, 0x03, 0x11, 0x3b, 0x88, 0x63 };
    bool wide = p->gen.code == X86_CODE_64;
    unsigned reg = gen_below(&p->gen, wide ? 16 : 8), len = 0;

    if (wide)
        at[len++] = (uint8_t)(0x40 | gen_below(&p->gen, 2) << 3 | reg >> 3 << 2 | base >> 3);
    at[len++] = opcodes[gen_below(&p->gen, wide ? sizeof(opcodes) : sizeof(opcodes) - 1)];
    at[len++] = (uint8_t)(0x80 | (reg & 7) << 3 | (base & 7));
    le_put(at + len, 4,
           gen_below(&p->gen, 2) ? gen_below(&p->gen, 64) : gen_below(&p->gen, 700) - 350);
    return len + 4;
}

/* Some accesses beside each other: the translator checks them together, unless their register is written between. */
static unsigned put_neighbours(struct pair *p, uint8_t *at)
{
    unsigned base = gen_below(&p->gen, p->gen.code == X86_CODE_64 ? 16 : 8);
    unsigned n = 2 + gen_below(&p->gen, 3), len = 0;

    if ((base & 7) == X86_RSP)
        base ^= 1; /* it would need another byte */
    for (unsigned i = 0; i < n; i++) {
        if (i > 0 && gen_below(&p->gen, 3) == 0)
            len += put_byte(p, at + len);
        len += put_access(p, base, at + len);
    }
    return len;
}

/* A register that is no address, more often than not. */
static unsigned pick_offset(struct pair *p)
{
    static const uint8_t regs[] = { X86_RCX, X86_RDI, X86_R10, X86_R13 };
    bool wide = p->gen.code == X86_CODE_64;

    if (gen_below(&p->gen, 8) == 0)
        return gen_below(&p->gen, wide ? 16 : 8);
    return regs[gen_below(&p->gen, wide ? ARRAY_LEN(regs) : 2)];
}

/* How far from the operand: mostly the data is there, and rarely it is not. */
static uint32_t pick_bits(struct pair *p)
{
    switch (gen_below(&p->gen, 16)) {
    case 0:
        return (uint32_t)gen_random(&p->gen);
    case 1:
    case 2:
    case 3:
        return gen_below(&p->gen, 64);
    default:
        return gen_below(&p->gen, 16 * PAGE) - 8 * PAGE;
    }
}

/* BT, BTS, BTR or BTC of a bit string in memory, and a bit offset in a register for it: MOV, or sign-extended too. */
static unsigned put_bits(struct pair *p, uint8_t *at)
{
    bool wide = p->gen.code == X86_CODE_64, narrow = gen_below(&p->gen, 8) == 0;
    unsigned offset = pick_offset(p), base = gen_below(&p->gen, wide ? 16 : 8), len = 0;
    unsigned op = 0xa3 | gen_below(&p->gen, 4) << 3, w = wide ? gen_below(&p->gen, 2) << 3 : 0;

    if ((base & 7) == X86_RSP)
        base ^= 1; /* it would need another byte */
    if (wide)      /* mov r64, imm32 */
        at[len++] = (uint8_t)(0x48 | offset >> 3);
    at[len++] = 0xc7;
    at[len++] = (uint8_t)(0xc0 | (offset & 7));
    le_put(at + len, 4, pick_bits(p));
    len += 4;
    if (op != 0xa3 && gen_below(&p->gen, 3) == 0)
        at[len++] = 0xf0;
    if (narrow)
        at[len++] = 0x66;
    if (wide)
        at[len++] = (uint8_t)(0x40 | w | offset >> 3 << 2 | base >> 3);
    at[len++] = 0x0f;
    at[len++] = (uint8_t)op;
    at[len++] = (uint8_t)(0x80 | (offset & 7) << 3 | (base & 7));
    le_put(at + len, 4, gen_below(&p->gen, 64));
    return len + 4;
}

static void fill_pool(struct pair *p, struct pool *pool)
{
    for (unsigned n = 0; n < POOL;) {
        unsigned op = 1 + gen_below(&p->gen, X86_NOPS - 1);

        if (is_used(&x86_rows[op]) && gen_case(&p->gen, op, &pool->k[n]))
            n++;
    }
}

/* Into the code page from GEN_CODE_AT on; the rest of the page is nops and a jump back. */
static void make_code(struct pair *p, const struct pool *pool, uint8_t code[PAGE],
                      struct native_regs *regs)
{
    unsigned at = GEN_CODE_AT;

    memset(code, 0x90, PAGE);
    for (unsigned n = 0; n < LENGTH; n++) {
        const struct gen_case *k = &pool->k[gen_below(&p->gen, POOL)];

        if (gen_below(&p->gen, 8) == 0) {
            at += put_branch(p, code + at);
            n++;
        }
        if (gen_below(&p->gen, 16) == 0)
            at += put_neighbours(p, code + at);
        if (gen_below(&p->gen, 8) == 0)
            at += put_bits(p, code + at);
        memcpy(code + at, k->bytes, k->in.len);
        at += k->in.len;
        *regs = k->regs;
    }
    code[at] = 0xe9; /* jmp to the beginning */
    le_put(code + at + 1, 4, (uint32_t)(GEN_CODE_AT - (at + 5)));
    regs->rip = WINDOW + GEN_CODE_AT;
}

/* The code and data that this number stands for, beside those before it: the pool is made anew now and then. */
static void make_sequence(struct pair *p, struct pool *pool, uint64_t seed, uint8_t code[PAGE],
                          uint8_t data[WINDOW_DATA_LEN], struct native_regs *regs)
{
    p->gen.rng = seed;
    if (seed % POOL_SERVES == 1)
        fill_pool(p, pool);
    make_code(p, pool, code, regs);
    for (unsigned i = 0; i < WINDOW_DATA_LEN; i += 8)
        le_put(data + i, 8, gen_random(&p->gen) >> gen_below(&p->gen, 64));
}

/* Both run until one cannot, comparing at stops of random distance. */
static void check_sequence(struct pair *p, struct pool *pool, uint64_t seed)
{
    uint8_t code[PAGE], data[WINDOW_DATA_LEN];
    struct native_regs regs;
    uint64_t at = 0;
    bool a = true, b = true;

    make_sequence(p, pool, seed, code, data, &regs);
    same_begin(p, &p->interp, code, data, &regs);
    same_begin(p, &p->trans, code, data, &regs);
    for (unsigned i = 0; i < 6 && a && b; i++) {
        at += 1 + gen_below(&p->gen, 400);
        a = side_advance(&p->interp, at);
        b = side_advance(&p->trans, at);
        if (a != b || !same_state(p)) {
            same_show(p, seed);
            fail_msg("the translated sequence went another way");
        }
    }
    p->insns += p->interp.rig.c->insns;
}

static unsigned sequences_wanted(void)
{
    const char *text = getenv("TRANS_SEQUENCES");

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : SEQUENCES;
}

static void check_sequences(enum x86_code code, unsigned threshold, unsigned n)
{
    struct pair *p = same_open(&(struct trans_config){
        .threshold = threshold, .cache_len = 1 << 20, .prove = true, .exact_flags = true });
    struct pool *pool = calloc(1, sizeof(*pool));

    assert_non_null(pool);
    pair_mode(p, code);
    for (unsigned i = 1; i <= n; i++)
        check_sequence(p, pool, i);
    printf("%u sequences of %u-bit code, %lu instructions, 0 differences\n", n, (unsigned)code,
           (unsigned long)p->insns);
    free(pool);
    pair_close(p);
}

static void test_sequences(void **state)
{
    (void)state;
    check_sequences(X86_CODE_64, 0, sequences_wanted());
}

/* The second time some of it is interpreted before. */
static void test_sequences_32(void **state)
{
    (void)state;
    check_sequences(X86_CODE_32, 0, sequences_wanted() / 2);
    check_sequences(X86_CODE_32, 3, sequences_wanted() / 4);
}

/* Flags that nobody reads are not kept: the translator's own checks know which those are. */
static void check_flags(struct pair *p, struct pool *pool, uint64_t seed)
{
    uint8_t code[PAGE], data[WINDOW_DATA_LEN];
    struct native_regs regs;
    struct vitro_err err;

    make_sequence(p, pool, seed, code, data, &regs);
    same_begin(p, &p->trans, code, data, &regs);
    (void)side_advance(&p->trans, 600);
    if (trans_failure(p->trans.t, &err) < 0) {
        printf("seed %lu: %s\n", (unsigned long)seed, err.text);
        fail_msg("the translated sequence went another way");
    }
    p->insns += p->trans.rig.c->insns;
}

static void check_sequences_flags(enum x86_code code, unsigned n)
{
    struct pair *p =
        same_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true, .check = true });
    struct pool *pool = calloc(1, sizeof(*pool));

    assert_non_null(pool);
    pair_mode(p, code);
    for (unsigned i = 1; i <= n; i++)
        check_flags(p, pool, i + (1u << 26));
    printf("%u sequences of %u-bit code, %lu instructions, checked as they run, 0 differences\n", n,
           (unsigned)code, (unsigned long)p->insns);
    free(pool);
    pair_close(p);
}

static void test_sequences_checked(void **state)
{
    (void)state;
    check_sequences_flags(X86_CODE_64, sequences_wanted() / 2);
    check_sequences_flags(X86_CODE_32, sequences_wanted() / 4);
}

/* ---- code of our own ---------------------------------------------------------------------------- */

/* Vectors in two pages are loaded and stored in translated code, once both are known; flags come through. */
static void test_vectors_in_two_pages(void **state)
{
    enum { PLACE = 2 * PAGE - 5 - SAME_CODE_AT - 7 };
    static const uint8_t loop[] = {
        0x48, 0x8d, 0x1d, PLACE & 0xff, PLACE >> 8, 0,    0,    /* lea rbx, [in two pages] */
        0x0f, 0x10, 0x03,                                       /* 1: movups xmm0, [rbx] */
        0x66, 0x0f, 0xfe, 0xc0,                                 /* paddd xmm0, xmm0 */
        0x83, 0xc0, 0x7f,                                       /* add eax, 127 */
        0x0f, 0x11, 0x83, 0x00,         0x10,       0x00, 0x00, /* movups [rbx + 4096], xmm0 */
        0x83, 0xd1, 0x00,                                       /* adc ecx, 0 */
        0xf3, 0x0f, 0x10, 0x4b,         0x02,                   /* movss xmm1, [rbx + 2] */
        0x0f, 0x2e, 0x4b, 0x03,                                 /* ucomiss xmm1, [rbx + 3] */
        0x83, 0xd2, 0x00,                                       /* adc edx, 0 */
        0xff, 0x03,                                             /* inc dword [rbx] */
        0xeb, 0xdc,                                             /* jmp 1b */
    };
    struct pair *p = same_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true });
    struct trans_stats stats;

    (void)state;
    same_run(p, loop, sizeof(loop), 20001);
    trans_stats_get(p->trans.t, &stats);
    assert_true(stats.insns > 19000);
    assert_true(stats.steps < 20); /* the integer is in one page */
    pair_close(p);
}

/* Blocks of each length, up to where one ends and the next begins: what they count is right. */
static void test_long_blocks(void **state)
{
    struct pair *p = same_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true });
    uint8_t code[2 * (BLOCK_INSNS + 8)];

    (void)state;
    for (unsigned n = 1; n <= BLOCK_INSNS + 4; n++) {
        for (unsigned i = 0; i < n; i++) { /* inc eax */
            code[2 * i] = 0xff;
            code[2 * i + 1] = 0xc0;
        }
        code[2 * n] = 0xe9; /* jmp to the beginning */
        le_put(code + 2 * (size_t)n + 1, 4, -(2 * n + 5));
        same_run(p, code, 2 * n + 5, 1500);
    }
    pair_close(p);
}

/* The quotient that there is no room for: the host's own #DE would be the end of the test. */
static void test_quotients_too_large(void **state)
{
    /* mov ecx, 70; 1: dec ecx; jnz 1b; bts eax, 31 or rax, 63; cdq or cqo; dec ecx or rcx, which is -1 then; idiv */
    static const uint8_t by_32[] = { 0xb9, 70,   0,    0,    0,    0xff, 0xc9, 0x75, 0xfc,
                                     0x0f, 0xba, 0xe8, 0x1f, 0x99, 0xff, 0xc9, 0xf7, 0xf9 };
    static const uint8_t by_64[] = { 0xb9, 70,   0,    0,    0,    0xff, 0xc9, 0x75,
                                     0xfc, 0x48, 0x0f, 0xba, 0xe8, 0x3f, 0x48, 0x99,
                                     0x48, 0xff, 0xc9, 0x48, 0xf7, 0xf9 };
    static const struct {
        const uint8_t *code;
        unsigned len, faults_at;
    } ways[] = { { by_32, sizeof(by_32), 16 }, { by_64, sizeof(by_64), 19 } };
    struct pair *p = same_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true });

    (void)state;
    for (unsigned i = 0; i < ARRAY_LEN(ways); i++) {
        same_run(p, ways[i].code, ways[i].len, 20);
        assert_false(side_advance(&p->interp, 1000));
        assert_false(side_advance(&p->trans, 1000));
        assert_true(same_state(p));
        assert_int_equal(p->trans.rig.c->s.rip,
                         WINDOW + WINDOW_DATA + SAME_CODE_AT + ways[i].faults_at);
    }
    pair_close(p);
}

/* Somebody wants the vCPU: translated code is not entered. */
static void test_kicked(void **state)
{
    /* 1: inc eax; cpuid; jmp 1b */
    static const uint8_t loop[] = { 0xff, 0xc0, 0x0f, 0xa2, 0xeb, 0xfa };
    struct pair *p = same_open(
        &(struct trans_config){ .cache_len = 1 << 20, .prove = true, .exact_flags = true });
    struct soft_cpu *c = p->trans.rig.c;
    uint64_t before;

    (void)state;
    same_run(p, loop, sizeof(loop), 3 * 400);
    c->limit = UINT64_MAX;
    atomic_store(&c->kicked, true);
    before = c->insns;
    assert_true(trans_burst(p->trans.t, 1 << 20, false));
    assert_int_equal(c->insns, before);
    atomic_store(&c->kicked, false);
    assert_true(trans_burst(p->trans.t, 100, false));
    assert_true(c->insns >= before + 100 && c->insns <= before + 100 + BLOCK_INSNS);
    pair_close(p);
}

static void *run_engine(void *arg)
{
    struct vcpu *cpu = (struct vcpu *)arg;
    int rc = soft_engine.run(cpu, NULL);

    return rc == 0 && cpu->exit.kind == EXIT_KICKED ? NULL : arg;
}

/* How many rounds of a loop are left from a kick on: those of one burst, not those of some time. */
static void test_kicked_in_a_loop(void **state)
{
    /* 1: inc dword [rbx]; jmp 1b */
    static const uint8_t loop[] = { 0xff, 0x03, 0xeb, 0xfc };
    struct pair *p = same_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true });
    struct rig *r = &p->trans.rig;
    struct vcpu *cpu = r->c->vcpu;

    (void)state;
    cpu->engine_cpu[SOFT_SEAT] = r->c;
    for (unsigned i = 0; i < 10; i++) {
        uint32_t begin_at, at_kick;
        pthread_t thread;
        void *wrong;

        memcpy(r->code, loop, sizeof(loop));
        r->c->s.gpr[X86_RBX] = WINDOW + WINDOW_DATA;
        r->c->s.rip = WINDOW;
        begin_at = mem_load_32(r->data);
        assert_int_equal(pthread_create(&thread, NULL, run_engine, cpu), 0);
        while (mem_load_32(r->data) - begin_at < 100000)
            sched_yield();
        soft_engine.kick(cpu);
        at_kick = mem_load_32(r->data);
        assert_int_equal(pthread_join(thread, &wrong), 0);
        assert_null(wrong);
        assert_true(mem_load_32(r->data) - at_kick <= 32768);
    }
    cpu->engine_cpu[SOFT_SEAT] = NULL;
    pair_close(p);
}

/* ---- memory protection ------------------------------------------------------------------------- */

/* Mappings of this process whose line has the name; none of any name may be written and executed. */
static void count_maps(const char *name, unsigned *rw, unsigned *rx)
{
    FILE *f = fopen("/proc/self/maps", "r");
    char line[512];

    assert_non_null(f);
    *rw = *rx = 0;
    while (fgets(line, sizeof(line), f) != NULL) {
        char rights[5];

        assert_int_equal(sscanf(line, "%*s %4s", rights), 1);
        assert_false(rights[1] == 'w' && rights[2] == 'x');
        if (strstr(line, name) != NULL) {
            *rw += rights[1] == 'w';
            *rx += rights[2] == 'x';
        }
    }
    fclose(f);
}

/* The file has no other way in: nothing of this process is open there. */
static void check_closed(const char *name)
{
    for (unsigned fd = 0; fd < 1024; fd++) {
        char path[32], target[256] = { 0 };

        snprintf(path, sizeof(path), "/proc/self/fd/%u", fd);
        if (readlink(path, target, sizeof(target) - 1) > 0)
            assert_null(strstr(target, name));
    }
}

/* Row T10: the code is mapped once each way. */
static void test_never_writable_and_executable(void **state)
{
    struct pair *p = same_open(&(struct trans_config){ .cache_len = 1 << 20, .prove = true });
    unsigned rw, rx;

    (void)state;
    count_maps("vitro-code", &rw, &rx);
    assert_int_equal(rw, 1);
    assert_int_equal(rx, 1);
    check_closed("vitro-code");
    pair_close(p);
}

/* Nor where the code has no file, for the host's profiler: the same is true of that, and it runs. */
static void test_never_both_without_file(void **state)
{
    static const uint8_t loop[] = { 0xff, 0xc0, 0xeb, 0xfc }; /* 1: inc eax; jmp 1b */
    struct pair *p = same_open(&(struct trans_config){
        .cache_len = 1 << 20, .prove = true, .perf = true, .exact_flags = true });
    unsigned rw, rx;

    (void)state;
    count_maps("/dev/zero", &rw, &rx);
    assert_int_equal(rx, 1);
    same_run(p, loop, sizeof(loop), 1000);
    pair_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequences),
        cmocka_unit_test(test_sequences_32),
        cmocka_unit_test(test_sequences_checked),
        cmocka_unit_test(test_vectors_in_two_pages),
        cmocka_unit_test(test_long_blocks),
        cmocka_unit_test(test_quotients_too_large),
        cmocka_unit_test(test_kicked),
        cmocka_unit_test(test_kicked_in_a_loop),
        cmocka_unit_test(test_never_writable_and_executable),
        cmocka_unit_test(test_never_both_without_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
