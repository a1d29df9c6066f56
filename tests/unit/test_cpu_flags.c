/* SPDX-License-Identifier: MIT */
/* test_cpu_flags.c - names of CPUID bits, wishes for a CPU model, and what comes of them. */
#include "soft_sys_rig.h"

#include <errno.h>
#include <string.h>

#include "x86/cpu_flags.h"

static bool is_place(const struct x86_feature_place *a, const struct x86_feature_place *b)
{
    return a->leaf == b->leaf && a->subleaf == b->subleaf && a->reg == b->reg && a->bit == b->bit;
}

static int row_of(const char *name)
{
    for (unsigned i = 0; i < x86_ncpu_flags; i++) {
        if (strcmp(x86_cpu_flags[i].name, name) == 0)
            return (int)i;
    }
    fail_msg("no flag %s", name);
    return -1;
}

static void names_are_unique(void **state)
{
    (void)state;
    for (unsigned i = 0; i < x86_ncpu_flags; i++) {
        for (unsigned k = 0; k < i; k++) {
            assert_string_not_equal(x86_cpu_flags[i].name, x86_cpu_flags[k].name);
            assert_false(is_place(&x86_cpu_flags[i].at, &x86_cpu_flags[k].at));
        }
    }
}

/* Every bit of a model that has everything: nothing is offered that cannot be named. */
static void every_bit_has_a_name(void **state)
{
    static const struct {
        uint32_t leaf, subleaf;
        uint8_t first, last;
    } places[] = { { 1, 0, 2, 3 },         { 6, 0, 0, 0 },          { 7, 0, 1, 3 },
                   { 0xd, 1, 0, 0 },       { 0x80000001, 0, 2, 3 }, { 0x80000007, 0, 3, 3 },
                   { 0x80000008, 0, 1, 1 } };
    static const struct x86_cpuid_config config = {
        .ncpus = 2, .phys_bits = 46, .apic = true, .x2apic = true, .tsc_deadline = true
    };
    struct x86_cpuid_model m;

    (void)state;
    rig_model(&m, &config);
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        for (uint8_t reg = places[i].first; reg <= places[i].last; reg++) {
            for (uint8_t bit = 0; bit < 32; bit++) {
                const struct x86_feature_place at = { places[i].leaf, places[i].subleaf, reg, bit };

                if (x86_cpuid_offers(&m, &at) && x86_cpu_flag_at(&at) < 0)
                    fail_msg("leaf 0x%x.%u register %u bit %u has no name", at.leaf, at.subleaf,
                             reg, bit);
            }
        }
    }
    for (unsigned f = X86_FEATURE_BASE + 1; f < X86_NFEATURES; f++)
        assert_true(x86_feature_places[f].leaf == 0 ||
                    x86_cpu_flag_at(&x86_feature_places[f]) >= 0);
    assert_int_equal(x86_cpu_flag_at(&x86_kvmclock_place), row_of("kvmclock"));
}

/* "/proc/cpuinfo" of a host that has more than we offer: where we offer it, it is spelt so. */
static void spelt_as_the_kernel_does(void **state)
{
    static const char *const words[] = { "pni",
                                         "pclmulqdq",
                                         "sse4_1",
                                         "sse4_2",
                                         "abm",
                                         "sha_ni",
                                         "lahf_lm",
                                         "nx",
                                         "pdpe1gb",
                                         "clflush",
                                         "bmi1",
                                         "fxsr",
                                         "cx16",
                                         "xsaveopt",
                                         "arat",
                                         "x2apic",
                                         "tsc_deadline_timer",
                                         "3dnowprefetch" };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        row_of(words[i]);
}

static void wishes(void **state)
{
    struct x86_cpu_spec s;
    struct vitro_err err = { 0 };

    (void)state;
    assert_int_equal(x86_cpu_spec_parse(NULL, &s, &err), 0);
    assert_false(s.host);
    assert_int_equal(x86_cpu_spec_parse("base", &s, &err), 0);
    assert_false(s.host);
    assert_int_equal(x86_cpu_spec_parse("host", &s, &err), 0);
    assert_true(s.host);
    assert_int_equal(x86_cpu_spec_parse("base,-avx2,+avx2,+rdrand,-rdrand", &s, &err), 0);
    assert_true(s.plus[row_of("avx2")] && !s.minus[row_of("avx2")]);
    assert_true(!s.plus[row_of("rdrand")] && s.minus[row_of("rdrand")]);
    /* with all that AVX2 builds on */
    assert_true(s.plus[row_of("avx")] && s.plus[row_of("xsave")] && s.plus[row_of("sse4_2")] &&
                s.plus[row_of("pni")] && s.plus[row_of("fxsr")]);
    assert_int_equal(x86_cpu_spec_parse("+avx2,-xsave", &s, &err), 0);
    assert_true(!s.plus[row_of("xsave")]);
}

static void wrong_wishes(void **state)
{
    static const char *const words[] = {
        "",      "pentium", "+",      "-",      "+avx2,", ",-avx2",
        "++avx", "+AVX2",   "+avx20", "+avx2 ", "host,x", "+base"
    };
    char long_word[8192];
    struct x86_cpu_spec s;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct vitro_err err = { 0 };

        assert_int_equal(x86_cpu_spec_parse(words[i], &s, &err), -EINVAL);
        assert_int_equal(err.kind, VITRO_ERR_USAGE);
    }
    memset(long_word, '+', sizeof(long_word) - 1);
    long_word[sizeof(long_word) - 1] = '\0';
    assert_int_equal(x86_cpu_spec_parse(long_word, &s, NULL), -EINVAL);
}

/* ---- a model under a limit ------------------------------------------------------------------- */

static void everything(void *ctx, uint32_t leaf, uint32_t subleaf, struct x86_cpuid_regs *out)
{
    (void)ctx, (void)subleaf;
    *out = (struct x86_cpuid_regs){ UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
    if (leaf == 0 || leaf == 0x80000000)
        out->eax = leaf | 0x20;
}

static bool all_but(void *ctx, const struct x86_feature_place *at)
{
    return !is_place(ctx, at);
}

/* Taking any one bit away takes away that one, what builds on it, and its bit of CR4. */
static void limits(void **state)
{
    const struct x86_cpuid_config config = { .ncpus = 1, .phys_bits = 46 };
    struct x86_cpuid_model m;

    (void)state;
    for (unsigned i = 0; i < x86_ncpu_flags; i++) {
        struct x86_feature_place at = x86_cpu_flags[i].at;
        const struct x86_cpuid_source source = {
            .read = everything, .ctx = &at, .xcr0 = UINT64_MAX, .allows = all_but
        };

        x86_cpuid_model_init(&m, &config, &source);
        if (x86_cpuid_offers(&m, &at))
            fail_msg("%s is offered", x86_cpu_flags[i].name);
        assert_int_equal(m.kvmclock, !is_place(&at, &x86_kvmclock_place));
    }
    {
        struct x86_feature_place at = x86_cpu_flags[row_of("smep")].at;
        const struct x86_cpuid_source source = {
            .read = everything, .ctx = &at, .xcr0 = UINT64_MAX, .allows = all_but
        };

        x86_cpuid_model_init(&m, &config, &source);
        assert_false(m.cr4 & X86_CR4_SMEP);
        assert_true(m.cr4 & X86_CR4_SMAP);
    }
}

static void check_says_what_is_missing(void **state)
{
    const struct x86_cpuid_config config = { .ncpus = 1, .phys_bits = 46 };
    struct vitro_err err = { 0 };
    struct x86_cpuid_model m;
    struct x86_cpu_spec s;

    (void)state;
    rig_model(&m, &config);
    assert_int_equal(x86_cpu_spec_parse("+avx2", &s, NULL), 0);
    assert_int_equal(x86_cpu_spec_check(&s, &m, &err), 0);
    assert_int_equal(x86_cpu_spec_parse("+apic", &s, NULL), 0); /* this board has none */
    assert_int_equal(x86_cpu_spec_check(&s, &m, &err), -ENOTSUP);
    assert_non_null(strstr(err.text, "apic"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(every_bit_has_a_name),
        cmocka_unit_test(spelt_as_the_kernel_does),
        cmocka_unit_test(wishes),
        cmocka_unit_test(wrong_wishes),
        cmocka_unit_test(limits),
        cmocka_unit_test(check_says_what_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
