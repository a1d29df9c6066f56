/* SPDX-License-Identifier: MIT */
/*
 * test_soft_allow.c - who may execute what: modes, features, CR0 and CR4 of the units, privilege
 *
 * Source: SDM 2, exception lists of the instructions' pages. 0x100 (OK) stands for "no exception".
 */
#include "soft_sys_rig.h"

#define TS X86_CR0_TS
#define EM X86_CR0_EM
#define MP X86_CR0_MP
#define FX X86_CR4_OSFXSR
#define XS X86_CR4_OSXSAVE

/* ---- modes ----------------------------------------------------------------------------------- */

static const struct mode_case {
    const char *name;
    const uint8_t *code;
    size_t len;
    int real, vm86, prot, prot3, lng, lng3; /* 3: CPL 3 */
} mode_cases[] = {
    { "SLDT", CODE("\x0f\x00\xc0"), VEC_UD, VEC_UD, OK, OK, OK, OK },
    { "STR", CODE("\x0f\x00\xc8"), VEC_UD, VEC_UD, OK, OK, OK, OK },
    { "LLDT of 0", CODE("\x0f\x00\xd0"), VEC_UD, VEC_UD, OK, VEC_GP, OK, VEC_GP },
    { "VERR", CODE("\x0f\x00\xe0"), VEC_UD, VEC_UD, OK, OK, OK, OK },
    { "LAR", CODE("\x0f\x02\xc0"), VEC_UD, VEC_UD, OK, OK, OK, OK },
    { "HLT", CODE("\xf4"), HALTED, VEC_GP, HALTED, VEC_GP, HALTED, VEC_GP },
    { "CLTS", CODE("\x0f\x06"), OK, VEC_GP, OK, VEC_GP, OK, VEC_GP },
    { "INVD", CODE("\x0f\x08"), OK, VEC_GP, OK, VEC_GP, OK, VEC_GP },
    { "WBINVD", CODE("\x0f\x09"), OK, VEC_GP, OK, VEC_GP, OK, VEC_GP },
    { "LMSW", CODE("\x0f\x01\xf1"), OK, VEC_GP, OK, VEC_GP, OK, VEC_GP },
    { "SMSW", CODE("\x0f\x01\xe1"), OK, OK, OK, OK, OK, OK },
    { "MOV from CR0", CODE("\x0f\x20\xc1"), OK, VEC_GP, OK, VEC_GP, OK, VEC_GP },
    { "MOV from DR0", CODE("\x0f\x21\xc1"), OK, VEC_GP, OK, VEC_GP, OK, VEC_GP },
    { "MOV from CR1", CODE("\x0f\x20\xc8"), VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD },
    { "INVLPG", CODE("\x0f\x01\x38"), OK, VEC_GP, OK, VEC_GP, OK, VEC_GP },
    { "RDMSR 0x10", CODE("\x0f\x32"), OK, VEC_GP, OK, VEC_GP, OK, VEC_GP },
    { "RDTSC", CODE("\x0f\x31"), OK, OK, OK, OK, OK, OK },
    { "RDPMC: none there", CODE("\x0f\x33"), VEC_GP, VEC_GP, VEC_GP, VEC_GP, VEC_GP, VEC_GP },
    { "CPUID", CODE("\x0f\xa2"), OK, OK, OK, OK, OK, OK },
    { "SWAPGS", CODE("\x0f\x01\xf8"), VEC_UD, VEC_UD, VEC_UD, VEC_UD, OK, VEC_GP },
    { "CLAC", CODE("\x0f\x01\xca"), OK, VEC_UD, OK, VEC_UD, OK, VEC_UD },
    { "STAC", CODE("\x0f\x01\xcb"), OK, VEC_UD, OK, VEC_UD, OK, VEC_UD },
    { "RDPID", CODE("\xf3\x0f\xc7\xf9"), OK, OK, OK, OK, OK, OK },
    { "ANDN (VEX)", CODE("\xc4\xe2\x78\xf2\xc1"), VEC_UD, VEC_UD, OK, OK, OK, OK },
    { "SYSENTER", CODE("\x0f\x34"), VEC_GP, VEC_GP, VEC_GP, VEC_GP, VEC_GP, VEC_GP },
    { "SYSEXIT", CODE("\x0f\x35"), VEC_GP, VEC_GP, VEC_GP, VEC_GP, VEC_GP, VEC_GP },
    { "RDFSBASE without CR4", CODE("\xf3\x0f\xae\xc0"), VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD,
      VEC_UD },
    { "XGETBV without CR4", CODE("\x0f\x01\xd0"), VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD },
    { "XSETBV without CR4", CODE("\x0f\x01\xd1"), VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD },
    { "UD2", CODE("\x0f\x0b"), VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD },
    { "UD1", CODE("\x0f\xb9\xc0"), VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD },
    { "UD0", CODE("\x0f\xff\xc0"), VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD },
    { "MONITOR is not there", CODE("\x0f\x01\xc8"), VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD,
      VEC_UD },
    { "RSM is not there", CODE("\x0f\xaa"), VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD, VEC_UD },
};

static void modes_decide(void **state)
{
    struct rig *r = *state;

    for (size_t i = 0; i < ARRAY_LEN(mode_cases); i++) {
        const struct mode_case *t = &mode_cases[i];
        const struct {
            enum rig_mode mode;
            unsigned cpl;
            int want;
        } at[] = { { REAL, 0, t->real },  { VM86, 3, t->vm86 }, { PROT, 0, t->prot },
                   { PROT, 3, t->prot3 }, { LONG, 0, t->lng },  { LONG, 3, t->lng3 } };

        for (size_t j = 0; j < ARRAY_LEN(at); j++) {
            rig_enter(r, at[j].mode, at[j].cpl);
            r->c->s.gpr[X86_RAX] = 0;
            r->c->s.gpr[X86_RCX] = 0x10;
            if (rig_run(r, t->code, t->len) != at[j].want)
                fail_msg("%s in mode %zu: stop %d, vector %d, expected 0x%x", t->name, j,
                         (int)r->c->stop.kind, r->c->stop.vector, (unsigned)at[j].want);
        }
    }
}

/* Rings 1 and 2 are not privileged either. */
static void only_ring_0_is_privileged(void **state)
{
    struct rig *r = *state;

    for (unsigned cpl = 0; cpl < 4; cpl++) {
        rig_enter(r, PROT, cpl);
        rig_expect("CLTS", rig_run(r, CODE("\x0f\x06")), cpl == 0 ? OK : VEC_GP);
        if (cpl != 0)
            assert_true(r->c->stop.has_error && r->c->stop.error == 0);
        rig_expect("STAC", rig_run(r, CODE("\x0f\x01\xcb")), cpl == 0 ? OK : VEC_UD);
    }
}

/* Without EFER.SCE, and to Intel's CPUs outside 64-bit mode, it is no instruction: that comes before the ring. */
static void sysret_may_be_unknown(void **state)
{
    static const struct {
        const char *name;
        enum rig_mode mode;
        bool intel, sce;
        int want;
    } cases[] = {
        { "Intel, 64-bit", LONG, true, true, VEC_GP },
        { "Intel, 64-bit, no SCE", LONG, true, false, VEC_UD },
        { "Intel, compatibility", COMPAT, true, true, VEC_UD },
        { "Intel, protected", PROT, true, true, VEC_UD },
        { "AMD, 64-bit, no SCE", LONG, false, false, VEC_UD },
        { "AMD, compatibility", COMPAT, false, true, VEC_GP },
        { "AMD, protected", PROT, false, true, VEC_GP },
    };
    struct rig *r = *state;
    bool intel = r->model.intel;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        rig_enter(r, cases[i].mode, 3);
        r->model.intel = cases[i].intel;
        r->c->s.efer |= X86_EFER_SCE;
        if (!cases[i].sce)
            r->c->s.efer &= ~(uint64_t)X86_EFER_SCE;
        rig_expect(cases[i].name, rig_run(r, CODE("\x0f\x07")), cases[i].want);
    }
    r->model.intel = intel;
}

/* ---- CR4 and privilege ----------------------------------------------------------------------- */

static const struct cr4_case {
    const char *name;
    const uint8_t *code;
    size_t len;
    enum rig_mode mode;
    unsigned cpl;
    uint64_t cr4;
    int want;
} cr4_cases[] = {
    { "UMIP: SGDT, ring 3", CODE("\x0f\x01\x03"), LONG, 3, X86_CR4_UMIP, VEC_GP },
    { "UMIP: SGDT, ring 1", CODE("\x0f\x01\x03"), LONG, 1, X86_CR4_UMIP, VEC_GP },
    { "UMIP: SGDT, ring 0", CODE("\x0f\x01\x03"), LONG, 0, X86_CR4_UMIP, OK },
    { "UMIP: SIDT, ring 3", CODE("\x0f\x01\x0b"), LONG, 3, X86_CR4_UMIP, VEC_GP },
    { "UMIP: SLDT, ring 3", CODE("\x0f\x00\xc0"), LONG, 3, X86_CR4_UMIP, VEC_GP },
    { "UMIP: STR, ring 3", CODE("\x0f\x00\xc8"), LONG, 3, X86_CR4_UMIP, VEC_GP },
    { "UMIP: SMSW, ring 3", CODE("\x0f\x01\xe0"), LONG, 3, X86_CR4_UMIP, VEC_GP },
    { "UMIP: SMSW, virtual-8086", CODE("\x0f\x01\xe0"), VM86, 3, X86_CR4_UMIP, VEC_GP },
    { "no UMIP: SGDT, ring 3", CODE("\x0f\x01\x03"), LONG, 3, 0, OK },
    { "TSD: RDTSC, ring 3", CODE("\x0f\x31"), LONG, 3, X86_CR4_TSD, VEC_GP },
    { "TSD: RDTSC, ring 0", CODE("\x0f\x31"), LONG, 0, X86_CR4_TSD, OK },
    { "TSD: RDTSC, virtual-8086", CODE("\x0f\x31"), VM86, 3, X86_CR4_TSD, VEC_GP },
    { "TSD: RDTSC, real", CODE("\x0f\x31"), REAL, 0, X86_CR4_TSD, OK },
    { "TSD: RDTSCP, ring 3", CODE("\x0f\x01\xf9"), LONG, 3, X86_CR4_TSD, VEC_GP },
    { "TSD: RDTSCP, ring 0", CODE("\x0f\x01\xf9"), LONG, 0, X86_CR4_TSD, OK },
    { "FSGSBASE: RDFSBASE, ring 3", CODE("\xf3\x0f\xae\xc0"), LONG, 3, X86_CR4_FSGSBASE, OK },
    { "FSGSBASE: WRGSBASE, ring 3", CODE("\xf3\x0f\xae\xd8"), LONG, 3, X86_CR4_FSGSBASE, OK },
    { "FSGSBASE: not in 32-bit code", CODE("\xf3\x0f\xae\xc0"), PROT, 0, X86_CR4_FSGSBASE, VEC_UD },
    { "no FSGSBASE: RDGSBASE", CODE("\xf3\x0f\xae\xc8"), LONG, 0, 0, VEC_UD },
    { "no FSGSBASE: WRFSBASE", CODE("\xf3\x0f\xae\xd0"), LONG, 0, 0, VEC_UD },
    { "no FSGSBASE: WRGSBASE", CODE("\xf3\x0f\xae\xd8"), LONG, 0, 0, VEC_UD },
    { "OSXSAVE: XGETBV, ring 3", CODE("\x0f\x01\xd0"), LONG, 3, XS, OK },
    { "OSXSAVE: XSETBV, ring 3", CODE("\x0f\x01\xd1"), LONG, 3, XS, VEC_GP },
    { "OSXSAVE: XSETBV, ring 0", CODE("\x0f\x01\xd1"), LONG, 0, XS, OK },
    { "OSXSAVE: XSETBV, real", CODE("\x0f\x01\xd1"), REAL, 0, XS, OK },
};

static void cr4_decides(void **state)
{
    struct rig *r = *state;

    for (size_t i = 0; i < ARRAY_LEN(cr4_cases); i++) {
        const struct cr4_case *t = &cr4_cases[i];

        rig_enter(r, t->mode, t->cpl);
        r->c->s.cr4 |= t->cr4;
        r->c->s.gpr[X86_RAX] = 3; /* for XSETBV; a canonical base */
        r->c->s.gpr[X86_RBX] = RIG_DATA;
        rig_expect(t->name, rig_run(r, t->code, t->len), t->want);
    }
}

/* ---- x87, MMX, SSE, AVX ---------------------------------------------------------------------- */

static const uint8_t fld1[] = { 0xd9, 0xe8 }, fwait[] = { 0x9b }, paddb_mm[] = { 0x0f, 0xfc, 0xc0 },
                     movq2dq[] = { 0xf3, 0x0f, 0xd6, 0xc0 }, cvtpi2ps[] = { 0x0f, 0x2a, 0xc0 },
                     addps[] = { 0x0f, 0x58, 0xc0 }, vaddps[] = { 0xc5, 0xf8, 0x58, 0xc0 },
                     movnti[] = { 0x0f, 0xc3, 0x03 }, ldmxcsr[] = { 0x0f, 0xae, 0x13 },
                     fxsave[] = { 0x0f, 0xae, 0x03 }, xsave[] = { 0x0f, 0xae, 0x23 },
                     bextr[] = { 0xc4, 0xe2, 0x78, 0xf7, 0xc1 },
                     crc32[] = { 0xf2, 0x0f, 0x38, 0xf1, 0xc0 };

/* SDM 2 2.4 "Instruction Exception Specification"; SDM 3A 2.5, CR0.EM, MP, TS; 22.25.3 for MMX. */
static const struct unit_case {
    const char *name;
    const uint8_t *code;
    size_t len;
    uint64_t cr0, cr4, xcr0;
    int want;
} unit_cases[] = {
    { "x87", fld1, 2, 0, 0, 1, OK },
    { "x87: EM", fld1, 2, EM, 0, 1, VEC_NM },
    { "x87: TS", fld1, 2, TS, 0, 1, VEC_NM },
    { "FWAIT: TS without MP", fwait, 1, TS, 0, 1, OK },
    { "FWAIT: MP without TS", fwait, 1, MP, 0, 1, OK },
    { "FWAIT: MP and TS", fwait, 1, MP | TS, 0, 1, VEC_NM },
    { "FWAIT: EM alone", fwait, 1, EM, 0, 1, OK },
    { "MMX", paddb_mm, 3, 0, 0, 1, OK },
    { "MMX: EM", paddb_mm, 3, EM, 0, 1, VEC_UD },
    { "MMX: TS", paddb_mm, 3, TS, 0, 1, VEC_NM },
    { "MMX: EM and TS", paddb_mm, 3, EM | TS, 0, 1, VEC_UD },
    { "MOVQ2DQ without OSFXSR", movq2dq, 4, 0, 0, 1, VEC_UD },
    { "MOVQ2DQ", movq2dq, 4, 0, FX, 1, OK },
    { "CVTPI2PS without OSFXSR", cvtpi2ps, 3, 0, 0, 1, VEC_UD },
    { "CVTPI2PS", cvtpi2ps, 3, 0, FX, 1, OK },
    { "SSE without OSFXSR", addps, 3, 0, 0, 1, VEC_UD },
    { "SSE", addps, 3, 0, FX, 1, OK },
    { "SSE: EM", addps, 3, EM, FX, 1, VEC_UD },
    { "SSE: TS", addps, 3, TS, FX, 1, VEC_NM },
    { "SSE: TS, no OSFXSR", addps, 3, TS, 0, 1, VEC_UD },
    { "LDMXCSR: TS", ldmxcsr, 3, TS, FX, 1, VEC_NM },
    { "LDMXCSR: EM", ldmxcsr, 3, EM, FX, 1, VEC_UD },
    { "MOVNTI heeds none", movnti, 3, EM | TS, 0, 1, OK },
    { "CRC32 heeds none", crc32, 5, EM | TS, 0, 1, OK },
    { "BEXTR heeds none", bextr, 5, EM | TS, 0, 1, OK },
    { "FXSAVE without OSFXSR", fxsave, 3, 0, 0, 1, OK },
    { "FXSAVE: EM", fxsave, 3, EM, 0, 1, VEC_UD },
    { "FXSAVE: TS", fxsave, 3, TS, 0, 1, VEC_NM },
    { "XSAVE without OSXSAVE", xsave, 3, 0, FX, 7, VEC_UD },
    { "XSAVE", xsave, 3, 0, XS, 7, OK },
    { "XSAVE: EM does not count", xsave, 3, EM, XS, 7, OK },
    { "XSAVE: TS", xsave, 3, TS, XS, 7, VEC_NM },
    { "AVX without OSXSAVE", vaddps, 4, 0, FX, 7, VEC_UD },
    { "AVX, XCR0 without AVX", vaddps, 4, 0, FX | XS, 3, VEC_UD },
    { "AVX, XCR0 without SSE", vaddps, 4, 0, FX | XS, 5, VEC_UD },
    { "AVX", vaddps, 4, 0, XS, 7, OK },
    { "AVX: EM does not count", vaddps, 4, EM, XS, 7, OK },
    { "AVX: TS", vaddps, 4, TS, XS, 7, VEC_NM },
    { "AVX: TS, no XCR0", vaddps, 4, TS, XS, 1, VEC_UD },
};

static bool allowed(struct rig *r, const uint8_t *code, size_t len)
{
    struct x86_insn in;

    assert_int_equal(x86_decode(code, (unsigned)len, (enum x86_code)r->c->code_bits, &in),
                     X86_DECODE_OK);
    r->c->stop.kind = SOFT_GOES_ON;
    return soft_allowed(r->c, &in);
}

static void units_decide(void **state)
{
    struct rig *r = *state;

    for (size_t i = 0; i < ARRAY_LEN(unit_cases); i++) {
        const struct unit_case *t = &unit_cases[i];

        rig_enter(r, LONG, 3);
        r->c->s.cr0 = (r->c->s.cr0 & ~(uint64_t)(EM | TS | MP)) | t->cr0;
        r->c->s.cr4 = X86_CR4_PAE | t->cr4;
        r->c->s.xcr0 = t->xcr0;
        rig_expect(t->name, allowed(r, t->code, t->len) ? OK : r->c->stop.vector, t->want);
    }
}

/* It ends in #GP either way: no counter is there. */
static void counters_ask_for_pce(void **state)
{
    static const uint8_t rdpmc[] = { 0x0f, 0x33 };
    struct rig *r = *state;

    for (unsigned cpl = 0; cpl < 4; cpl++) {
        rig_enter(r, LONG, cpl);
        assert_int_equal(allowed(r, rdpmc, 2), cpl == 0);
        r->c->s.cr4 |= X86_CR4_PCE;
        assert_true(allowed(r, rdpmc, 2));
    }
}

/* ---- features -------------------------------------------------------------------------------- */

/* Every row, with its feature taken away: #UD, or the row that stands in. */
static void features_decide(void **state)
{
    struct rig *r = *state;
    uint64_t all = r->model.features;
    unsigned tried = 0;

    rig_enter(r, LONG, 0);
    r->c->s.cr4 |= XS | X86_CR4_FSGSBASE;
    r->c->s.xcr0 = 7;
    for (unsigned op = 1; op < X86_NOPS; op++) {
        struct x86_insn in = { .op = (uint16_t)op, .opsize = 4, .code = X86_CODE_64 };
        const struct x86_row *row = &x86_rows[op];

        r->model.features = all;
        assert_int_equal(soft_offered_op(r->c, in.op), op);
        r->model.features = all & ~(UINT64_C(1) << row->feature);
        if (row->feature == X86_FEATURE_BASE)
            continue;
        tried++;
        assert_int_equal(soft_offered_op(r->c, in.op), row->otherwise != 0 ? row->otherwise : op);
        r->c->stop.kind = SOFT_GOES_ON;
        if (soft_allowed(r->c, &in) || r->c->stop.vector != VEC_UD)
            fail_msg("%s is executed without its feature", x86_op_names[op]);
    }
    r->model.features = all;
    assert_true(tried > 900);
}

/* FMA and its like need AVX's register state also when only their own bit is looked at. */
static void vex_vectors_need_avx(void **state)
{
    static const uint8_t vfmadd[] = { 0xc4, 0xe2, 0x79, 0x98, 0xc0 };
    struct rig *r = *state;
    uint64_t all = r->model.features;

    rig_enter(r, LONG, 0);
    r->c->s.cr4 |= XS;
    r->c->s.xcr0 = 7;
    assert_true(allowed(r, vfmadd, 5));
    r->model.features = all & ~(UINT64_C(1) << X86_FEATURE_AVX);
    assert_false(allowed(r, vfmadd, 5));
    assert_int_equal(r->c->stop.vector, VEC_UD);
    assert_true(allowed(r, bextr, 5));
    r->model.features = all;
}

/* ---- virtual-8086 mode ------------------------------------------------------------------------- */

/* SDM 3B 21.2, "Sensitive Instructions". */
static void vm86_asks_for_iopl(void **state)
{
    static const struct {
        const char *name;
        const uint8_t *code;
        size_t len;
    } rows[] = {
        { "PUSHF", CODE("\x9c") },
        { "POPF", CODE("\x9d") },
        { "INT 21h", CODE("\xcd\x21") },
        { "IRET", CODE("\xcf") },
    };
    struct rig *r = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (uint64_t iopl = 0; iopl < 4; iopl++) {
            rig_enter(r, VM86, 3);
            r->c->s.rflags |= iopl << 12;
            rig_expect(rows[i].name, allowed(r, rows[i].code, rows[i].len) ? OK : r->c->stop.vector,
                       iopl == 3 ? OK : VEC_GP);
        }
        rig_enter(r, PROT, 3); /* elsewhere IOPL does not matter */
        rig_expect(rows[i].name, allowed(r, rows[i].code, rows[i].len) ? OK : VEC_GP, OK);
    }
    rig_enter(r, VM86, 3);
    rig_expect("INT3", allowed(r, CODE("\xcc")) ? OK : VEC_GP, OK);
    rig_expect("SYSENTER", allowed(r, CODE("\x0f\x34")) ? OK : r->c->stop.vector, OK);
    rig_expect("SYSEXIT", allowed(r, CODE("\x0f\x35")) ? OK : r->c->stop.vector, VEC_GP);
    rig_enter(r, REAL, 0);
    rig_expect("SYSENTER, real", allowed(r, CODE("\x0f\x34")) ? OK : r->c->stop.vector, VEC_GP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes_decide),          cmocka_unit_test(only_ring_0_is_privileged),
        cmocka_unit_test(sysret_may_be_unknown), cmocka_unit_test(cr4_decides),
        cmocka_unit_test(units_decide),          cmocka_unit_test(counters_ask_for_pce),
        cmocka_unit_test(features_decide),       cmocka_unit_test(vex_vectors_need_avx),
        cmocka_unit_test(vm86_asks_for_iopl),
    };

    return cmocka_run_group_tests_name("soft/allowed", tests, rig_setup, rig_teardown);
}
