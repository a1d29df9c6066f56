/* SPDX-License-Identifier: MIT */
/*
 * cpu_flags.c - the table of names, and reading a wish
 *
 * Sources: SDM 2, "CPUID"; AMD APM 3, appendix E; names of the Linux kernel's arch/x86/include/asm/cpufeatures.h.
 */
#include "x86/cpu_flags.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/bits.h"

enum reg { EAX, EBX, ECX, EDX };

const struct x86_cpu_flag x86_cpu_flags[] = {
    { "fpu", { 1, 0, EDX, 0 } },
    { "vme", { 1, 0, EDX, 1 } },
    { "de", { 1, 0, EDX, 2 } },
    { "pse", { 1, 0, EDX, 3 } },
    { "tsc", { 1, 0, EDX, 4 } },
    { "msr", { 1, 0, EDX, 5 } },
    { "pae", { 1, 0, EDX, 6 } },
    { "mce", { 1, 0, EDX, 7 } },
    { "cx8", { 1, 0, EDX, 8 } },
    { "apic", { 1, 0, EDX, 9 } },
    { "sep", { 1, 0, EDX, 11 } },
    { "mtrr", { 1, 0, EDX, 12 } },
    { "pge", { 1, 0, EDX, 13 } },
    { "mca", { 1, 0, EDX, 14 } },
    { "cmov", { 1, 0, EDX, 15 } },
    { "pat", { 1, 0, EDX, 16 } },
    { "pse36", { 1, 0, EDX, 17 } },
    { "clflush", { 1, 0, EDX, 19 } },
    { "mmx", { 1, 0, EDX, 23 } },
    { "fxsr", { 1, 0, EDX, 24 } },
    { "sse", { 1, 0, EDX, 25 } },
    { "sse2", { 1, 0, EDX, 26 } },
    { "ht", { 1, 0, EDX, 28 } },
    { "pni", { 1, 0, ECX, 0 } },
    { "pclmulqdq", { 1, 0, ECX, 1 } },
    { "ssse3", { 1, 0, ECX, 9 } },
    { "fma", { 1, 0, ECX, 12 } },
    { "cx16", { 1, 0, ECX, 13 } },
    { "pcid", { 1, 0, ECX, 17 } },
    { "sse4_1", { 1, 0, ECX, 19 } },
    { "sse4_2", { 1, 0, ECX, 20 } },
    { "x2apic", { 1, 0, ECX, 21 } },
    { "movbe", { 1, 0, ECX, 22 } },
    { "popcnt", { 1, 0, ECX, 23 } },
    { "tsc_deadline_timer", { 1, 0, ECX, 24 } },
    { "aes", { 1, 0, ECX, 25 } },
    { "xsave", { 1, 0, ECX, 26 } },
    { "avx", { 1, 0, ECX, 28 } },
    { "f16c", { 1, 0, ECX, 29 } },
    { "rdrand", { 1, 0, ECX, 30 } },
    { "hypervisor", { 1, 0, ECX, 31 } },
    { "arat", { 6, 0, EAX, 2 } },
    { "fsgsbase", { 7, 0, EBX, 0 } },
    { "tsc_adjust", { 7, 0, EBX, 1 } },
    { "bmi1", { 7, 0, EBX, 3 } },
    { "avx2", { 7, 0, EBX, 5 } },
    { "fdp_excptn_only", { 7, 0, EBX, 6 } },
    { "smep", { 7, 0, EBX, 7 } },
    { "bmi2", { 7, 0, EBX, 8 } },
    { "erms", { 7, 0, EBX, 9 } },
    { "invpcid", { 7, 0, EBX, 10 } },
    { "zero_fcs_fds", { 7, 0, EBX, 13 } },
    { "rdseed", { 7, 0, EBX, 18 } },
    { "adx", { 7, 0, EBX, 19 } },
    { "smap", { 7, 0, EBX, 20 } },
    { "clflushopt", { 7, 0, EBX, 23 } },
    { "clwb", { 7, 0, EBX, 24 } },
    { "sha_ni", { 7, 0, EBX, 29 } },
    { "umip", { 7, 0, ECX, 2 } },
    { "rdpid", { 7, 0, ECX, 22 } },
    { "fsrm", { 7, 0, EDX, 4 } },
    { "spec_ctrl", { 7, 0, EDX, 26 } },
    { "stibp", { 7, 0, EDX, 27 } },
    { "arch_capabilities", { 7, 0, EDX, 29 } },
    { "ssbd", { 7, 0, EDX, 31 } },
    { "xsaveopt", { 0xd, 1, EAX, 0 } },
    { "xsavec", { 0xd, 1, EAX, 1 } },
    { "xsaves", { 0xd, 1, EAX, 3 } },
    { "lahf_lm", { 0x80000001, 0, ECX, 0 } },
    { "abm", { 0x80000001, 0, ECX, 5 } },
    { "3dnowprefetch", { 0x80000001, 0, ECX, 8 } },
    { "syscall", { 0x80000001, 0, EDX, 11 } },
    { "nx", { 0x80000001, 0, EDX, 20 } },
    { "pdpe1gb", { 0x80000001, 0, EDX, 26 } },
    { "rdtscp", { 0x80000001, 0, EDX, 27 } },
    { "lm", { 0x80000001, 0, EDX, 29 } },
    { "nonstop_tsc", { 0x80000007, 0, EDX, 8 } },
    { "xsaveerptr", { 0x80000008, 0, EBX, 2 } },
    { "kvmclock", { 0x40000001, 0, EAX, 3 } },
};
const unsigned x86_ncpu_flags = ARRAY_LEN(x86_cpu_flags);
static_assert(ARRAY_LEN(x86_cpu_flags) <= X86_CPU_FLAGS_MAX, "a place each in a spec");

int x86_cpu_flag_at(const struct x86_feature_place *at)
{
    for (unsigned i = 0; i < x86_ncpu_flags; i++) {
        const struct x86_feature_place *p = &x86_cpu_flags[i].at;

        if (p->leaf == at->leaf && p->subleaf == at->subleaf && p->reg == at->reg &&
            p->bit == at->bit)
            return (int)i;
    }
    return -1;
}

static int find(const char *name, size_t len)
{
    for (unsigned i = 0; i < x86_ncpu_flags; i++) {
        if (strncmp(x86_cpu_flags[i].name, name, len) == 0 && x86_cpu_flags[i].name[len] == '\0')
            return (int)i;
    }
    return -1;
}

static int parse_word(const char *word, size_t len, struct x86_cpu_spec *out, struct vitro_err *err)
{
    bool sign = len > 0 && (word[0] == '+' || word[0] == '-');
    int row = sign ? find(word + 1, len - 1) : -1;

    if (len == 4 && memcmp(word, "base", 4) == 0)
        return 0;
    if (len == 4 && memcmp(word, "host", 4) == 0) {
        out->host = true;
        return 0;
    }
    if (!sign)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "CPU model '%.*s': base, host, +flag or -flag is wanted",
                         (int)(len < 40 ? len : 40), word);
    if (row < 0)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "CPU flag '%.*s': there is no such flag to choose",
                         (int)(len < 40 ? len : 40), word + 1);
    out->plus[row] = word[0] == '+'; /* the last word counts */
    out->minus[row] = word[0] == '-';
    return 0;
}

/* What a flag builds on comes with it, unless it is taken away in words. */
static void add_bases(struct x86_cpu_spec *s, int row)
{
    const struct x86_feature_place *base;

    for (unsigned i = 0; (base = x86_cpuid_base(&x86_cpu_flags[row].at, i)) != NULL; i++) {
        int below = x86_cpu_flag_at(base);

        if (below < 0 || s->minus[below])
            continue;
        s->plus[below] = true;
        add_bases(s, below);
    }
}

int x86_cpu_spec_parse(const char *text, struct x86_cpu_spec *out, struct vitro_err *err)
{
    int rc = 0;

    *out = (struct x86_cpu_spec){ 0 };
    while (text != NULL && rc == 0) {
        size_t len = strcspn(text, ",");

        rc = parse_word(text, len, out, err);
        text = text[len] == ',' ? text + len + 1 : NULL;
    }
    for (unsigned i = 0; i < x86_ncpu_flags; i++) {
        if (out->plus[i])
            add_bases(out, (int)i);
    }
    return rc;
}

/* What the flag builds on and has been taken away in words; NULL: nothing has. Bases have no circles. */
static const char *base_taken(const struct x86_cpu_spec *s, int row)
{
    const struct x86_feature_place *base;

    for (unsigned i = 0; (base = x86_cpuid_base(&x86_cpu_flags[row].at, i)) != NULL; i++) {
        int below = x86_cpu_flag_at(base);
        const char *name = below < 0         ? NULL
                           : s->minus[below] ? x86_cpu_flags[below].name
                                             : base_taken(s, below);

        if (name != NULL)
            return name;
    }
    return NULL;
}

int x86_cpu_spec_check(const struct x86_cpu_spec *spec, const struct x86_cpuid_model *m,
                       struct vitro_err *err)
{
    for (unsigned i = 0; i < x86_ncpu_flags; i++) {
        const char *name = x86_cpu_flags[i].name, *taken;

        if (!spec->plus[i] || x86_cpuid_offers(m, &x86_cpu_flags[i].at))
            continue;
        taken = base_taken(spec, (int)i);
        if (taken != NULL)
            return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                             "CPU flag %s: it builds on %s, which is taken away; leave -%s out",
                             name, taken, taken);
        return err_class(
            err, VITRO_ERR_ENGINE, -ENOTSUP,
            "CPU flag %s: this machine cannot offer it; see 'vitro regs hello --cpuid'", name);
    }
    return 0;
}
