/* SPDX-License-Identifier: MIT */
/*
 * lapic_regs.c - local APIC: its registers, by memory in xAPIC and by MSR in x2APIC mode
 *
 * Source: SDM 3A, "Local APIC Register Address Map" for both modes, "Reserved Bit Checking". By memory reserved
 * bits are dropped; by MSR a reserved bit that is set, a register that is not there or a wrong direction is #GP.
 */
#include <string.h>

#include "dev/lapic_priv.h"

enum { MSR_TSC_DEADLINE = 0x6e0, MSR_X2APIC = 0x800 };

/* Who may do what: by memory, by MSR. */
enum access { R = 1, W = 2, MSR_R = 4, MSR_W = 8 };

struct reg_row {
    uint8_t access;
    uint32_t writable; /* other bits keep what they are */
    uint32_t ignored;  /* read-only bits that may be written as read */
    uint32_t (*read)(const struct lapic_cpu *a, unsigned idx); /* NULL: as stored */
    void (*write)(struct lapic_cpu *a, unsigned idx, uint32_t old,
                  uint32_t val); /* after storing */
};

/* ---- registers that do something --------------------------------------------------------------- */

static uint32_t read_apr(const struct lapic_cpu *a, unsigned idx)
{
    (void)idx;
    return lapic_apr(a);
}

static uint32_t read_ppr(const struct lapic_cpu *a, unsigned idx)
{
    (void)idx;
    return lapic_ppr(a);
}

static uint32_t read_count(const struct lapic_cpu *a, unsigned idx)
{
    (void)idx;
    return lapic_timer_count(a);
}

static void wrote_tpr(struct lapic_cpu *a, unsigned idx, uint32_t old, uint32_t val)
{
    (void)idx, (void)old, (void)val;
    lapic_update(a);
}

static void wrote_eoi(struct lapic_cpu *a, unsigned idx, uint32_t old, uint32_t val)
{
    (void)idx, (void)old, (void)val;
    lapic_end(a);
}

static void mask_lvt(struct lapic_cpu *a)
{
    for (unsigned i = LAPIC_LVT_TIMER; i <= LAPIC_LVT_ERROR; i++)
        a->reg[i] |= LAPIC_LVT_MASKED;
}

/* Switched off by software: every entry of the LVT is masked and stays so. */
static void wrote_svr(struct lapic_cpu *a, unsigned idx, uint32_t old, uint32_t val)
{
    (void)idx, (void)old;
    if (!(val & LAPIC_SVR_ENABLE))
        mask_lvt(a);
    lapic_update(a);
}

/* A write, of any value, shows what has been found since the last one and begins anew. */
static void wrote_esr(struct lapic_cpu *a, unsigned idx, uint32_t old, uint32_t val)
{
    (void)idx, (void)old, (void)val;
    a->reg[LAPIC_ESR] = a->errors;
    a->errors = 0;
    a->error_told = false;
}

static void wrote_icr(struct lapic_cpu *a, unsigned idx, uint32_t old, uint32_t val)
{
    (void)idx, (void)old, (void)val;
    lapic_icr(a);
}

/* Masking an entry or leaving level-triggered mode forgets the remote IRR. */
static void wrote_lvt(struct lapic_cpu *a, unsigned idx, uint32_t old, uint32_t val)
{
    if (!(a->reg[LAPIC_SVR] & LAPIC_SVR_ENABLE))
        val |= LAPIC_LVT_MASKED;
    a->reg[idx] = val;
    if (idx == LAPIC_LVT_TIMER) {
        a->reg[idx] = old;
        lapic_timer_mode(a, val);
    } else if (idx == LAPIC_LVT_LINT0 || idx == LAPIC_LVT_LINT1) {
        if (!(val & LAPIC_LVT_LEVEL) || (val >> 8 & 7) != LAPIC_FIXED)
            a->reg[idx] &= ~(uint32_t)LAPIC_LVT_REMOTE_IRR;
        lapic_pin(a, idx - LAPIC_LVT_LINT0, false);
    }
}

/* In TSC-deadline mode a write of the initial count is ignored. */
static void wrote_initial(struct lapic_cpu *a, unsigned idx, uint32_t old, uint32_t val)
{
    if (lapic_timer_mode_of(a->reg[LAPIC_LVT_TIMER]) == LAPIC_DEADLINE)
        a->reg[idx] = old;
    else
        lapic_timer_start(a, val);
}

static void wrote_divide(struct lapic_cpu *a, unsigned idx, uint32_t old, uint32_t val)
{
    a->reg[idx] = old;
    lapic_timer_divide(a, val);
}

static void wrote_self(struct lapic_cpu *a, unsigned idx, uint32_t old, uint32_t val)
{
    (void)old;
    a->reg[idx] = 0;
    lapic_self_ipi(a, (uint8_t)val);
}

/* ---- the table --------------------------------------------------------------------------------- */

enum {
    ALL = R | W | MSR_R | MSR_W,
    READ = R | MSR_R,
    VECTOR = 0xff,
    MODE = 0x700,
    STATUS = 1 << 12, /* delivery status: idle */
};

static const struct reg_row rows[LAPIC_NREGS] = {
    [LAPIC_ID] = { .access = READ },
    [LAPIC_VERSION] = { .access = READ },
    [LAPIC_TPR] = { .access = ALL, .writable = 0xff, .write = wrote_tpr },
    [LAPIC_APR] = { .access = R, .read = read_apr },
    [LAPIC_PPR] = { .access = READ, .read = read_ppr },
    [LAPIC_EOI] = { .access = W | MSR_W, .write = wrote_eoi },
    [LAPIC_RRD] = { .access = R },
    [LAPIC_LDR] = { .access = READ | W, .writable = 0xff000000 },
    [LAPIC_DFR] = { .access = R | W, .writable = 0xf0000000 },
    [LAPIC_SVR] = { .access = ALL, .writable = 0x3ff, .write = wrote_svr },
    [LAPIC_ISR... LAPIC_ISR + 7] = { .access = READ },
    [LAPIC_TMR... LAPIC_TMR + 7] = { .access = READ },
    [LAPIC_IRR... LAPIC_IRR + 7] = { .access = READ },
    [LAPIC_ESR] = { .access = ALL, .write = wrote_esr },
    [LAPIC_ICR_LO] = { .access = ALL, .writable = 0xccfff, .write = wrote_icr },
    [LAPIC_ICR_HI] = { .access = R | W, .writable = 0xff000000 },
    [LAPIC_LVT_TIMER] = { .access = ALL,
                          .writable = VECTOR | 0x70000,
                          .ignored = STATUS,
                          .write = wrote_lvt },
    [LAPIC_LVT_THERMAL... LAPIC_LVT_PERF] = { .access = ALL,
                                              .writable = VECTOR | MODE | LAPIC_LVT_MASKED,
                                              .ignored = STATUS,
                                              .write = wrote_lvt },
    [LAPIC_LVT_LINT0... LAPIC_LVT_LINT1] = { .access = ALL,
                                             .writable = VECTOR | MODE | 0x1a000,
                                             .ignored = STATUS | LAPIC_LVT_REMOTE_IRR,
                                             .write = wrote_lvt },
    [LAPIC_LVT_ERROR] = { .access = ALL,
                          .writable = VECTOR | LAPIC_LVT_MASKED,
                          .ignored = STATUS,
                          .write = wrote_lvt },
    [LAPIC_TMICT] = { .access = ALL, .writable = UINT32_MAX, .write = wrote_initial },
    [LAPIC_TMCCT] = { .access = READ, .read = read_count },
    [LAPIC_TDCR] = { .access = ALL, .writable = 0xb, .write = wrote_divide },
    [LAPIC_SELF_IPI] = { .access = MSR_W, .writable = VECTOR, .write = wrote_self },
};

/* ---- access ------------------------------------------------------------------------------------ */

static uint32_t value_of(const struct lapic_cpu *a, unsigned idx)
{
    if (idx == LAPIC_VERSION)
        return 0x14 | (LAPIC_LVT_ERROR - LAPIC_LVT_TIMER) << 16;
    return rows[idx].read != NULL ? rows[idx].read(a, idx) : a->reg[idx];
}

static void store(struct lapic_cpu *a, unsigned idx, uint32_t val)
{
    const struct reg_row *row = &rows[idx];
    uint32_t old = a->reg[idx];

    a->reg[idx] = (old & ~row->writable) | (val & row->writable);
    if (row->write != NULL)
        row->write(a, idx, old, a->reg[idx]);
}

uint32_t lapic_read(struct lapic_cpu *a, unsigned idx)
{
    if (rows[idx].access & R)
        return value_of(a, idx);
    if (!(rows[idx].access & W))
        lapic_error(a, LAPIC_ILLEGAL_REGISTER);
    return 0;
}

void lapic_write(struct lapic_cpu *a, unsigned idx, uint32_t val)
{
    if (rows[idx].access & W)
        store(a, idx, val);
    else if (!(rows[idx].access & R))
        lapic_error(a, LAPIC_ILLEGAL_REGISTER);
}

/* The register of an MSR; -1: not there, or not in this mode. */
static int msr_reg(const struct lapic_cpu *a, uint32_t index, unsigned access)
{
    uint32_t idx = index - MSR_X2APIC;

    if (!lapic_on(a) || !lapic_x2(a) || index < MSR_X2APIC || idx >= LAPIC_NREGS)
        return -1;
    return rows[idx].access & access ? (int)idx : -1;
}

bool lapic_rdmsr(void *ctx, uint32_t index, uint64_t *val)
{
    struct lapic_cpu *a = ctx;
    int idx = msr_reg(a, index, MSR_R);

    if (index == MSR_TSC_DEADLINE) {
        *val = a->deadline;
        return true;
    }
    if (idx < 0)
        return false;
    *val = value_of(a, (unsigned)idx);
    if (idx == LAPIC_ICR_LO)
        *val |= (uint64_t)a->reg[LAPIC_ICR_HI] << 32;
    return true;
}

bool lapic_wrmsr(void *ctx, uint32_t index, uint64_t val, uint64_t tsc)
{
    struct lapic_cpu *a = ctx;
    int idx = msr_reg(a, index, MSR_W);

    if (index == MSR_TSC_DEADLINE) {
        lapic_timer_deadline(a, val, tsc);
        return true;
    }
    if (idx < 0 || (uint32_t)val & ~(rows[idx].writable | rows[idx].ignored) ||
        (val >> 32 != 0 && idx != LAPIC_ICR_LO))
        return false;
    if (idx == LAPIC_ICR_LO)
        a->reg[LAPIC_ICR_HI] = (uint32_t)(val >> 32);
    store(a, (unsigned)idx, (uint32_t)val);
    return true;
}

/* ---- the block of snapshots -------------------------------------------------------------------- */

void lapic_get(void *ctx, uint8_t regs[INTC_REGS_BYTES])
{
    const struct lapic_cpu *a = ctx;

    memset(regs, 0, INTC_REGS_BYTES);
    for (unsigned i = 0; i < LAPIC_NREGS; i++)
        le_put(regs + 16 * i, 4, value_of(a, i));
}

/* Stored as it is, less what the registers cannot hold; the ID is the vCPU's. The timer goes on from its count;
 * a TSC deadline is not in the block and is written after it. */
void lapic_set(void *ctx, const uint8_t regs[INTC_REGS_BYTES])
{
    struct lapic_cpu *a = ctx;
    uint32_t id = a->reg[LAPIC_ID], ldr = a->reg[LAPIC_LDR];

    lapic_timer_stop(a);
    for (unsigned i = 0; i < LAPIC_NREGS; i++) {
        uint32_t val = (uint32_t)le_get(regs + 16 * i, 4);

        if (rows[i].access & (W | MSR_W))
            a->reg[i] = val & (rows[i].writable | rows[i].ignored);
        else if (i >= LAPIC_ISR && i < LAPIC_ESR)
            a->reg[i] = i % 8 == 0 ? val & 0xffff0000 : val;
    }
    a->reg[LAPIC_ID] = id;
    if (lapic_x2(a)) {
        a->reg[LAPIC_LDR] = ldr;
        a->reg[LAPIC_ICR_HI] = (uint32_t)le_get(regs + 16 * LAPIC_ICR_HI, 4);
    }
    a->reg[LAPIC_DFR] |= 0x0fffffff;
    a->reg[LAPIC_ESR] = (uint32_t)le_get(regs + 16 * LAPIC_ESR, 4) & 0xff;
    a->reg[LAPIC_EOI] = a->reg[LAPIC_SELF_IPI] = 0;
    for (unsigned i = LAPIC_LVT_TIMER; i <= LAPIC_LVT_ERROR; i++)
        a->reg[i] &= ~(uint32_t)STATUS;
    if (!(a->reg[LAPIC_SVR] & LAPIC_SVR_ENABLE))
        mask_lvt(a);
    lapic_timer_start(a, (uint32_t)le_get(regs + 16 * LAPIC_TMCCT, 4));
    lapic_update(a);
}
