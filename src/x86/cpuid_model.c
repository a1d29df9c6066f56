/* SPDX-License-Identifier: MIT */
/*
 * cpuid_model.c - the CPU that a guest sees, made of tables
 *
 * Sources: SDM 2, "CPUID"; SDM 3A, "Control Registers" for what CR4 bits ask for; SDM 1, "Managing State
 * Using the XSAVE Feature Set"; AMD APM 3, appendix E. Bits without a row in one of the tables are 0.
 */
#include "x86/cpuid_model.h"

#include <assert.h>
#include <string.h>

#include "base/bits.h"

enum {
    MAX_BASIC = 0xd,
    HYPERVISOR = 0x40000000,
    EXTENDED = 0x80000000,
    MAX_EXTENDED = 0x80000008,
    INTEL_EBX = 0x756e6547, /* "Genu" */
};
enum reg { EAX, EBX, ECX, EDX };
enum { XCR0_X87 = 1, XCR0_SSE = 2, XCR0_AVX = 4 };
enum { XSAVE_LEGACY = 512, XSAVE_HEADER = 64, XSAVE_AVX = 256, LINEAR_BITS = 48 };

/* ---- tables ---------------------------------------------------------------------------------- */

/* Bits that are no instruction's: who decides. */
enum offer {
    OFFER_OWN,    /* the software CPU does it, whatever the host is */
    OFFER_SOURCE, /* the software CPU does it; other engines when the source does */
    OFFER_APIC,
    OFFER_X2APIC,
    OFFER_DEADLINE,
    OFFER_SMP,
};

static const struct system_bit {
    struct x86_feature_place at;
    enum offer offer;
} system_bits[] = {
    { { 1, 0, ECX, 17 }, OFFER_OWN },          /* PCID */
    { { 1, 0, ECX, 21 }, OFFER_X2APIC },       /* x2APIC */
    { { 1, 0, ECX, 24 }, OFFER_DEADLINE },     /* TSC-deadline timer */
    { { 1, 0, ECX, 31 }, OFFER_OWN },          /* a hypervisor is there */
    { { 1, 0, EDX, 1 }, OFFER_OWN },           /* VME, and PVI */
    { { 1, 0, EDX, 2 }, OFFER_OWN },           /* DE */
    { { 1, 0, EDX, 3 }, OFFER_OWN },           /* PSE */
    { { 1, 0, EDX, 6 }, OFFER_OWN },           /* PAE */
    { { 1, 0, EDX, 7 }, OFFER_OWN },           /* MCE */
    { { 1, 0, EDX, 9 }, OFFER_APIC },          /* local APIC */
    { { 1, 0, EDX, 12 }, OFFER_OWN },          /* MTRR */
    { { 1, 0, EDX, 13 }, OFFER_OWN },          /* PGE */
    { { 1, 0, EDX, 14 }, OFFER_OWN },          /* MCA */
    { { 1, 0, EDX, 16 }, OFFER_OWN },          /* PAT */
    { { 1, 0, EDX, 17 }, OFFER_OWN },          /* PSE-36 */
    { { 1, 0, EDX, 28 }, OFFER_SMP },          /* HTT: EBX[23:16] counts */
    { { 6, 0, EAX, 2 }, OFFER_APIC },          /* APIC timer runs always */
    { { 7, 0, EBX, 1 }, OFFER_OWN },           /* TSC_ADJUST */
    { { 7, 0, EBX, 6 }, OFFER_OWN },           /* FDP kept on x87 exceptions only */
    { { 7, 0, EBX, 7 }, OFFER_OWN },           /* SMEP */
    { { 7, 0, EBX, 9 }, OFFER_OWN },           /* ERMS: REP MOVSB, STOSB are quick */
    { { 7, 0, EBX, 13 }, OFFER_OWN },          /* FCS, FDS are zero */
    { { 7, 0, ECX, 2 }, OFFER_OWN },           /* UMIP */
    { { 7, 0, EDX, 4 }, OFFER_OWN },           /* FSRM */
    { { 7, 0, EDX, 26 }, OFFER_OWN },          /* IBRS, IBPB: SPEC_CTRL, PRED_CMD */
    { { 7, 0, EDX, 27 }, OFFER_OWN },          /* STIBP */
    { { 7, 0, EDX, 29 }, OFFER_OWN },          /* ARCH_CAPABILITIES */
    { { 7, 0, EDX, 31 }, OFFER_OWN },          /* SSBD */
    { { 0x80000001, 0, EDX, 20 }, OFFER_OWN }, /* NX */
    { { 0x80000001, 0, EDX, 26 }, OFFER_OWN }, /* 1 GiB pages */
    { { 0x80000007, 0, EDX, 8 }, OFFER_OWN },  /* invariant TSC */
    /* AMD: FIP, FDP and FOP are always restored. */
    { { 0x80000008, 0, EBX, 2 }, OFFER_SOURCE },
};

/* A feature is not offered without the one that it builds on. In order: the base first. */
static const struct needs {
    enum x86_feature feature, base;
} needs[] = {
    { X86_FEATURE_SSE, X86_FEATURE_FXSR },       { X86_FEATURE_SSE2, X86_FEATURE_SSE },
    { X86_FEATURE_SSE3, X86_FEATURE_SSE2 },      { X86_FEATURE_SSSE3, X86_FEATURE_SSE3 },
    { X86_FEATURE_SSE41, X86_FEATURE_SSSE3 },    { X86_FEATURE_SSE42, X86_FEATURE_SSE41 },
    { X86_FEATURE_AES, X86_FEATURE_SSE2 },       { X86_FEATURE_PCLMUL, X86_FEATURE_SSE2 },
    { X86_FEATURE_SHA, X86_FEATURE_SSE2 },       { X86_FEATURE_AVX, X86_FEATURE_XSAVE },
    { X86_FEATURE_AVX, X86_FEATURE_SSE42 },      { X86_FEATURE_AVX2, X86_FEATURE_AVX },
    { X86_FEATURE_FMA, X86_FEATURE_AVX },        { X86_FEATURE_F16C, X86_FEATURE_AVX },
    { X86_FEATURE_XSAVEOPT, X86_FEATURE_XSAVE }, { X86_FEATURE_XSAVEC, X86_FEATURE_XSAVE },
    { X86_FEATURE_XSAVES, X86_FEATURE_XSAVEC },  { X86_FEATURE_RDTSCP, X86_FEATURE_TSC },
};

/* SDM 3A, "CPUID Qualification of Control Register Flags". */
static const struct cr4_bit {
    uint64_t bit;
    struct x86_feature_place at;
} cr4_bits[] = {
    { X86_CR4_VME, { 1, 0, EDX, 1 } },     { X86_CR4_PVI, { 1, 0, EDX, 1 } },
    { X86_CR4_TSD, { 1, 0, EDX, 4 } },     { X86_CR4_DE, { 1, 0, EDX, 2 } },
    { X86_CR4_PSE, { 1, 0, EDX, 3 } },     { X86_CR4_PAE, { 1, 0, EDX, 6 } },
    { X86_CR4_MCE, { 1, 0, EDX, 7 } },     { X86_CR4_PGE, { 1, 0, EDX, 13 } },
    { X86_CR4_OSFXSR, { 1, 0, EDX, 24 } }, { X86_CR4_OSXMMEXCPT, { 1, 0, EDX, 25 } },
    { X86_CR4_UMIP, { 7, 0, ECX, 2 } },    { X86_CR4_FSGSBASE, { 7, 0, EBX, 0 } },
    { X86_CR4_PCIDE, { 1, 0, ECX, 17 } },  { X86_CR4_OSXSAVE, { 1, 0, ECX, 26 } },
    { X86_CR4_SMEP, { 7, 0, EBX, 7 } },    { X86_CR4_SMAP, { 7, 0, EBX, 20 } },
};

/* Leaf 4: caches as most hosts have them, the same on all. */
static const struct cache_row {
    uint8_t type; /* 1 data, 2 instructions, 3 unified */
    uint8_t level;
    bool shared; /* by all CPUs; else each has its own */
    uint16_t ways, sets;
} caches[] = {
    { 1, 1, false, 8, 64 },
    { 2, 1, false, 8, 64 },
    { 3, 2, false, 16, 1024 },
    { 3, 3, true, 16, 16384 },
};
enum { CACHE_LINE = 64 };

/* "KVM CPUID bits" in the kernel's documents. */
static const char hypervisor_name[12] = "KVMKVMKVM";
enum { KVM_CLOCKSOURCE2 = 3, KVM_CLOCKSOURCE_STABLE = 24 };
const struct x86_feature_place x86_kvmclock_place = { HYPERVISOR + 1, 0, EAX, KVM_CLOCKSOURCE2 };

static const char brand[48] = "Vitro virtual CPU";

/* ---- leaves ---------------------------------------------------------------------------------- */

bool x86_cpuid_has_subleaves(uint32_t leaf)
{
    return leaf == 4 || leaf == 7 || leaf == 0xb || leaf == 0xd;
}

static const struct x86_cpuid_regs *find(const struct x86_cpuid_model *m, uint32_t leaf,
                                         uint32_t subleaf)
{
    for (unsigned i = 0; i < m->nleaves; i++) {
        if (m->leaf[i].leaf == leaf && m->leaf[i].subleaf == subleaf)
            return &m->leaf[i].regs;
    }
    return NULL;
}

/* Found, or added with zeros. */
static struct x86_cpuid_regs *at(struct x86_cpuid_model *m, uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < m->nleaves; i++) {
        if (m->leaf[i].leaf == leaf && m->leaf[i].subleaf == subleaf)
            return &m->leaf[i].regs;
    }
    assert(m->nleaves < X86_CPUID_LEAVES);
    m->leaf[m->nleaves] = (struct x86_cpuid_leaf){ .leaf = leaf, .subleaf = subleaf };
    return &m->leaf[m->nleaves++].regs;
}

static uint32_t reg_of(const struct x86_cpuid_regs *r, unsigned reg)
{
    const uint32_t all[] = { r->eax, r->ebx, r->ecx, r->edx };

    return all[reg];
}

static void set_bit(struct x86_cpuid_model *m, const struct x86_feature_place *where)
{
    struct x86_cpuid_regs *r = at(m, where->leaf, where->subleaf);
    uint32_t *all[] = { &r->eax, &r->ebx, &r->ecx, &r->edx };

    *all[where->reg] |= 1u << where->bit;
}

bool x86_cpuid_offers(const struct x86_cpuid_model *m, const struct x86_feature_place *where)
{
    const struct x86_cpuid_regs *r = find(m, where->leaf, where->subleaf);

    return r != NULL && reg_of(r, where->reg) >> where->bit & 1;
}

/* A leaf past what the source has would answer with another leaf's data. */
static struct x86_cpuid_regs ask(const struct x86_cpuid_source *source, uint32_t leaf,
                                 uint32_t subleaf)
{
    struct x86_cpuid_regs r;

    source->read(source->ctx, leaf & 0xf0000000, 0, &r);
    if (r.eax < leaf)
        return (struct x86_cpuid_regs){ 0 };
    source->read(source->ctx, leaf, subleaf, &r);
    return r;
}

static bool source_has(const struct x86_cpuid_source *source, const struct x86_feature_place *where)
{
    struct x86_cpuid_regs r = ask(source, where->leaf, where->subleaf);

    return reg_of(&r, where->reg) >> where->bit & 1;
}

static bool allowed(const struct x86_cpuid_source *source, const struct x86_feature_place *where)
{
    return source->allows == NULL || source->allows(source->ctx, where);
}

static bool same_place(const struct x86_feature_place *a, const struct x86_feature_place *b)
{
    return a->leaf == b->leaf && a->subleaf == b->subleaf && a->reg == b->reg && a->bit == b->bit;
}

const struct x86_feature_place *x86_cpuid_base(const struct x86_feature_place *at, unsigned i)
{
    for (size_t row = 0; row < ARRAY_LEN(needs); row++) {
        if (same_place(&x86_feature_places[needs[row].feature], at) && i-- == 0)
            return &x86_feature_places[needs[row].base];
    }
    return NULL;
}

/* ---- making the model ------------------------------------------------------------------------ */

static void choose_features(struct x86_cpuid_model *m, const struct x86_cpuid_source *source)
{
    const uint64_t avx = XCR0_X87 | XCR0_SSE | XCR0_AVX;

    static_assert(X86_NFEATURES <= 64, "a bit each");
    m->features = BIT(X86_FEATURE_BASE);
    for (unsigned f = X86_FEATURE_BASE + 1; f < X86_NFEATURES; f++) {
        const struct x86_feature_place *at = &x86_feature_places[f];

        if (at->leaf == 0 || (source_has(source, at) && allowed(source, at)))
            m->features |= BIT(f);
    }
    if ((source->xcr0 & (XCR0_X87 | XCR0_SSE)) != (XCR0_X87 | XCR0_SSE))
        m->features &= ~BIT(X86_FEATURE_XSAVE);
    if ((source->xcr0 & avx) != avx)
        m->features &= ~BIT(X86_FEATURE_AVX);
    for (size_t i = 0; i < ARRAY_LEN(needs); i++) {
        if (!x86_cpuid_has(m, needs[i].base))
            m->features &= ~BIT(needs[i].feature);
    }
    if (x86_cpuid_has(m, X86_FEATURE_XSAVE))
        m->xcr0 = x86_cpuid_has(m, X86_FEATURE_AVX) ? avx : XCR0_X87 | XCR0_SSE;
    for (unsigned f = X86_FEATURE_BASE + 1; f < X86_NFEATURES; f++) {
        if (x86_cpuid_has(m, f) && x86_feature_places[f].leaf != 0)
            set_bit(m, &x86_feature_places[f]);
    }
}

static bool offered(const struct x86_cpuid_model *m, const struct x86_cpuid_source *source,
                    const struct system_bit *bit)
{
    if (!allowed(source, &bit->at))
        return false;
    switch (bit->offer) {
    case OFFER_OWN:
        return true;
    case OFFER_SOURCE:
        return source_has(source, &bit->at);
    case OFFER_APIC:
        return m->config.apic;
    case OFFER_X2APIC:
        return m->config.apic && m->config.x2apic;
    case OFFER_DEADLINE:
        return m->config.apic && m->config.tsc_deadline;
    case OFFER_SMP:
        return m->config.ncpus > 1;
    }
    return false;
}

/* Bits of an APIC id that tell CPUs of the one package apart. */
static unsigned id_bits(const struct x86_cpuid_model *m)
{
    unsigned bits = 0;

    while (1u << bits < m->config.ncpus)
        bits++;
    return bits;
}

static void fill_identity(struct x86_cpuid_model *m, const struct x86_cpuid_source *source)
{
    struct x86_cpuid_regs vendor = ask(source, 0, 0);

    m->intel = vendor.ebx == INTEL_EBX;
    *at(m, 0, 0) = vendor;
    at(m, 0, 0)->eax = MAX_BASIC;
    at(m, 1, 0)->eax = ask(source, 1, 0).eax; /* family, model, stepping */
    at(m, 1, 0)->ebx = (uint32_t)(CACHE_LINE / 8) << 8 | 1u << (16 + id_bits(m));
    *at(m, EXTENDED, 0) = m->intel ? (struct x86_cpuid_regs){ 0 } : vendor;
    at(m, EXTENDED, 0)->eax = MAX_EXTENDED;
    for (unsigned i = 0; i < 3; i++)
        memcpy(at(m, EXTENDED + 2 + i, 0), brand + 16 * i, 16);
    m->kvmclock = allowed(source, &x86_kvmclock_place);
    at(m, HYPERVISOR + 1, 0)->eax =
        m->kvmclock ? 1u << KVM_CLOCKSOURCE2 | 1u << KVM_CLOCKSOURCE_STABLE : 0;
    at(m, HYPERVISOR, 0)->eax = HYPERVISOR + 1;
    memcpy(&at(m, HYPERVISOR, 0)->ebx, hypervisor_name, sizeof(hypervisor_name));
}

static void fill_caches(struct x86_cpuid_model *m)
{
    uint32_t ids = (1u << id_bits(m)) - 1;

    if (!m->intel)
        return;                    /* leaves 2 and 4 are Intel's */
    at(m, 2, 0)->eax = 0x00fff001; /* 64-byte prefetch; caches are in leaf 4 */
    for (unsigned i = 0; i < ARRAY_LEN(caches); i++) {
        const struct cache_row *row = &caches[i];

        *at(m, 4, i) = (struct x86_cpuid_regs){
            .eax = row->type | (uint32_t)row->level << 5 | 1u << 8 | (row->shared ? ids << 14 : 0) |
                   ids << 26,
            .ebx = (CACHE_LINE - 1) | (row->ways - 1u) << 22,
            .ecx = row->sets - 1u,
        };
    }
}

/* SDM 2, CPUID leaf 0BH: one thread a core, all cores in one package. */
static void fill_topology(struct x86_cpuid_model *m)
{
    enum { LEVEL_THREAD = 1, LEVEL_CORE = 2 };

    *at(m, 0xb, 0) = (struct x86_cpuid_regs){ 0, 1, LEVEL_THREAD << 8, 0 };
    *at(m, 0xb, 1) = (struct x86_cpuid_regs){ id_bits(m), m->config.ncpus, 1 | LEVEL_CORE << 8, 0 };
    at(m, MAX_EXTENDED, 0)->eax = m->config.phys_bits | LINEAR_BITS << 8;
    at(m, MAX_EXTENDED, 0)->ecx = m->intel ? 0 : m->config.ncpus - 1;
}

/* EBX of subleaves 0 and 1 follows the registers: x86_cpuid. */
static void fill_xsave(struct x86_cpuid_model *m)
{
    if (m->xcr0 == 0)
        return;
    at(m, 0xd, 0)->eax = (uint32_t)m->xcr0;
    at(m, 0xd, 0)->ecx = XSAVE_LEGACY + XSAVE_HEADER + (m->xcr0 & XCR0_AVX ? XSAVE_AVX : 0);
    if (m->xcr0 & XCR0_AVX)
        *at(m, 0xd, 2) = (struct x86_cpuid_regs){ XSAVE_AVX, XSAVE_LEGACY + XSAVE_HEADER, 0, 0 };
}

void x86_cpuid_model_init(struct x86_cpuid_model *m, const struct x86_cpuid_config *config,
                          const struct x86_cpuid_source *source)
{
    *m = (struct x86_cpuid_model){ .config = *config };
    choose_features(m, source);
    for (size_t i = 0; i < ARRAY_LEN(system_bits); i++) {
        if (offered(m, source, &system_bits[i]))
            set_bit(m, &system_bits[i].at);
    }
    m->cr4 = X86_CR4_PCE;
    for (size_t i = 0; i < ARRAY_LEN(cr4_bits); i++) {
        if (x86_cpuid_offers(m, &cr4_bits[i].at))
            m->cr4 |= cr4_bits[i].bit;
    }
    fill_identity(m, source);
    fill_caches(m);
    fill_topology(m);
    fill_xsave(m);
}

/* ---- answering ------------------------------------------------------------------------------- */

static uint32_t xsave_bytes(uint64_t components)
{
    return XSAVE_LEGACY + XSAVE_HEADER + (components & XCR0_AVX ? XSAVE_AVX : 0);
}

/* What follows the CPU and its registers. */
static void fill_dynamic(const struct x86_cpuid_model *m, const struct x86_state *s,
                         unsigned cpu_index, uint32_t leaf, uint32_t subleaf,
                         struct x86_cpuid_regs *out)
{
    switch (leaf) {
    case 1:
        out->ebx |= (uint32_t)cpu_index << 24;
        if (s->cr4 & X86_CR4_OSXSAVE)
            out->ecx |= 1u << 27;
        if (!(s->apic_base & BIT(11)))
            out->edx &= ~(1u << 9);
        break;
    case 0xb:
        if (subleaf > 1)
            out->ecx = subleaf & 0xff;
        out->edx = cpu_index;
        break;
    case 0xd:
        if (m->xcr0 != 0 && subleaf == 0)
            out->ebx = xsave_bytes(s->xcr0);
        if (subleaf == 1 && (x86_cpuid_has(m, X86_FEATURE_XSAVEC)))
            out->ebx = xsave_bytes(s->xcr0);
        break;
    default:
        break;
    }
}

/* SDM 2, CPUID: past the last basic or extended leaf, the data of the last basic one. AMD: zeros. */
static uint32_t leaf_answered(const struct x86_cpuid_model *m, uint32_t leaf)
{
    bool known = leaf <= MAX_BASIC || (leaf >= EXTENDED && leaf <= MAX_EXTENDED) ||
                 leaf >> 28 == HYPERVISOR >> 28;

    return known || !m->intel ? leaf : MAX_BASIC;
}

void x86_cpuid(const struct x86_cpuid_model *m, const struct x86_state *s, unsigned cpu_index,
               uint32_t leaf, uint32_t subleaf, struct x86_cpuid_regs *out)
{
    const struct x86_cpuid_regs *r;

    leaf = leaf_answered(m, leaf);
    r = find(m, leaf, x86_cpuid_has_subleaves(leaf) ? subleaf : 0);
    *out = r != NULL ? *r : (struct x86_cpuid_regs){ 0 };
    fill_dynamic(m, s, cpu_index, leaf, subleaf, out);
}
