/* SPDX-License-Identifier: MIT */
/*
 * test_cpuid_model.c - the CPU that guests see: what is offered, what is hidden, what follows registers
 *
 * Source: SDM 2, "CPUID".
 */
#include "soft_sys_rig.h"

#include <cpuid.h>
#include <stdlib.h>
#include <string.h>

enum { EAX, EBX, ECX, EDX };

static const struct x86_cpuid_config four = { .ncpus = 4, .phys_bits = 46, .apic = true };

static uint32_t reg_of(const struct x86_cpuid_regs *r, unsigned reg)
{
    const uint32_t all[] = { r->eax, r->ebx, r->ecx, r->edx };

    return all[reg];
}

static struct x86_cpuid_regs ask(const struct x86_cpuid_model *m, const struct x86_state *s,
                                 unsigned cpu, uint32_t leaf, uint32_t subleaf)
{
    struct x86_cpuid_regs r = { 1, 2, 3, 4 };

    x86_cpuid(m, s, cpu, leaf, subleaf, &r);
    return r;
}

/* ---- sources --------------------------------------------------------------------------------- */

/* An AMD of every feature; one bit can be missing. */
struct fake {
    struct x86_feature_place missing;
};

static void fake_read(void *ctx, uint32_t leaf, uint32_t subleaf, struct x86_cpuid_regs *out)
{
    const struct fake *f = ctx;
    uint32_t r[4] = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };

    if (leaf == f->missing.leaf && subleaf == f->missing.subleaf)
        r[f->missing.reg] &= ~(1u << f->missing.bit);
    *out = (struct x86_cpuid_regs){ r[0], r[1], r[2], r[3] };
    if (leaf == 0 || leaf == 0x80000000) {
        out->eax = leaf | 0x20;
        memcpy(&out->ebx, "Auth", 4);
        memcpy(&out->edx, "enti", 4);
        memcpy(&out->ecx, "cAMD", 4);
    }
}

static void fake_model(struct x86_cpuid_model *m, struct fake *f, uint64_t xcr0)
{
    const struct x86_cpuid_source source = { .read = fake_read, .ctx = f, .xcr0 = xcr0 };

    x86_cpuid_model_init(m, &four, &source);
}

/* Features of nobody; past its last leaf, as on Intel's CPUs, bits that mean something else. */
static void nothing(void *ctx, uint32_t leaf, uint32_t subleaf, struct x86_cpuid_regs *out)
{
    (void)ctx;
    (void)subleaf;
    *out = (struct x86_cpuid_regs){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
    if (leaf <= 1 || leaf == 0x80000000)
        *out = (struct x86_cpuid_regs){ .eax = leaf == 0 ? 1 : 0 };
}

/* ---- what is offered ------------------------------------------------------------------------- */

/* The bits that have no instruction of their own; every other bit must have rows in the opcode table. */
static const struct x86_feature_place system_features[] = {
    { 1, 0, ECX, 17 },          { 1, 0, ECX, 21 },          { 1, 0, ECX, 24 },
    { 1, 0, ECX, 31 },          { 1, 0, EDX, 1 },           { 1, 0, EDX, 2 },
    { 1, 0, EDX, 3 },           { 1, 0, EDX, 6 },           { 1, 0, EDX, 7 },
    { 1, 0, EDX, 9 },           { 1, 0, EDX, 12 },          { 1, 0, EDX, 13 },
    { 1, 0, EDX, 14 },          { 1, 0, EDX, 16 },          { 1, 0, EDX, 17 },
    { 1, 0, EDX, 28 },          { 7, 0, EBX, 1 },           { 7, 0, EBX, 6 },
    { 7, 0, EBX, 7 },           { 7, 0, EBX, 9 },           { 7, 0, EBX, 13 },
    { 7, 0, ECX, 2 },           { 7, 0, EDX, 4 },           { 7, 0, EDX, 26 },
    { 7, 0, EDX, 27 },          { 7, 0, EDX, 29 },          { 7, 0, EDX, 31 },
    { 0x80000001, 0, EDX, 20 }, { 0x80000001, 0, EDX, 26 }, { 0x80000008, 0, EBX, 2 },
};

static bool place_is(const struct x86_feature_place *p, uint32_t leaf, unsigned reg, unsigned bit)
{
    return p->leaf == leaf && p->reg == reg && p->bit == bit && p->subleaf == (leaf == 0xd ? 1 : 0);
}

static bool has_rows(uint32_t leaf, unsigned reg, unsigned bit)
{
    for (unsigned op = 1; op < X86_NOPS; op++) {
        if (place_is(&x86_feature_places[x86_rows[op].feature], leaf, reg, bit))
            return true;
    }
    return false;
}

static bool is_system(uint32_t leaf, unsigned reg, unsigned bit)
{
    for (size_t i = 0; i < ARRAY_LEN(system_features); i++) {
        if (place_is(&system_features[i], leaf, reg, bit))
            return true;
    }
    return false;
}

static const struct {
    uint32_t leaf, subleaf;
    unsigned first, last; /* registers that hold feature bits */
} feature_leaves[] = {
    { 1, 0, ECX, EDX },          { 7, 0, EBX, EDX },          { 0xd, 1, EAX, EAX },
    { 0x80000001, 0, ECX, EDX }, { 0x80000008, 0, EBX, EBX },
};

static void every_bit_has_rows(void **state)
{
    struct rig *r = *state;
    unsigned bits = 0;

    rig_enter(r, LONG, 0);
    for (size_t i = 0; i < ARRAY_LEN(feature_leaves); i++) {
        uint32_t leaf = feature_leaves[i].leaf;
        struct x86_cpuid_regs got = ask(&r->model, &r->c->s, 0, leaf, feature_leaves[i].subleaf);

        for (unsigned b = feature_leaves[i].first * 32; b < feature_leaves[i].last * 32 + 32; b++) {
            if (!(reg_of(&got, b / 32) >> b % 32 & 1))
                continue;
            bits++;
            if (!has_rows(leaf, b / 32, b % 32) && !is_system(leaf, b / 32, b % 32))
                fail_msg("leaf 0x%x, register %u, bit %u is offered and has no rows", leaf, b / 32,
                         b % 32);
        }
    }
    assert_true(bits > 60);
}

static void every_feature_is_offered(void **state)
{
    struct rig *r = *state;

    for (unsigned f = 1; f < X86_NFEATURES; f++) {
        assert_true(x86_cpuid_has(&r->model, f));
        assert_true(x86_cpuid_offers(&r->model, &x86_feature_places[f]));
    }
    assert_true(x86_cpuid_has(&r->model, X86_FEATURE_BASE));
}

/* Issue text and SDM: what this CPU does not do must not be seen, on a source that has it. */
static void hidden_bits(void **state)
{
    static const struct hidden {
        const char *name;
        struct x86_feature_place at;
    } rows[] = {
        { "DTES64", { 1, 0, ECX, 2 } },
        { "MONITOR", { 1, 0, ECX, 3 } },
        { "VMX", { 1, 0, ECX, 5 } },
        { "SMX", { 1, 0, ECX, 6 } },
        { "PDCM", { 1, 0, ECX, 15 } },
        { "x2APIC", { 1, 0, ECX, 21 } },
        { "TSC deadline", { 1, 0, ECX, 24 } },
        { "OSXSAVE", { 1, 0, ECX, 27 } },
        { "PSN", { 1, 0, EDX, 18 } },
        { "DS", { 1, 0, EDX, 21 } },
        { "ACPI", { 1, 0, EDX, 22 } },
        { "SGX", { 7, 0, EBX, 2 } },
        { "HLE", { 7, 0, EBX, 4 } },
        { "RTM", { 7, 0, EBX, 11 } },
        { "PQM", { 7, 0, EBX, 12 } },
        { "MPX", { 7, 0, EBX, 14 } },
        { "AVX512F", { 7, 0, EBX, 16 } },
        { "AVX512DQ", { 7, 0, EBX, 17 } },
        { "AVX512_IFMA", { 7, 0, EBX, 21 } },
        { "processor trace", { 7, 0, EBX, 25 } },
        { "AVX512CD", { 7, 0, EBX, 28 } },
        { "AVX512BW", { 7, 0, EBX, 30 } },
        { "AVX512VL", { 7, 0, EBX, 31 } },
        { "PKU", { 7, 0, ECX, 3 } },
        { "OSPKE", { 7, 0, ECX, 4 } },
        { "WAITPKG", { 7, 0, ECX, 5 } },
        { "CET shadow stacks", { 7, 0, ECX, 7 } },
        { "GFNI", { 7, 0, ECX, 8 } },
        { "VAES", { 7, 0, ECX, 9 } },
        { "LA57", { 7, 0, ECX, 16 } },
        { "MOVDIRI", { 7, 0, ECX, 27 } },
        { "PKS", { 7, 0, ECX, 31 } },
        { "UINTR", { 7, 0, EDX, 5 } },
        { "SERIALIZE", { 7, 0, EDX, 14 } },
        { "CET IBT", { 7, 0, EDX, 20 } },
        { "AMX", { 7, 0, EDX, 24 } },
        { "L1D_FLUSH", { 7, 0, EDX, 28 } },
        { "XGETBV 1", { 0xd, 1, EAX, 2 } },
        { "XFD", { 0xd, 1, EAX, 4 } },
        { "SVM", { 0x80000001, 0, ECX, 2 } },
        { "SSE4a", { 0x80000001, 0, ECX, 6 } },
        { "XOP", { 0x80000001, 0, ECX, 11 } },
        { "FMA4", { 0x80000001, 0, ECX, 16 } },
        { "TBM", { 0x80000001, 0, ECX, 21 } },
        { "MONITORX", { 0x80000001, 0, ECX, 29 } },
        { "FFXSR", { 0x80000001, 0, EDX, 25 } },
        { "3DNow!", { 0x80000001, 0, EDX, 31 } },
    };
    struct rig *r = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (x86_cpuid_offers(&r->model, &rows[i].at))
            fail_msg("%s is offered", rows[i].name);
    }
}

/* Leaves of what is not there: MONITOR, performance counters, trace, SGX, AMX, AVX10. */
static void empty_leaves(void **state)
{
    static const uint32_t leaves[] = { 3, 5, 8, 9, 0xa, 0xc, 0x40000002, 0x400000ff, 0x80000005 };
    const struct x86_cpuid_regs zero = { 0 };
    struct rig *r = *state;

    rig_enter(r, LONG, 0);
    for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
        struct x86_cpuid_regs got = ask(&r->model, &r->c->s, 0, leaves[i], 0);

        assert_memory_equal(&got, &zero, sizeof(zero));
    }
}

/* ---- the source limits ----------------------------------------------------------------------- */

static void missing_features_stay_missing(void **state)
{
    struct x86_cpuid_model *m = calloc(1, sizeof(*m));

    (void)state;
    assert_non_null(m);
    for (unsigned f = 1; f < X86_NFEATURES; f++) {
        struct fake fake = { x86_feature_places[f] };

        fake_model(m, &fake, UINT64_MAX);
        assert_false(x86_cpuid_has(m, f));
        assert_false(x86_cpuid_offers(m, &x86_feature_places[f]));
    }
    free(m);
}

/* What the x87 pointers are is the software CPU's on every host; that XRSTOR always loads them is not. */
static void x87_pointers(void **state)
{
    static const struct x86_feature_place fdp_excptn_only = { 7, 0, EBX, 6 },
                                          no_fcs_fds = { 7, 0, EBX, 13 },
                                          restored = { 0x80000008, 0, EBX, 2 };
    const struct x86_feature_place *lacks[] = { &fdp_excptn_only, &no_fcs_fds, &restored };
    struct x86_cpuid_model *m = calloc(1, sizeof(*m));

    (void)state;
    assert_non_null(m);
    for (size_t i = 0; i < ARRAY_LEN(lacks); i++) {
        struct fake fake = { *lacks[i] };

        fake_model(m, &fake, 7);
        assert_true(x86_cpuid_offers(m, &fdp_excptn_only));
        assert_true(x86_cpuid_offers(m, &no_fcs_fds));
        assert_int_equal(x86_cpuid_offers(m, &restored), lacks[i] != &restored);
    }
    free(m);
}

static void features_build_on_others(void **state)
{
    static const struct {
        enum x86_feature without, gone, stays;
    } rows[] = {
        { X86_FEATURE_AVX, X86_FEATURE_AVX2, X86_FEATURE_BMI2 },
        { X86_FEATURE_AVX, X86_FEATURE_FMA, X86_FEATURE_XSAVE },
        { X86_FEATURE_XSAVE, X86_FEATURE_AVX, X86_FEATURE_SSE42 },
        { X86_FEATURE_XSAVE, X86_FEATURE_F16C, X86_FEATURE_AES },
        { X86_FEATURE_XSAVEC, X86_FEATURE_XSAVES, X86_FEATURE_XSAVEOPT },
        { X86_FEATURE_SSE2, X86_FEATURE_AVX2, X86_FEATURE_SSE },
        { X86_FEATURE_FXSR, X86_FEATURE_SSE42, X86_FEATURE_MMX },
        { X86_FEATURE_TSC, X86_FEATURE_RDTSCP, X86_FEATURE_RDPID },
    };
    struct x86_cpuid_model *m = calloc(1, sizeof(*m));

    (void)state;
    assert_non_null(m);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake fake = { x86_feature_places[rows[i].without] };

        fake_model(m, &fake, UINT64_MAX);
        assert_false(x86_cpuid_has(m, rows[i].gone));
        assert_false(x86_cpuid_offers(m, &x86_feature_places[rows[i].gone]));
        assert_true(x86_cpuid_has(m, rows[i].stays));
    }
    free(m);
}

/* What the host's kernel does not switch must not be used. */
static void register_states_limit(void **state)
{
    static const struct {
        uint64_t host;
        bool xsave, avx;
        uint64_t xcr0;
    } rows[] = {
        { 0, false, false, 0 }, { 1, false, false, 0 }, { 3, true, false, 3 },
        { 5, false, false, 0 }, { 7, true, true, 7 },   { 0x602e7, true, true, 7 },
    };
    struct x86_cpuid_model *m = calloc(1, sizeof(*m));
    struct fake fake = { { 0 } };

    (void)state;
    assert_non_null(m);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fake_model(m, &fake, rows[i].host);
        assert_int_equal(x86_cpuid_has(m, X86_FEATURE_XSAVE), rows[i].xsave);
        assert_int_equal(x86_cpuid_has(m, X86_FEATURE_AVX), rows[i].avx);
        assert_int_equal(x86_cpuid_has(m, X86_FEATURE_AVX2), rows[i].avx);
        assert_int_equal(m->xcr0, rows[i].xcr0);
        assert_int_equal((m->cr4 & X86_CR4_OSXSAVE) != 0, rows[i].xsave);
    }
    free(m);
}

static void cr4_follows_features(void **state)
{
    static const struct {
        enum x86_feature feature;
        uint64_t cr4;
    } rows[] = {
        { X86_FEATURE_TSC, X86_CR4_TSD },           { X86_FEATURE_FXSR, X86_CR4_OSFXSR },
        { X86_FEATURE_SSE, X86_CR4_OSXMMEXCPT },    { X86_FEATURE_XSAVE, X86_CR4_OSXSAVE },
        { X86_FEATURE_FSGSBASE, X86_CR4_FSGSBASE }, { X86_FEATURE_SMAP, X86_CR4_SMAP },
    };
    struct x86_cpuid_model *m = calloc(1, sizeof(*m));

    (void)state;
    assert_non_null(m);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fake fake = { x86_feature_places[rows[i].feature] };

        fake_model(m, &fake, UINT64_MAX);
        assert_int_equal(m->cr4 & rows[i].cr4, 0);
    }
    free(m);
}

/* The oldest CPU there is: no leaf past 1, nothing extended. */
static void poor_source(void **state)
{
    const struct x86_cpuid_source source = { .read = nothing };
    struct x86_cpuid_model *m = calloc(1, sizeof(*m));

    (void)state;
    assert_non_null(m);
    x86_cpuid_model_init(m, &four, &source);
    assert_int_equal(m->features, 1); /* BASE */
    assert_int_equal(m->xcr0, 0);
    free(m);
}

/* The base model of this very host is a subset of it. */
static void subset_of_the_host(void **state)
{
    struct x86_cpuid_model *m = calloc(1, sizeof(*m));

    (void)state;
    assert_non_null(m);
    soft_host_model(m, &four);
    for (unsigned f = 1; f < X86_NFEATURES; f++) {
        const struct x86_feature_place *p = &x86_feature_places[f];
        struct x86_cpuid_regs host = { 0 };

        if (!x86_cpuid_has(m, f))
            continue;
        assert_int_equal(
            __get_cpuid_count(p->leaf, p->subleaf, &host.eax, &host.ebx, &host.ecx, &host.edx), 1);
        if (!(reg_of(&host, p->reg) >> p->bit & 1))
            fail_msg("feature %u is offered, and this host does not have it", f);
    }
    assert_true(x86_cpuid_has(m, X86_FEATURE_SSE2)); /* every x86-64 has it */
    assert_true(x86_cpuid_has(m, X86_FEATURE_LM));
    free(m);
}

/* ---- leaves ---------------------------------------------------------------------------------- */

static void identity(void **state)
{
    struct rig *r = *state;
    const struct x86_state *s = &r->c->s;
    struct x86_cpuid_regs got;
    char text[49] = "";

    rig_enter(r, LONG, 0);
    got = ask(&r->model, s, 0, 0, 0);
    assert_int_equal(got.eax, 0xd);
    assert_memory_equal(&got.ebx, "Genu", 4);
    got = ask(&r->model, s, 0, 0x80000000, 0);
    assert_int_equal(got.eax, 0x80000008);
    got = ask(&r->model, s, 0, 0x40000000, 0);
    assert_int_equal(got.eax, 0x40000001);
    assert_memory_equal(&got.ebx, "KVMKVMKVM\0\0\0", 12);
    got = ask(&r->model, s, 0, 0x40000001, 0);
    assert_int_equal(got.eax, 1u << 3 | 1u << 24); /* CLOCKSOURCE2, its stable bit */
    assert_int_equal(got.ebx | got.ecx | got.edx, 0);
    for (uint32_t i = 0; i < 3; i++) {
        got = ask(&r->model, s, 0, 0x80000002 + i, 0);
        memcpy(text + (size_t)16 * i, &got, 16);
    }
    assert_string_equal(text, "Vitro virtual CPU");
    got = ask(&r->model, s, 0, 0x80000008, 0);
    assert_int_equal(got.eax, 46 | 48 << 8);
    got = ask(&r->model, s, 0, 0x80000007, 0);
    assert_int_equal(got.edx, 0x100);
    assert_int_equal(ask(&r->model, s, 0, 1, 0).ebx >> 8 & 0xff, 8); /* CLFLUSH: 64 bytes */
}

/* SDM 2, CPUID: past the last leaf Intel answers with the last basic one, AMD with zeros. */
static void leaves_out_of_range(void **state)
{
    struct rig *r = *state;
    struct x86_cpuid_model *amd = calloc(1, sizeof(*amd));
    struct fake fake = { { 0 } };
    struct x86_cpuid_regs got, last;

    assert_non_null(amd);
    rig_enter(r, LONG, 0);
    fake_model(amd, &fake, 7);
    last = ask(&r->model, &r->c->s, 0, 0xd, 2);
    assert_int_equal(last.eax, 256);
    got = ask(&r->model, &r->c->s, 0, 0xe, 2);
    assert_memory_equal(&got, &last, sizeof(got));
    got = ask(&r->model, &r->c->s, 0, 0x80000009, 2);
    assert_memory_equal(&got, &last, sizeof(got));
    got = ask(&r->model, &r->c->s, 0, 0xc0000000, 2);
    assert_memory_equal(&got, &last, sizeof(got));
    got = ask(amd, &r->c->s, 0, 0xe, 2);
    assert_int_equal(got.eax | got.ebx | got.ecx | got.edx, 0);
    got = ask(amd, &r->c->s, 0, 0x80000000, 0);
    assert_memory_equal(&got.ebx, "Auth", 4);
    free(amd);
}

static void topology(void **state)
{
    static const struct {
        unsigned ncpus, bits;
    } rows[] = { { 1, 0 }, { 2, 1 }, { 3, 2 }, { 4, 2 }, { 5, 3 }, { 8, 3 } };
    struct rig *r = *state;
    struct x86_cpuid_model *m = calloc(1, sizeof(*m));

    assert_non_null(m);
    rig_enter(r, LONG, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct x86_cpuid_config config = { .ncpus = rows[i].ncpus, .phys_bits = 46 };
        unsigned last = rows[i].ncpus - 1;
        struct x86_cpuid_regs thread, core, past, one, l1, l3;

        rig_model(m, &config);
        thread = ask(m, &r->c->s, last, 0xb, 0);
        core = ask(m, &r->c->s, last, 0xb, 1);
        past = ask(m, &r->c->s, last, 0xb, 2);
        one = ask(m, &r->c->s, last, 1, 0);
        l1 = ask(m, &r->c->s, last, 4, 0);
        l3 = ask(m, &r->c->s, last, 4, 3);
        assert_true(thread.eax == 0 && thread.ebx == 1 && thread.ecx == 0x100);
        assert_true(core.eax == rows[i].bits && core.ebx == rows[i].ncpus && core.ecx == 0x201);
        assert_true(past.eax == 0 && past.ebx == 0 && past.ecx == 2);
        assert_true(thread.edx == last && core.edx == last && past.edx == last);
        assert_int_equal(one.ebx >> 24, last);
        assert_int_equal(one.ebx >> 16 & 0xff, 1u << rows[i].bits);
        assert_int_equal(one.edx >> 28 & 1, rows[i].ncpus > 1);
        assert_int_equal(l1.eax >> 14 & 0xfff, 0);
        assert_int_equal(l3.eax >> 14 & 0xfff, (1u << rows[i].bits) - 1);
        assert_int_equal(l3.eax >> 26, (1u << rows[i].bits) - 1);
        assert_int_equal(ask(m, &r->c->s, last, 4, 4).eax, 0);
    }
    free(m);
}

/* ---- bits that follow registers ----------------------------------------------------------------- */

static void bits_follow_registers(void **state)
{
    struct rig *r = *state;
    struct x86_state *s = &r->c->s;
    struct x86_cpuid_model *m = calloc(1, sizeof(*m));

    assert_non_null(m);
    rig_model(m, &four);
    rig_enter(r, LONG, 0);
    assert_int_equal(ask(m, s, 0, 1, 0).ecx >> 27 & 1, 0);
    s->cr4 |= X86_CR4_OSXSAVE;
    assert_int_equal(ask(m, s, 0, 1, 0).ecx >> 27 & 1, 1);
    assert_int_equal(ask(m, s, 0, 1, 0).edx >> 9 & 1, 1);
    assert_int_equal(ask(m, s, 0, 6, 0).eax, 4);
    s->apic_base &= ~UINT64_C(0x800);
    assert_int_equal(ask(m, s, 0, 1, 0).edx >> 9 & 1, 0);
    assert_int_equal(ask(m, s, 0, 0xd, 0).eax, 7);
    assert_int_equal(ask(m, s, 0, 0xd, 0).ebx, 576);
    assert_int_equal(ask(m, s, 0, 0xd, 0).ecx, 832);
    assert_int_equal(ask(m, s, 0, 0xd, 1).ebx, 576);
    s->xcr0 = 7;
    assert_int_equal(ask(m, s, 0, 0xd, 0).ebx, 832);
    assert_int_equal(ask(m, s, 0, 0xd, 1).ebx, 832);
    assert_int_equal(ask(m, s, 0, 0xd, 2).eax, 256);
    assert_int_equal(ask(m, s, 0, 0xd, 2).ebx, 576);
    assert_int_equal(ask(m, s, 0, 0xd, 3).eax, 0);
    assert_int_equal(ask(m, s, 0, 7, 1).eax, 0);
    rig_model(m, &(struct x86_cpuid_config){ .ncpus = 1, .phys_bits = 46 });
    s->apic_base |= 0x800;
    assert_int_equal(ask(m, s, 0, 1, 0).edx >> 9 & 1, 0); /* no APIC, whatever the MSR says */
    assert_int_equal(ask(m, s, 0, 6, 0).eax, 0);
    free(m);
}

/* The leaves that take no subleaf ignore ECX. */
static void ecx_is_ignored_where_it_is(void **state)
{
    static const uint32_t leaves[] = { 0, 1, 2, 6, 0x40000000, 0x80000001, 0x80000002, 0x80000008 };
    struct rig *r = *state;

    rig_enter(r, LONG, 0);
    for (size_t i = 0; i < ARRAY_LEN(leaves); i++) {
        struct x86_cpuid_regs a = ask(&r->model, &r->c->s, 0, leaves[i], 0);
        struct x86_cpuid_regs b = ask(&r->model, &r->c->s, 0, leaves[i], 0x12345);

        assert_memory_equal(&a, &b, sizeof(a));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_has_rows),
        cmocka_unit_test(every_feature_is_offered),
        cmocka_unit_test(hidden_bits),
        cmocka_unit_test(empty_leaves),
        cmocka_unit_test(missing_features_stay_missing),
        cmocka_unit_test(x87_pointers),
        cmocka_unit_test(features_build_on_others),
        cmocka_unit_test(register_states_limit),
        cmocka_unit_test(cr4_follows_features),
        cmocka_unit_test(poor_source),
        cmocka_unit_test(subset_of_the_host),
        cmocka_unit_test(identity),
        cmocka_unit_test(leaves_out_of_range),
        cmocka_unit_test(topology),
        cmocka_unit_test(bits_follow_registers),
        cmocka_unit_test(ecx_is_ignored_where_it_is),
    };

    return cmocka_run_group_tests_name("x86/cpuid", tests, rig_setup, rig_teardown);
}
