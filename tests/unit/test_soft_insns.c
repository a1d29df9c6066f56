/* SPDX-License-Identifier: MIT */
/*
 * test_soft_insns.c - system instructions of the software CPU and what they leave behind
 *
 * Source: SDM 2, the instructions' pages. 0x100 (OK) stands for "no exception".
 */
#include "soft_sys_rig.h"

#include <string.h>

#define IF        X86_RFLAGS_IF
#define VIF       X86_RFLAGS_VIF
#define VIP       X86_RFLAGS_VIP
#define VME       X86_CR4_VME
#define PVI       X86_CR4_PVI
#define NOT_CANON UINT64_C(0x0000800000000000)

/* ---- CLI, STI -------------------------------------------------------------------------------- */

/* SDM 2, CLI and STI, decision tables. */
static const struct if_case {
    const char *name;
    enum rig_mode mode;
    unsigned cpl, iopl;
    uint64_t cr4, flags;
    int cli, sti;
    uint64_t after_cli, after_sti; /* IF, VIF */
} if_cases[] = {
    { "real", REAL, 0, 0, 0, 0, OK, OK, 0, IF },
    { "ring 0", PROT, 0, 0, 0, IF, OK, OK, 0, IF },
    { "ring 3, IOPL 3", PROT, 3, 3, 0, IF, OK, OK, 0, IF },
    { "ring 3, IOPL 2", PROT, 3, 2, 0, IF, VEC_GP, VEC_GP, 0, 0 },
    { "ring 2, IOPL 1", PROT, 2, 1, 0, IF, VEC_GP, VEC_GP, 0, 0 },
    { "ring 2, IOPL 2", PROT, 2, 2, 0, IF, OK, OK, 0, IF },
    { "ring 3, PVI", PROT, 3, 0, PVI, IF | VIF, OK, OK, IF, IF | VIF },
    { "ring 3, PVI, VIP", PROT, 3, 0, PVI, IF | VIP, OK, VEC_GP, IF, 0 },
    { "ring 2, PVI", PROT, 2, 0, PVI, IF, VEC_GP, VEC_GP, 0, 0 },
    { "ring 3, PVI, IOPL 3", PROT, 3, 3, PVI, IF | VIP, OK, OK, 0, IF },
    { "virtual-8086, IOPL 3", VM86, 3, 3, 0, IF, OK, OK, 0, IF },
    { "virtual-8086, IOPL 2", VM86, 3, 2, 0, IF, VEC_GP, VEC_GP, 0, 0 },
    { "virtual-8086, VME", VM86, 3, 0, VME, IF | VIF, OK, OK, IF, IF | VIF },
    { "virtual-8086, VME, VIP", VM86, 3, 0, VME, VIP, OK, VEC_GP, 0, 0 },
    { "virtual-8086, PVI alone", VM86, 3, 0, PVI, IF, VEC_GP, VEC_GP, 0, 0 },
    { "64-bit, ring 3", LONG, 3, 0, 0, IF, VEC_GP, VEC_GP, 0, 0 },
};

static void interrupt_flag(void **state)
{
    struct rig *r = *state;
    struct x86_state *s = &r->c->s;

    for (size_t i = 0; i < ARRAY_LEN(if_cases) * 2; i++) {
        const struct if_case *t = &if_cases[i / 2];
        bool sti = i & 1;
        int want = sti ? t->sti : t->cli;
        uint8_t code = sti ? 0xfb : 0xfa;
        uint64_t before;

        rig_enter(r, t->mode, t->cpl);
        s->cr4 |= t->cr4;
        s->rflags |= t->flags | (uint64_t)t->iopl << 12;
        before = s->rflags;
        rig_expect(t->name, rig_run(r, &code, 1), want);
        if (want != OK)
            assert_int_equal(s->rflags, before);
        else
            assert_int_equal(s->rflags & (IF | VIF), sti ? t->after_sti : t->after_cli);
    }
}

/* SDM 2, STI: interrupts stay off for one instruction if they were off before. */
static void sti_holds_interrupts_off(void **state)
{
    struct rig *r = *state;

    rig_enter(r, PROT, 0);
    rig_expect("STI", rig_run(r, CODE("\xfb")), OK);
    assert_true(r->c->shadow_next);
    rig_expect("STI again", rig_run(r, CODE("\xfb")), OK);
    assert_false(r->c->shadow_next);
    rig_expect("CLI", rig_run(r, CODE("\xfa")), OK);
    assert_false(r->c->shadow_next);
}

static void access_flag_moves_the_bank(void **state)
{
    struct rig *r = *state;

    rig_enter(r, LONG, 0);
    rig_expect("STAC", rig_run(r, CODE("\x0f\x01\xcb")), OK);
    assert_int_equal(r->c->bank, BANK_SUPER_AC);
    assert_true(r->c->s.rflags & X86_RFLAGS_AC);
    rig_expect("CLAC", rig_run(r, CODE("\x0f\x01\xca")), OK);
    assert_int_equal(r->c->bank, BANK_SUPER);
    assert_false(r->c->s.rflags & X86_RFLAGS_AC);
}

static void hlt_leaves(void **state)
{
    struct rig *r = *state;

    rig_enter(r, LONG, 0);
    rig_expect("HLT", rig_run(r, CODE("\xf4")), HALTED);
    assert_int_equal(r->cpu.exit.kind, EXIT_HLT);
    assert_int_equal(r->cpu.exit.rip, 0x1000);
}

/* ---- XCR0 ------------------------------------------------------------------------------------ */

/* SDM 2, XSETBV; SDM 1 13.3. The model offers x87, SSE, AVX. */
static void xcr0_values(void **state)
{
    static const struct {
        const char *name;
        uint64_t rcx, rdx, rax;
        int want;
    } rows[] = {
        { "x87", 0, 0, 1, OK },
        { "x87, SSE", 0, 0, 3, OK },
        { "x87, SSE, AVX", 0, 0, 7, OK },
        { "upper halves are not looked at", UINT64_C(1) << 32, UINT64_C(1) << 32, 3, OK },
        { "nothing", 0, 0, 0, VEC_GP },
        { "SSE without x87", 0, 0, 2, VEC_GP },
        { "AVX without SSE", 0, 0, 5, VEC_GP },
        { "MPX", 0, 0, 0x1b, VEC_GP },
        { "AVX-512", 0, 0, 0xe7, VEC_GP },
        { "protection keys", 0, 0, 0x203, VEC_GP },
        { "AMX", 0, 0, 0x60003, VEC_GP },
        { "bit 63", 0, 0x80000000, 3, VEC_GP },
        { "XCR1", 1, 0, 3, VEC_GP },
    };
    struct rig *r = *state;
    struct x86_state *s = &r->c->s;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rig_enter(r, LONG, 0);
        s->cr4 |= X86_CR4_OSXSAVE;
        s->gpr[X86_RAX] = rows[i].rax;
        s->gpr[X86_RCX] = rows[i].rcx;
        s->gpr[X86_RDX] = rows[i].rdx;
        rig_expect(rows[i].name, rig_run(r, CODE("\x0f\x01\xd1")), rows[i].want);
        assert_int_equal(s->xcr0, rows[i].want == OK ? rows[i].rax : 1);
        s->gpr[X86_RAX] = s->gpr[X86_RDX] = UINT64_MAX;
        rig_expect("XGETBV", rig_run(r, CODE("\x0f\x01\xd0")),
                   (uint32_t)rows[i].rcx == 0 ? OK : VEC_GP);
        if ((uint32_t)rows[i].rcx == 0)
            assert_true(s->gpr[X86_RAX] == s->xcr0 && s->gpr[X86_RDX] == 0);
    }
}

/* ---- INVLPG, INVPCID ------------------------------------------------------------------------- */

/* SDM 2, INVPCID, exceptions. */
static void invpcid_rules(void **state)
{
    static const struct {
        const char *name;
        uint64_t cr4, type, pcid, linear;
        int want;
    } rows[] = {
        { "address, PCID 0", 0, 0, 0, 0x1000, OK },
        { "address, PCID without PCIDE", 0, 0, 1, 0x1000, VEC_GP },
        { "address, PCID with PCIDE", X86_CR4_PCIDE, 0, 0xfff, 0x1000, OK },
        { "address not canonical", 0, 0, 0, NOT_CANON, VEC_GP },
        { "context, PCID without PCIDE", 0, 1, 1, 0, VEC_GP },
        { "context, address is not looked at", 0, 1, 0, NOT_CANON, OK },
        { "context, PCID with PCIDE", X86_CR4_PCIDE, 1, 1, 0, OK },
        { "all, PCID is not looked at", 0, 2, 1, NOT_CANON, OK },
        { "all but global", 0, 3, 1, 0, OK },
        { "type 4", 0, 4, 0, 0, VEC_GP },
        { "type 2 to the 32nd", 0, UINT64_C(1) << 32, 0, 0, VEC_GP },
        { "reserved bit 12", X86_CR4_PCIDE, 0, 0x1000, 0, VEC_GP },
        { "reserved bit 63, type 2", 0, 2, UINT64_C(1) << 63, 0, VEC_GP },
    };
    struct rig *r = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rig_enter(r, LONG, 0);
        r->c->s.cr4 |= rows[i].cr4;
        le_put(r->ram + RIG_DATA, 8, rows[i].pcid);
        le_put(r->ram + RIG_DATA + 8, 8, rows[i].linear);
        r->c->s.gpr[X86_RBX] = RIG_DATA;
        r->c->s.gpr[X86_RAX] = rows[i].type;
        rig_expect(rows[i].name, rig_run(r, CODE("\x66\x0f\x38\x82\x03")), rows[i].want);
    }
    rig_enter(r, LONG, 0);
    r->c->s.gpr[X86_RBX] = 0x40000000;
    rig_expect("descriptor not mapped", rig_run(r, CODE("\x66\x0f\x38\x82\x03")), VEC_PF);
    rig_expect("INVLPG does not touch memory", rig_run(r, CODE("\x0f\x01\x3b")), OK);
    r->c->s.gpr[X86_RBX] = NOT_CANON;
    rig_expect("INVLPG, not canonical", rig_run(r, CODE("\x0f\x01\x3b")), OK);
    rig_expect("INVLPG of a register", rig_run(r, CODE("\x0f\x01\xfb")), VEC_UD);
}

/* ---- segment bases --------------------------------------------------------------------------- */

/* SDM 2, RDFSBASE, WRFSBASE, SWAPGS. */
static void segment_bases(void **state)
{
    static const struct {
        const char *name;
        const uint8_t *code;
        size_t len;
        uint64_t rax;
        int want;
        unsigned seg;
        uint64_t base;
    } rows[] = {
        { "WRFSBASE rax", CODE("\xf3\x48\x0f\xae\xd0"), 0x123456789abc, OK, X86_FS,
          0x123456789abc },
        { "WRGSBASE rax", CODE("\xf3\x48\x0f\xae\xd8"), ~UINT64_C(0xfff), OK, X86_GS,
          ~UINT64_C(0xfff) },
        { "WRFSBASE eax", CODE("\xf3\x0f\xae\xd0"), UINT64_MAX, OK, X86_FS, UINT32_MAX },
        { "WRFSBASE, not canonical", CODE("\xf3\x48\x0f\xae\xd0"), NOT_CANON, VEC_GP, X86_FS, 7 },
        { "WRGSBASE, not canonical", CODE("\xf3\x48\x0f\xae\xd8"), ~NOT_CANON, VEC_GP, X86_GS, 7 },
    };
    struct rig *r = *state;
    struct x86_state *s = &r->c->s;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rig_enter(r, LONG, 3);
        s->cr4 |= X86_CR4_FSGSBASE;
        s->seg[X86_FS].base = s->seg[X86_GS].base = 7;
        s->gpr[X86_RAX] = rows[i].rax;
        rig_expect(rows[i].name, rig_run(r, rows[i].code, rows[i].len), rows[i].want);
        assert_true(s->seg[rows[i].seg].base == rows[i].base);
        assert_int_equal(s->seg[rows[i].seg ^ 1].base, 7);
    }
    s->seg[X86_FS].base = 0x1111222233334444;
    s->seg[X86_GS].base = 0x5555666677778888;
    rig_expect("RDFSBASE rcx", rig_run(r, CODE("\xf3\x48\x0f\xae\xc1")), OK);
    assert_true(s->gpr[X86_RCX] == 0x1111222233334444);
    rig_expect("RDGSBASE ecx", rig_run(r, CODE("\xf3\x0f\xae\xc9")), OK);
    assert_true(s->gpr[X86_RCX] == 0x77778888);
    rig_enter(r, LONG, 0);
    s->seg[X86_GS].base = 1;
    r->c->msrs.kernel_gs_base = 2;
    rig_expect("SWAPGS", rig_run(r, CODE("\x0f\x01\xf8")), OK);
    assert_true(s->seg[X86_GS].base == 2 && r->c->msrs.kernel_gs_base == 1);
}

/* ---- counters and random numbers --------------------------------------------------------------- */

static void counters(void **state)
{
    struct rig *r = *state;
    struct soft_cpu *c = r->c;

    rig_enter(r, LONG, 3);
    c->insns += 5; /* time counts instructions here */
    c->msrs.tsc_offset += UINT64_C(7) << 32;
    c->msrs.tsc_aux = 0x89;
    c->s.gpr[X86_RAX] = c->s.gpr[X86_RDX] = c->s.gpr[X86_RCX] = UINT64_MAX;
    rig_expect("RDTSC", rig_run(r, CODE("\x0f\x31")), OK);
    assert_true(c->s.gpr[X86_RAX] == 5 && c->s.gpr[X86_RDX] == 7);
    assert_true(c->s.gpr[X86_RCX] == UINT64_MAX);
    c->insns++;
    rig_expect("RDTSCP", rig_run(r, CODE("\x0f\x01\xf9")), OK);
    assert_true(c->s.gpr[X86_RAX] == 6 && c->s.gpr[X86_RDX] == 7 && c->s.gpr[X86_RCX] == 0x89);
    c->s.gpr[X86_RBX] = UINT64_MAX;
    rig_expect("RDPID rbx", rig_run(r, CODE("\xf3\x0f\xc7\xfb")), OK);
    assert_true(c->s.gpr[X86_RBX] == 0x89);
}

/* RFC 8439, appendix A.1, test vectors 1 and 2: key and nonce 0. */
static void generator_is_chacha20(void **state)
{
    static const uint8_t zero[SOFT_SEED], one[SOFT_SEED] = { 1 };
    struct soft_random a, b;
    struct vitro_err err = { 0 };

    (void)state;
    assert_int_equal(soft_random_init(&a, zero, &err), 0);
    assert_true(soft_random(&a) == 0x903df1a0ade0b876);
    assert_true(soft_random(&a) == 0x28bd8653e56a5d40);
    for (unsigned i = 2; i < 8; i++)
        soft_random(&a);
    assert_true(soft_random(&a) == 0x7a385155bee7079f); /* vector 2: block number 1 */
    assert_int_equal(soft_random_init(&b, one, &err), 0);
    assert_true(soft_random(&b) != 0x903df1a0ade0b876);
    assert_int_equal(soft_random_init(&a, NULL, &err), 0);
    assert_int_equal(soft_random_init(&b, NULL, &err), 0);
    assert_true(soft_random(&a) != soft_random(&b));
}

/* SDM 2, RDRAND: CF = 1, OF SF ZF AF PF = 0; by operand size. */
static void random_numbers(void **state)
{
    static const uint8_t seed[SOFT_SEED] = { 9 };
    const uint64_t flags =
        X86_RFLAGS_OF | X86_RFLAGS_SF | X86_RFLAGS_ZF | X86_RFLAGS_AF | X86_RFLAGS_PF;
    struct rig *r = *state;
    struct x86_state *s = &r->c->s;
    struct vitro_err err = { 0 };
    uint64_t first;

    rig_enter(r, LONG, 3);
    s->rflags |= flags | X86_RFLAGS_DF;
    assert_int_equal(soft_random_init(&r->c->sys.random, seed, &err), 0);
    rig_expect("RDRAND rax", rig_run(r, CODE("\x48\x0f\xc7\xf0")), OK);
    first = s->gpr[X86_RAX];
    assert_int_equal(s->rflags & (flags | X86_RFLAGS_CF | X86_RFLAGS_DF),
                     X86_RFLAGS_CF | X86_RFLAGS_DF);
    rig_expect("RDSEED rax", rig_run(r, CODE("\x48\x0f\xc7\xf8")), OK);
    assert_true(s->gpr[X86_RAX] != first);
    assert_int_equal(soft_random_init(&r->c->sys.random, seed, &err), 0);
    s->gpr[X86_RAX] = UINT64_MAX;
    rig_expect("RDRAND eax", rig_run(r, CODE("\x0f\xc7\xf0")), OK);
    assert_true(s->gpr[X86_RAX] == (uint32_t)first); /* the same seed, the same number */
    s->gpr[X86_RAX] = 0x1111222233334444;
    rig_expect("RDRAND ax", rig_run(r, CODE("\x66\x0f\xc7\xf0")), OK);
    assert_true(s->gpr[X86_RAX] >> 16 == 0x111122223333);
    rig_expect("RDRAND of memory", rig_run(r, CODE("\x0f\xc7\x33")), VEC_UD);
}

static void cpuid_writes_four(void **state)
{
    struct rig *r = *state;
    struct x86_state *s = &r->c->s;

    rig_enter(r, LONG, 3);
    s->cr4 |= X86_CR4_OSXSAVE;
    for (unsigned i = 0; i < 4; i++)
        s->gpr[i] = ~UINT64_C(0) << 32;
    s->gpr[X86_RAX] |= 1;
    rig_expect("CPUID", rig_run(r, CODE("\x0f\xa2")), OK);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(s->gpr[i] >> 32, 0);
    assert_true(s->gpr[X86_RCX] >> 27 & 1);
    assert_false(s->gpr[X86_RCX] >> 3 & 1); /* MONITOR */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interrupt_flag),
        cmocka_unit_test(sti_holds_interrupts_off),
        cmocka_unit_test(access_flag_moves_the_bank),
        cmocka_unit_test(hlt_leaves),
        cmocka_unit_test(xcr0_values),
        cmocka_unit_test(invpcid_rules),
        cmocka_unit_test(segment_bases),
        cmocka_unit_test(counters),
        cmocka_unit_test(generator_is_chacha20),
        cmocka_unit_test(random_numbers),
        cmocka_unit_test(cpuid_writes_four),
    };

    return cmocka_run_group_tests_name("soft/instructions", tests, rig_setup, rig_teardown);
}
