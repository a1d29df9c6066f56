/* SPDX-License-Identifier: MIT */
/*
 * test_soft_msr.c - which model-specific registers there are, which values they take, how a state lists them
 *
 * Source: SDM 4, "Architectural MSRs". 0x100 (OK) stands for "no exception".
 */
#include "soft_sys_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NOT_CANON UINT64_C(0x0000800000000000)
#define BIT46     (UINT64_C(1) << 46)

enum { EFER_SCE = 1, EFER_LME = 0x100, EFER_LMA = 0x400, EFER_NXE = 0x800 };

static int wrmsr(struct rig *r, uint32_t index, uint64_t val)
{
    r->c->s.gpr[X86_RCX] = index | UINT64_C(0xabcd) << 32; /* upper halves are not looked at */
    r->c->s.gpr[X86_RAX] = (uint32_t)val | UINT64_C(0x1234) << 32;
    r->c->s.gpr[X86_RDX] = val >> 32;
    return rig_run(r, CODE("\x0f\x30"));
}

static int rdmsr(struct rig *r, uint32_t index, uint64_t *val)
{
    int got;

    r->c->s.gpr[X86_RCX] = index;
    r->c->s.gpr[X86_RAX] = r->c->s.gpr[X86_RDX] = UINT64_MAX;
    got = rig_run(r, CODE("\x0f\x32"));
    if (got == OK)
        assert_true(r->c->s.gpr[X86_RAX] >> 32 == 0 && r->c->s.gpr[X86_RDX] >> 32 == 0);
    *val = r->c->s.gpr[X86_RDX] << 32 | (uint32_t)r->c->s.gpr[X86_RAX];
    return got;
}

/* ---- values ---------------------------------------------------------------------------------- */

/* Read, written, read again. reset and val: what the reads give. */
static const struct msr_case {
    const char *name;
    uint32_t index;
    int read;
    uint64_t reset, val;
    int write;
} msr_cases[] = {
    { "unknown 0", 0, VEC_GP, 0, 0, VEC_GP },
    { "unknown 0x7fffffff", 0x7fffffff, VEC_GP, 0, 0, VEC_GP },
    { "unknown 0xc0000085", 0xc0000085, VEC_GP, 0, 0, VEC_GP },
    { "FEATURE_CONTROL: no VMX", 0x3a, VEC_GP, 0, 0, VEC_GP },
    { "TSC_DEADLINE: no APIC", 0x6e0, VEC_GP, 0, 0, VEC_GP },
    { "x2APIC id: no APIC", 0x802, VEC_GP, 0, 0, VEC_GP },
    { "performance counter", 0xc1, VEC_GP, 0, 0, VEC_GP },
    { "MCG_CTL: not there", 0x17b, VEC_GP, 0, 0, VEC_GP },
    { "machine-check bank 0", 0x400, VEC_GP, 0, 0, VEC_GP },
    { "PLATFORM_ID", 0x17, OK, 0, 0, VEC_GP },
    { "PLATFORM_INFO", 0xce, OK, 0, 0, VEC_GP },
    { "MTRR_CAP", 0xfe, OK, 0x508, 0x508, VEC_GP },
    { "ARCH_CAPABILITIES", 0x10a, OK, 0x400000000d10e123, 0, VEC_GP },
    { "MCG_CAP", 0x179, OK, 0, 0, VEC_GP },
    { "MCG_STATUS", 0x17a, OK, 0, 7, OK },
    { "MCG_STATUS: bit 3", 0x17a, OK, 0, 8, VEC_GP },
    { "SPEC_CTRL: IBRS STIBP SSBD", 0x48, OK, 0, 7, OK },
    { "SPEC_CTRL: bit 3", 0x48, OK, 0, 8, VEC_GP },
    { "PRED_CMD: IBPB", 0x49, VEC_GP, 0, 1, OK },
    { "PRED_CMD: bit 1", 0x49, VEC_GP, 0, 2, VEC_GP },
    { "SYSENTER_CS", 0x174, OK, 0, UINT32_MAX, OK },
    { "SYSENTER_CS: bit 32", 0x174, OK, 0, UINT64_C(1) << 32, VEC_GP },
    { "SYSENTER_ESP", 0x175, OK, 0, ~UINT64_C(0xff), OK },
    { "SYSENTER_ESP: not canonical", 0x175, OK, 0, NOT_CANON, VEC_GP },
    { "SYSENTER_EIP", 0x176, OK, 0, NOT_CANON - 1, OK },
    { "SYSENTER_EIP: not canonical", 0x176, OK, 0, NOT_CANON, VEC_GP },
    { "DEBUGCTL: BTF", 0x1d9, OK, 0, 2, OK },
    { "DEBUGCTL: LBR", 0x1d9, OK, 0, 1, VEC_GP },
    { "PAT: all types", 0x277, OK, 0x0007040600070406, 0x0706050401000706, OK },
    { "PAT: type 2", 0x277, OK, 0x0007040600070406, 0x0002000000000000, VEC_GP },
    { "PAT: type 3", 0x277, OK, 0x0007040600070406, 3, VEC_GP },
    { "PAT: type 8", 0x277, OK, 0x0007040600070406, 0x0800000000000000, VEC_GP },
    { "PAT: upper bits of a byte", 0x277, OK, 0x0007040600070406, 0x16, VEC_GP },
    { "MTRR_DEF_TYPE", 0x2ff, OK, 0, 0xc06, OK },
    { "MTRR_DEF_TYPE: type 7", 0x2ff, OK, 0, 0xc07, VEC_GP },
    { "MTRR_DEF_TYPE: type 2", 0x2ff, OK, 0, 2, VEC_GP },
    { "MTRR_DEF_TYPE: bit 8", 0x2ff, OK, 0, 0x106, VEC_GP },
    { "MTRR_DEF_TYPE: bit 12", 0x2ff, OK, 0, 0x1006, VEC_GP },
    { "MTRR_PHYSBASE0", 0x200, OK, 0, (BIT46 - 0x1000) | 6, OK },
    { "MTRR_PHYSBASE0: bit 46", 0x200, OK, 0, BIT46 | 6, VEC_GP },
    { "MTRR_PHYSBASE0: type 3", 0x200, OK, 0, 3, VEC_GP },
    { "MTRR_PHYSBASE0: bit 8", 0x200, OK, 0, 0x106, VEC_GP },
    { "MTRR_PHYSMASK7", 0x20f, OK, 0, (BIT46 - 0x1000) | 0x800, OK },
    { "MTRR_PHYSMASK7: bit 10", 0x20f, OK, 0, 0x400, VEC_GP },
    { "MTRR_PHYSMASK7: bit 46", 0x20f, OK, 0, BIT46, VEC_GP },
    { "MTRR_PHYSBASE8: not there", 0x210, VEC_GP, 0, 0, VEC_GP },
    { "MTRR_FIX64K", 0x250, OK, 0, 0x0605040100060504, OK },
    { "MTRR_FIX64K: type 7", 0x250, OK, 0, 0x0700000000000000, VEC_GP },
    { "MTRR_FIX16K: second", 0x259, OK, 0, 0x0606060606060606, OK },
    { "MTRR_FIX16K: third", 0x25a, VEC_GP, 0, 0, VEC_GP },
    { "MTRR_FIX4K: last", 0x26f, OK, 0, 0x0505050505050505, OK },
    { "MTRR_FIX4K: type 2", 0x26f, OK, 0, 2, VEC_GP },
    { "MTRR_FIX4K: past the last", 0x270, VEC_GP, 0, 0, VEC_GP },
    { "XSS", 0xda0, OK, 0, 0, OK },
    { "XSS: processor trace", 0xda0, OK, 0, 0x100, VEC_GP },
    { "STAR", 0xc0000081, OK, 0, UINT64_MAX, OK },
    { "LSTAR", 0xc0000082, OK, 0, ~UINT64_C(1), OK },
    { "LSTAR: not canonical", 0xc0000082, OK, 0, ~NOT_CANON, VEC_GP },
    { "CSTAR: not canonical", 0xc0000083, OK, 0, NOT_CANON, VEC_GP },
    { "FMASK", 0xc0000084, OK, 0, UINT32_MAX, OK },
    { "FMASK: bit 32", 0xc0000084, OK, 0, UINT64_C(1) << 32, VEC_GP },
    { "FS_BASE", 0xc0000100, OK, 0, NOT_CANON - 1, OK },
    { "FS_BASE: not canonical", 0xc0000100, OK, 0, NOT_CANON, VEC_GP },
    { "GS_BASE: not canonical", 0xc0000101, OK, 0, NOT_CANON, VEC_GP },
    { "KERNEL_GS_BASE", 0xc0000102, OK, 0, UINT64_MAX, OK },
    { "KERNEL_GS_BASE: not canonical", 0xc0000102, OK, 0, NOT_CANON, VEC_GP },
    { "TSC_AUX", 0xc0000103, OK, 0, UINT32_MAX, OK },
    { "TSC_AUX: bit 32", 0xc0000103, OK, 0, UINT64_C(1) << 32, VEC_GP },
    { "APIC_BASE: moved", 0x1b, OK, 0xfee00900, 0xfed00900, OK },
    { "APIC_BASE: off", 0x1b, OK, 0xfee00900, 0xfee00100, OK },
    { "APIC_BASE: bit 0", 0x1b, OK, 0xfee00900, 0xfee00901, VEC_GP },
    { "APIC_BASE: bit 9", 0x1b, OK, 0xfee00900, 0xfee00b00, VEC_GP },
    { "APIC_BASE: bit 46", 0x1b, OK, 0xfee00900, BIT46 | 0x900, VEC_GP },
    { "APIC_BASE: x2APIC is not offered", 0x1b, OK, 0xfee00900, 0xfee00d00, VEC_GP },
};

static void msr_values(void **state)
{
    struct rig *r = *state;
    uint64_t val;

    for (size_t i = 0; i < ARRAY_LEN(msr_cases); i++) {
        const struct msr_case *t = &msr_cases[i];

        rig_enter(r, LONG, 0);
        rig_expect(t->name, rdmsr(r, t->index, &val), t->read);
        if (t->read == OK && val != t->reset)
            fail_msg("%s: after reset 0x%llx", t->name, (unsigned long long)val);
        rig_expect(t->name, wrmsr(r, t->index, t->val), t->write);
        rig_expect(t->name, rdmsr(r, t->index, &val), t->read);
        if (t->read == OK && val != (t->write == OK ? t->val : t->reset))
            fail_msg("%s: after the write 0x%llx", t->name, (unsigned long long)val);
    }
}

/* Writes that are taken, and change less than they say. */
static void msrs_that_keep_bits(void **state)
{
    struct rig *r = *state;
    uint64_t val;

    rig_enter(r, LONG, 0);
    rig_expect("MISC_ENABLE", rdmsr(r, 0x1a0, &val), OK);
    assert_int_equal(val, 0x1801);
    rig_expect("MISC_ENABLE", wrmsr(r, 0x1a0, UINT64_C(1) << 34 | 1 << 22), OK);
    rig_expect("MISC_ENABLE", rdmsr(r, 0x1a0, &val), OK);
    assert_int_equal(val, 0x1800);
    rig_expect("microcode", wrmsr(r, 0x8b, 0), OK);
    rig_expect("microcode", rdmsr(r, 0x8b, &val), OK);
    assert_true(val == UINT64_C(1) << 32);
}

/* ---- EFER, APIC_BASE, the TSC ------------------------------------------------------------------ */

/* SDM 3A 2.2.1, "Extended Feature Enable Register". */
static void efer_rules(void **state)
{
    static const struct {
        const char *name;
        enum rig_mode mode;
        uint64_t val;
        int want;
        uint64_t after;
    } rows[] = {
        { "all that is there", PROT, EFER_SCE | EFER_LME | EFER_NXE, OK,
          EFER_SCE | EFER_LME | EFER_NXE },
        { "LMA cannot be set", PROT, EFER_LMA, OK, 0 },
        { "LMA cannot be cleared", LONG, EFER_LME, OK, EFER_LME | EFER_LMA },
        { "LME set while paging", PAGED32, EFER_LME, VEC_GP, 0 },
        { "LME cleared while paging", LONG, EFER_SCE, VEC_GP, EFER_LME | EFER_LMA },
        { "NXE while paging", LONG, EFER_LME | EFER_NXE, OK, EFER_LME | EFER_LMA | EFER_NXE },
        { "SVME", PROT, X86_EFER_SVME, VEC_GP, 0 },
        { "LMSLE", PROT, X86_EFER_LMSLE, VEC_GP, 0 },
        { "FFXSR", PROT, X86_EFER_FFXSR, VEC_GP, 0 },
        { "bit 1", PROT, 2, VEC_GP, 0 },
        { "bit 63", PROT, UINT64_C(1) << 63, VEC_GP, 0 },
    };
    struct rig *r = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rig_enter(r, rows[i].mode, 0);
        rig_expect(rows[i].name, wrmsr(r, 0xc0000080, rows[i].val), rows[i].want);
        assert_int_equal(r->c->s.efer, rows[i].after);
    }
}

/* SDM 3A 11.12.5, "x2APIC State Transitions". */
static void apic_states(void **state)
{
    enum { OFF = 0xfee00100, XAPIC = 0xfee00900, X2APIC = 0xfee00d00, BAD = 0xfee00500 };
    static const struct {
        const char *name;
        uint64_t from, to;
        int want;
    } rows[] = {
        { "off to xAPIC", OFF, XAPIC, OK },        { "off to x2APIC", OFF, X2APIC, VEC_GP },
        { "xAPIC to x2APIC", XAPIC, X2APIC, OK },  { "x2APIC to xAPIC", X2APIC, XAPIC, VEC_GP },
        { "x2APIC to off", X2APIC, OFF, OK },      { "xAPIC to off", XAPIC, OFF, OK },
        { "EXTD without EN", XAPIC, BAD, VEC_GP }, { "x2APIC stays", X2APIC, X2APIC, OK },
    };
    const struct x86_cpuid_config with = {
        .ncpus = 1, .phys_bits = 46, .apic = true, .x2apic = true
    };
    struct rig *r = *state;
    struct x86_cpuid_model model;

    rig_model(&model, &with);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rig_enter(r, LONG, 0);
        r->c->sys.model = &model;
        r->c->s.apic_base = rows[i].from;
        rig_expect(rows[i].name, wrmsr(r, 0x1b, rows[i].to), rows[i].want);
        assert_int_equal(r->c->s.apic_base, rows[i].want == OK ? rows[i].to : rows[i].from);
    }
    r->c->sys.model = &r->model;
}

/* SDM 3B 17.17.3, "Time-Stamp Counter Adjustment". */
static void tsc_and_adjust(void **state)
{
    struct rig *r = *state;
    uint64_t val;

    rig_enter(r, LONG, 0);
    rig_expect("TSC", rdmsr(r, 0x10, &val), OK);
    assert_int_equal(val, 0); /* time stands still: no instruction is counted here */
    rig_expect("TSC", wrmsr(r, 0x10, 1000), OK);
    rig_expect("TSC", rdmsr(r, 0x10, &val), OK);
    assert_int_equal(val, 1000);
    rig_expect("TSC_ADJUST", rdmsr(r, 0x3b, &val), OK);
    assert_int_equal(val, 1000);
    rig_expect("TSC_ADJUST", wrmsr(r, 0x3b, 400), OK);
    rig_expect("TSC", rdmsr(r, 0x10, &val), OK);
    assert_int_equal(val, 400);
    r->c->insns += 3;
    rig_expect("TSC", rdmsr(r, 0x10, &val), OK);
    assert_int_equal(val, 403);
}

/* A register of a feature is there with it. */
static void features_bring_registers(void **state)
{
    static const struct {
        enum x86_feature feature;
        uint32_t index;
    } rows[] = {
        { X86_FEATURE_SEP, 0x174 },         { X86_FEATURE_SYSCALL, 0xc0000082 },
        { X86_FEATURE_RDTSCP, 0xc0000103 }, { X86_FEATURE_XSAVES, 0xda0 },
        { X86_FEATURE_LM, 0xc0000102 },     { X86_FEATURE_TSC, 0x10 },
    };
    struct rig *r = *state;
    uint64_t all = r->model.features, val;

    rig_enter(r, LONG, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        rig_expect("with the feature", rdmsr(r, rows[i].index, &val), OK);
        r->model.features = all & ~(UINT64_C(1) << rows[i].feature);
        rig_expect("without it", rdmsr(r, rows[i].index, &val), VEC_GP);
        r->model.features = all;
    }
}

/* What kernels read and write on AMD's CPUs without asking first; Intel's have none of it. */
static void vendor_brings_registers(void **state)
{
    static const struct {
        uint32_t index;
        int write;
        uint64_t value;
    } rows[] = {
        { 0xc0010010, OK, 0 },        /* SYS_CFG */
        { 0xc0010015, OK, 1u << 24 }, /* HWCR: the TSC counts at the nominal frequency */
        { 0xc001001f, OK, 0 },        /* NB_CFG */
        { 0xc0010140, VEC_GP, 0 },    /* OSVW_ID_LENGTH */
    };
    struct rig *r = *state;
    bool intel = r->model.intel;
    uint64_t val;

    rig_enter(r, LONG, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        r->model.intel = true;
        rig_expect("on Intel", rdmsr(r, rows[i].index, &val), VEC_GP);
        r->model.intel = false;
        rig_expect("on AMD", rdmsr(r, rows[i].index, &val), OK);
        assert_int_equal(val, rows[i].value);
        rig_expect("written", wrmsr(r, rows[i].index, 0), rows[i].write);
    }
    rig_expect("DE_CFG", wrmsr(r, 0xc0011029, 2), OK);
    rig_expect("DE_CFG", rdmsr(r, 0xc0011029, &val), OK);
    assert_int_equal(val, 2);
    r->model.intel = intel;
}

/* ---- in a state ------------------------------------------------------------------------------ */

static void state_round_trip(void **state)
{
    struct rig *r = *state;
    struct x86_state *s = calloc(1, sizeof(*s));
    struct soft_msrs kept;
    struct vitro_err err = { 0 };

    assert_non_null(s);
    rig_enter(r, LONG, 0);
    memset(&r->c->msrs.mtrr_fix4k, 6, sizeof(r->c->msrs.mtrr_fix4k));
    r->c->msrs.lstar = 0x1000;
    r->c->msrs.mtrr_var[15] = 0x800;
    r->c->msrs.tsc_adjust = 5;
    r->c->msrs.tsc_offset = 77;
    kept = r->c->msrs;
    soft_msrs_get(r->c, s);
    assert_true(s->nmsrs > 40 && s->nmsrs <= X86_MSR_MAX);
    for (uint32_t i = 0; i < s->nmsrs; i++) { /* EFER and kin have members of their own */
        assert_true(s->msr[i].index != 0xc0000080 && s->msr[i].index != 0x1b);
        assert_true(s->msr[i].index != 0xc0000100 && s->msr[i].index != 0xc0000101);
    }
    soft_msr_reset(r->c);
    assert_int_equal(soft_msrs_set(r->c, s, &err), 0);
    assert_memory_equal(&kept, &r->c->msrs, sizeof(kept));
    free(s);
}

static void state_of_another_engine(void **state)
{
    struct rig *r = *state;
    struct x86_state *s = calloc(1, sizeof(*s));
    struct vitro_err err = { 0 };

    assert_non_null(s);
    rig_enter(r, LONG, 0);
    s->nmsrs = 3;
    s->msr[0] = (struct x86_msr){ 0x4b564d00, 1 }; /* not ours */
    s->msr[1] = (struct x86_msr){ 0x10a, 1 };      /* a constant */
    s->msr[2] = (struct x86_msr){ 0xc0000082, 0x5000 };
    assert_int_equal(soft_msrs_set(r->c, s, &err), 0);
    assert_int_equal(r->c->msrs.lstar, 0x5000);
    s->msr[2].value = NOT_CANON;
    assert_int_equal(soft_msrs_set(r->c, s, &err), -EINVAL);
    assert_non_null(strstr(err.text, "0xc0000082"));
    assert_int_equal(r->c->msrs.lstar, 0x5000);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(msr_values),
        cmocka_unit_test(msrs_that_keep_bits),
        cmocka_unit_test(efer_rules),
        cmocka_unit_test(apic_states),
        cmocka_unit_test(tsc_and_adjust),
        cmocka_unit_test(features_bring_registers),
        cmocka_unit_test(vendor_brings_registers),
        cmocka_unit_test(state_round_trip),
        cmocka_unit_test(state_of_another_engine),
    };

    return cmocka_run_group_tests_name("soft/msr", tests, rig_setup, rig_teardown);
}
