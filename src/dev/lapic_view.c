/* SPDX-License-Identifier: MIT */
/* lapic_view.c - local APIC: the registers that people look for, a dozen a CPU. */
#include <assert.h>

#include "base/names.h"
#include "dev/lapic_priv.h"

static const struct bit_name id_rows[] = {
    { 0xff000000, "ID", "xAPIC ID" },
    { 0x0000ffff, "X2ID", "x2APIC ID" },
};

static const struct bit_name svr_rows[] = {
    { 0xff, "VECTOR", "spurious vector" },
    { LAPIC_SVR_ENABLE, "ENABLE", "APIC software enable" },
    { 0x200, "FOCUS_OFF", "no focus checking" },
};

static const struct bit_name lvt_rows[] = {
    { 0xff, "VECTOR", "vector" },
    { 0x700, "MODE", "delivery mode: 0 fixed, 2 SMI, 4 NMI, 5 INIT, 7 ExtINT" },
    { 0x2000, "LOW", "pin active low" },
    { LAPIC_LVT_REMOTE_IRR, "REMOTE_IRR", "waits for EOI" },
    { LAPIC_LVT_LEVEL, "LEVEL", "level-triggered" },
    { LAPIC_LVT_MASKED, "MASKED", "masked" },
    { 0x60000, "TIMER", "0 one-shot, 1 periodic, 2 TSC deadline" },
};

static const struct bit_name icr_rows[] = {
    { 0xff, "VECTOR", "vector" },
    { 0x700, "MODE", "delivery mode: 0 fixed, 1 lowest, 4 NMI, 5 INIT, 6 start-up" },
    { 0x800, "LOGICAL", "logical destination" },
    { 0x4000, "ASSERT", "level" },
    { 0x8000, "LEVEL", "trigger mode" },
    { 0xc0000, "SHORTHAND", "1 self, 2 all, 3 all but self" },
    { UINT64_C(0xffffffff00000000), "DEST", "destination register" },
};

static const struct bit_name esr_rows[] = {
    { LAPIC_SEND_ILLEGAL_VECTOR, "SEND_ILLEGAL_VECTOR", "a vector below 16 was to be sent" },
    { LAPIC_RECEIVE_ILLEGAL_VECTOR, "RECEIVE_ILLEGAL_VECTOR", "a vector below 16 came" },
    { LAPIC_ILLEGAL_REGISTER, "ILLEGAL_REGISTER", "no register at an address" },
};

#define TABLE(id) static const struct bit_table id = { id##_rows, ARRAY_LEN(id##_rows) }
TABLE(id);
TABLE(svr);
TABLE(lvt);
TABLE(icr);
TABLE(esr);

/* Names say the CPU: they are made here, as a table's must be static. */
#define CPU_NAMES(name)                                                                     \
    {                                                                                       \
        "cpu0 " name, "cpu1 " name, "cpu2 " name, "cpu3 " name, "cpu4 " name, "cpu5 " name, \
            "cpu6 " name, "cpu7 " name                                                      \
    }
static_assert(CPUS_MAX == 8, "a name for each CPU");

static const struct view_row {
    const char *name[CPUS_MAX];
    uint8_t idx; /* enum lapic_reg */
    uint8_t width;
    const struct bit_table *bits;
} view_rows[] = {
    { CPU_NAMES("ID"), LAPIC_ID, 4, &id },
    { CPU_NAMES("PPR"), LAPIC_PPR, 1, NULL },
    { CPU_NAMES("LDR"), LAPIC_LDR, 4, NULL },
    { CPU_NAMES("SVR"), LAPIC_SVR, 4, &svr },
    { CPU_NAMES("ISRV"), LAPIC_ISR, 1, NULL }, /* highest vector, 0: none */
    { CPU_NAMES("IRRV"), LAPIC_IRR, 1, NULL },
    { CPU_NAMES("ESR"), LAPIC_ESR, 1, &esr },
    { CPU_NAMES("ICR"), LAPIC_ICR_LO, 8, &icr },
    { CPU_NAMES("LVT_TIMER"), LAPIC_LVT_TIMER, 4, &lvt },
    { CPU_NAMES("LVT_LINT0"), LAPIC_LVT_LINT0, 4, &lvt },
    { CPU_NAMES("LVT_LINT1"), LAPIC_LVT_LINT1, 4, &lvt },
    { CPU_NAMES("TMCCT"), LAPIC_TMCCT, 4, NULL },
};
static_assert(ARRAY_LEN(view_rows) * CPUS_MAX <= DEV_REGS_MAX, "the rows of all CPUs");

static uint64_t value_of(const struct lapic_cpu *a, unsigned idx)
{
    int top;

    switch (idx) {
    case LAPIC_PPR:
        return lapic_ppr(a);
    case LAPIC_TMCCT:
        return lapic_timer_count(a);
    case LAPIC_ICR_LO:
        return (uint64_t)a->reg[LAPIC_ICR_HI] << 32 | a->reg[LAPIC_ICR_LO];
    case LAPIC_ISR:
    case LAPIC_IRR:
        top = lapic_top(a, idx);
        return top < 0 ? 0 : (uint64_t)top;
    default:
        return a->reg[idx];
    }
}

size_t lapic_regs(const struct dev *dev, struct dev_reg *out)
{
    const struct lapic *l = (const struct lapic *)dev;
    size_t n = 0;

    for (unsigned i = 0; i < CPUS_MAX; i++) {
        const struct lapic_cpu *a = &l->cpu[i];

        for (size_t k = 0; a->vcpu != NULL && k < ARRAY_LEN(view_rows); k++) {
            const struct view_row *row = &view_rows[k];

            out[n++] =
                (struct dev_reg){ row->name[i], row->width, row->bits, value_of(a, row->idx) };
        }
    }
    return n;
}
