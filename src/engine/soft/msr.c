/* SPDX-License-Identifier: MIT */
/*
 * msr.c - RDMSR and WRMSR: a table of registers, and the few that do something
 *
 * Sources: SDM 4, "Architectural MSRs"; SDM 3A "Memory Type Range Registers", "Page Attribute Table",
 * "Time-Stamp Counter", "Extended Feature Enable Register", "Local APIC"; a number without a row is #GP.
 * Memory types are kept for whoever reads them and have no effect. Speculation controls are accepted and
 * have none either. ARCH_CAPABILITIES says what a software CPU cannot have, so that guests leave out the
 * counter-measures that make a translator slow.
 *
 * AMD's own registers (0xc001xxxx) are there on a model of AMD's, as far as kernels touch them without asking first.
 */
#include "engine/soft/msr.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "core/clock.h"
#include "engine/soft/attend.h"
#include "engine/soft/mmu.h"
#include "engine/soft/ops.h"
#include "engine/soft/pvclock.h"
#include "x86/canonical.h"

/* ---- bits ------------------------------------------------------------------------------------ */

#define BEYOND_PHYS (~(BIT(SOFT_MAXPHYADDR) - 1))
#define BEYOND_32   (~UINT64_C(0xffffffff))

static const uint64_t apic_bsp = BIT(8), apic_extd = BIT(10), apic_en = BIT(11),
                      apic_default = 0xfee00000,
                      mtrr_cap = SOFT_MTRR_PAIRS | BIT(8) /* fixed ranges */ |
                                 BIT(10) /* write-combining */,
                      pat_reset = 0x0007040600070406, misc_fast_strings = BIT(0),
                      misc_absent = BIT(11) | BIT(12), microcode = BIT(32) /* revision 1 */,
                      hwcr = BIT(24) /* TscFreqSel: the TSC counts at the nominal frequency */;

/* SDM 4, IA32_ARCH_CAPABILITIES: what this CPU is not vulnerable to, and IBRS that stays on. */
#define ARCH_CAPABILITY_BITS(X) \
    X(RDCL_NO, 0)               \
    X(IBRS_ALL, 1)              \
    X(MDS_NO, 5)                \
    X(TAA_NO, 8)                \
    X(SBDR_SSDP_NO, 13)         \
    X(FBSDP_NO, 14)             \
    X(PSDP_NO, 15)              \
    X(BHI_NO, 20)               \
    X(PBRSB_NO, 24)             \
    X(GDS_NO, 26)               \
    X(RFDS_NO, 27)              \
    X(ITS_NO, 62)
#define X(name, bit) | BIT(bit)
static const uint64_t arch_capabilities = 0 ARCH_CAPABILITY_BITS(X);
#undef X

/* ---- checks of values ------------------------------------------------------------------------ */

typedef bool msr_check(uint64_t val, uint32_t offset);

static bool any(uint64_t val, uint32_t offset)
{
    (void)val;
    (void)offset;
    return true;
}

static bool canonical(uint64_t val, uint32_t offset)
{
    (void)offset;
    return x86_canonical(val);
}

/* UC WC WT WP WB. */
static bool memory_type(unsigned type)
{
    return type <= 6 && type != 2 && type != 3;
}

/* PAT has UC- besides. */
static bool pat_types(uint64_t val, uint32_t offset)
{
    (void)offset;
    for (unsigned i = 0; i < 64; i += 8) {
        if (!memory_type(val >> i & 0xff) && (val >> i & 0xff) != 7)
            return false;
    }
    return true;
}

static bool fixed_types(uint64_t val, uint32_t offset)
{
    (void)offset;
    for (unsigned i = 0; i < 64; i += 8) {
        if (!memory_type(val >> i & 0xff))
            return false;
    }
    return true;
}

static bool default_type(uint64_t val, uint32_t offset)
{
    (void)offset;
    return memory_type(val & 0xff);
}

/* Even: a base with its type; odd: a mask with bit 11, valid. */
static bool variable_range(uint64_t val, uint32_t offset)
{
    return offset & 1 ? (val & 0x7ff) == 0 : (val & 0xf00) == 0 && memory_type(val & 0xff);
}

/* ---- registers that do something --------------------------------------------------------------- */

static uint64_t own_ticks(const struct soft_cpu *c)
{
    return c->sys.counted_time ? c->sys.base_ns + c->insns : clock_ticks();
}

uint64_t soft_tsc(const struct soft_cpu *c)
{
    return own_ticks(c) + c->msrs.tsc_offset;
}

/* SDM 3B, "IA32_TSC_ADJUST MSR": each follows the other. */
static bool write_tsc(struct soft_cpu *c, uint64_t val)
{
    uint64_t delta = val - soft_tsc(c);

    c->msrs.tsc_offset += delta;
    c->msrs.tsc_adjust += delta;
    soft_pvclock_update(c);
    return true;
}

static bool write_tsc_adjust(struct soft_cpu *c, uint64_t val)
{
    c->msrs.tsc_offset += val - c->msrs.tsc_adjust;
    c->msrs.tsc_adjust = val;
    soft_pvclock_update(c);
    return true;
}

static bool write_system_time(struct soft_cpu *c, uint64_t val)
{
    c->msrs.system_time = val;
    soft_pvclock_update(c);
    return true;
}

static bool write_wall_clock(struct soft_cpu *c, uint64_t val)
{
    c->msrs.wall_clock = val;
    soft_pvclock_wall(c, val);
    return true;
}

/* LMA is read-only; LME stays while paging is on. */
static bool write_efer(struct soft_cpu *c, uint64_t val)
{
    const uint64_t settable = X86_EFER_SCE | X86_EFER_LME | X86_EFER_NXE;
    uint64_t changed = (c->s.efer ^ val) & settable;

    if (val & ~(settable | X86_EFER_LMA) || (changed & X86_EFER_LME && c->s.cr0 & X86_CR0_PG))
        return false;
    c->s.efer = (val & settable) | (c->s.efer & X86_EFER_LMA);
    if (changed & X86_EFER_NXE)
        soft_flush(c, true);
    soft_mode_changed(c);
    return true;
}

/* SDM 3A, "Local APIC State Transitions With IA32_APIC_BASE". */
static bool write_apic_base(struct soft_cpu *c, uint64_t val)
{
    const uint64_t both = apic_en | apic_extd;
    uint64_t old = c->s.apic_base & both, now = val & both;

    if (val & (BEYOND_PHYS | 0xfff) & ~(both | apic_bsp))
        return false;
    if (now & apic_extd && !(c->sys.model->config.apic && c->sys.model->config.x2apic))
        return false;
    if (now == apic_extd || (old == both && now == apic_en) || (old == 0 && now == both))
        return false;
    c->s.apic_base = val;
    soft_intc_set_base(c);
    return true;
}

/* ---- the table ------------------------------------------------------------------------------- */

enum msr_kind {
    KEPT,     /* read and written */
    CONSTANT, /* `value`; a write is #GP */
    SINK,     /* writes of good values are accepted and forgotten; a read gives `value` */
    COMMAND,  /* as SINK, and a read is #GP */
    TIME,     /* the TSC */
};

typedef bool msr_write(struct soft_cpu *c, uint64_t val);

struct msr_row {
    uint32_t first, last;
    uint8_t kind;      /* enum msr_kind */
    uint8_t feature;   /* enum x86_feature that must be offered; BASE always is */
    bool kvmclock;     /* only where that is offered */
    bool elsewhere;    /* has a member of its own in x86_state: not in its list */
    bool amd;          /* on a model of AMD's only */
    uint32_t at;       /* in struct soft_cpu */
    uint64_t reserved; /* bits that must be 0 */
    uint64_t writable; /* bits that a write changes; 0: all */
    uint64_t value;
    msr_check *check; /* NULL: any */
    msr_write *write; /* NULL: the value is stored */
};

#define AT(member) .at = offsetof(struct soft_cpu, member)

static const struct msr_row rows[] = {
    { 0x10, 0x10, TIME, X86_FEATURE_TSC, .write = write_tsc },
    { 0x17, 0x17, CONSTANT, .value = 0 }, /* PLATFORM_ID */
    { 0x1b, 0x1b, KEPT, AT(s.apic_base), .elsewhere = true, .write = write_apic_base },
    { 0x3b, 0x3b, KEPT, AT(msrs.tsc_adjust), .write = write_tsc_adjust },
    { 0x48, 0x48, KEPT, AT(msrs.spec_ctrl), .reserved = ~UINT64_C(7) }, /* IBRS STIBP SSBD */
    { 0x49, 0x49, COMMAND, .reserved = ~UINT64_C(1) },                  /* PRED_CMD: IBPB */
    { 0x8b, 0x8b, SINK, .value = microcode },
    { 0xce, 0xce, CONSTANT, .value = 0 }, /* PLATFORM_INFO */
    { 0xfe, 0xfe, CONSTANT, .value = mtrr_cap },
    { 0x10a, 0x10a, CONSTANT, .value = arch_capabilities },
    { 0x174, 0x174, KEPT, X86_FEATURE_SEP, AT(msrs.sysenter_cs), .reserved = BEYOND_32 },
    { 0x175, 0x175, KEPT, X86_FEATURE_SEP, AT(msrs.sysenter_esp), .check = canonical },
    { 0x176, 0x176, KEPT, X86_FEATURE_SEP, AT(msrs.sysenter_eip), .check = canonical },
    { 0x179, 0x179, CONSTANT, .value = 0 }, /* MCG_CAP: no banks */
    { 0x17a, 0x17a, KEPT, AT(msrs.mcg_status), .reserved = ~UINT64_C(7) },
    { 0x1a0, 0x1a0, KEPT, AT(msrs.misc_enable), .writable = misc_fast_strings },
    { 0x1d9, 0x1d9, KEPT, AT(msrs.debugctl), .reserved = ~(uint64_t)DEBUGCTL_BTF },
    { 0x200, 0x20f, KEPT, AT(msrs.mtrr_var), .reserved = BEYOND_PHYS, .check = variable_range },
    { 0x250, 0x250, KEPT, AT(msrs.mtrr_fix64k), .check = fixed_types },
    { 0x258, 0x259, KEPT, AT(msrs.mtrr_fix16k), .check = fixed_types },
    { 0x268, 0x26f, KEPT, AT(msrs.mtrr_fix4k), .check = fixed_types },
    { 0x277, 0x277, KEPT, AT(msrs.pat), .check = pat_types },
    { 0x2ff, 0x2ff, KEPT, AT(msrs.mtrr_def_type), .reserved = ~UINT64_C(0xcff),
      .check = default_type },
    { 0xda0, 0xda0, KEPT, X86_FEATURE_XSAVES, AT(msrs.xss), .reserved = UINT64_MAX },
    { SOFT_MSR_WALL_CLOCK, SOFT_MSR_WALL_CLOCK, KEPT, AT(msrs.wall_clock), .kvmclock = true,
      .reserved = 3, .write = write_wall_clock },
    { SOFT_MSR_SYSTEM_TIME, SOFT_MSR_SYSTEM_TIME, KEPT, AT(msrs.system_time), .kvmclock = true,
      .reserved = 2, .write = write_system_time },
    { 0xc0000080, 0xc0000080, KEPT, AT(s.efer), .elsewhere = true, .write = write_efer },
    { 0xc0000081, 0xc0000081, KEPT, X86_FEATURE_SYSCALL, AT(msrs.star) },
    { 0xc0000082, 0xc0000082, KEPT, X86_FEATURE_SYSCALL, AT(msrs.lstar), .check = canonical },
    { 0xc0000083, 0xc0000083, KEPT, X86_FEATURE_SYSCALL, AT(msrs.cstar), .check = canonical },
    { 0xc0000084, 0xc0000084, KEPT, X86_FEATURE_SYSCALL, AT(msrs.fmask), .reserved = BEYOND_32 },
    { 0xc0000100, 0xc0000100, KEPT, X86_FEATURE_LM, .elsewhere = true, AT(s.seg[X86_FS].base),
      .check = canonical },
    { 0xc0000101, 0xc0000101, KEPT, X86_FEATURE_LM, .elsewhere = true, AT(s.seg[X86_GS].base),
      .check = canonical },
    { 0xc0000102, 0xc0000102, KEPT, X86_FEATURE_LM, AT(msrs.kernel_gs_base), .check = canonical },
    { 0xc0000103, 0xc0000103, KEPT, X86_FEATURE_RDTSCP, AT(msrs.tsc_aux), .reserved = BEYOND_32 },
    { 0xc0010010, 0xc0010010, SINK, .amd = true, .value = 0 },      /* SYS_CFG */
    { 0xc0010015, 0xc0010015, SINK, .amd = true, .value = hwcr },   /* HWCR */
    { 0xc001001f, 0xc001001f, SINK, .amd = true, .value = 0 },      /* NB_CFG */
    { 0xc0010140, 0xc0010141, CONSTANT, .amd = true, .value = 0 },  /* OSVW: none */
    { 0xc0011029, 0xc0011029, KEPT, .amd = true, AT(msrs.de_cfg) }, /* DE_CFG */
};

/* ---- access ---------------------------------------------------------------------------------- */

static bool offered(const struct soft_cpu *c, const struct msr_row *row)
{
    return x86_cpuid_has(c->sys.model, row->feature) && !(row->amd && c->sys.model->intel) &&
           (!row->kvmclock || (c->sys.model->kvmclock && c->sys.pvclock != NULL));
}

static const struct msr_row *row_of(const struct soft_cpu *c, uint32_t index)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (index >= rows[i].first && index <= rows[i].last)
            return offered(c, &rows[i]) ? &rows[i] : NULL;
    }
    return NULL;
}

static void store(struct soft_cpu *c, const struct msr_row *row, uint32_t index, uint64_t val)
{
    uint64_t *place = (uint64_t *)((char *)c + row->at) + (index - row->first);
    uint64_t writable = row->writable != 0 ? row->writable : UINT64_MAX;

    *place = (*place & ~writable) | (val & writable);
}

static uint64_t value_of(const struct soft_cpu *c, const struct msr_row *row, uint32_t index)
{
    if (row->kind == TIME)
        return soft_tsc(c);
    if (row->kind == KEPT)
        return ((const uint64_t *)((const char *)c + row->at))[index - row->first];
    return row->value;
}

static bool takes(const struct msr_row *row, uint32_t index, uint64_t val)
{
    return !(val & row->reserved) &&
           (row->check == NULL ? any : row->check)(val, index - row->first);
}

/* TSC_DEADLINE, and in x2APIC mode the local APIC's registers: SDM 3A, "x2APIC Register Address Space". */
static bool is_intc(const struct soft_cpu *c, uint32_t index)
{
    const uint64_t x2apic = apic_en | apic_extd;

    return (index == 0x6e0 && c->sys.model->config.tsc_deadline) ||
           (index >= 0x800 && index <= 0x8ff && (c->s.apic_base & x2apic) == x2apic);
}

bool soft_read_msr(struct soft_cpu *c, uint32_t index, uint64_t *val)
{
    const struct msr_row *row = row_of(c, index);

    if (is_intc(c, index))
        return soft_intc_rdmsr(c, index, val) || soft_raise_error(c, VEC_GP, 0);
    if (row == NULL || row->kind == COMMAND)
        return soft_raise_error(c, VEC_GP, 0);
    *val = value_of(c, row, index);
    return true;
}

bool soft_write_msr(struct soft_cpu *c, uint32_t index, uint64_t val)
{
    const struct msr_row *row = row_of(c, index);

    if (is_intc(c, index))
        return soft_intc_wrmsr(c, index, val) || soft_raise_error(c, VEC_GP, 0);
    if (row == NULL || row->kind == CONSTANT || !takes(row, index, val) ||
        (row->write != NULL && !row->write(c, val)))
        return soft_raise_error(c, VEC_GP, 0);
    if (row->kind == KEPT && row->write == NULL)
        store(c, row, index, val);
    return true;
}

void soft_msr_reset(struct soft_cpu *c)
{
    c->msrs = (struct soft_msrs){
        .tsc_offset = -own_ticks(c),
        .misc_enable = misc_fast_strings | misc_absent,
        .pat = pat_reset,
    };
    c->s.apic_base = apic_default | apic_en | (c->vcpu->idx == 0 ? apic_bsp : 0);
}

/* ---- in a state ------------------------------------------------------------------------------ */

static bool listed(const struct soft_cpu *c, const struct msr_row *row)
{
    return (row->kind == KEPT || row->kind == TIME) && !row->elsewhere && offered(c, row);
}

void soft_msrs_get(const struct soft_cpu *c, struct x86_state *out)
{
    out->nmsrs = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (uint32_t index = rows[i].first; index <= rows[i].last && listed(c, &rows[i]); index++)
            out->msr[out->nmsrs++] = (struct x86_msr){ index, value_of(c, &rows[i], index) };
    }
}

int soft_msrs_set(struct soft_cpu *c, const struct x86_state *in, struct vitro_err *err)
{
    for (uint32_t i = 0; i < in->nmsrs; i++) {
        const struct x86_msr *m = &in->msr[i];
        const struct msr_row *row = row_of(c, m->index);

        if (row == NULL || !listed(c, row))
            continue;
        if (!takes(row, m->index, m->value))
            return err_set(err, -EINVAL, "MSR 0x%x does not take 0x%" PRIx64, m->index, m->value);
        /* Without what a write by the guest sets going: the state has TSC and TSC_ADJUST both. */
        if (row->kind == TIME)
            c->msrs.tsc_offset = m->value - own_ticks(c);
        else
            store(c, row, m->index, m->value);
    }
    return 0;
}
