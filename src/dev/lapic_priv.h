/* SPDX-License-Identifier: MIT */
/*
 * lapic_priv.h - what the files of the local APIC share
 *
 * lapic.c the device and the plug; lapic_regs.c the registers, by memory and by MSR; lapic_accept.c what
 * is requested, in service and delivered; lapic_ipi.c messages and who they reach; lapic_timer.c the timer;
 * lapic_view.c what `vitro devices` shows.
 */
#ifndef DEV_LAPIC_PRIV_H
#define DEV_LAPIC_PRIV_H

#include "base/bits.h"
#include "dev/lapic.h"

/* Offset / 16, and MSR - 0x800; SDM 3A, "Local APIC Register Address Map". */
enum lapic_reg {
    LAPIC_ID = 0x02,
    LAPIC_VERSION = 0x03,
    LAPIC_TPR = 0x08,
    LAPIC_APR = 0x09,
    LAPIC_PPR = 0x0a,
    LAPIC_EOI = 0x0b,
    LAPIC_RRD = 0x0c,
    LAPIC_LDR = 0x0d,
    LAPIC_DFR = 0x0e,
    LAPIC_SVR = 0x0f,
    LAPIC_ISR = 0x10, /* 8 registers each */
    LAPIC_TMR = 0x18,
    LAPIC_IRR = 0x20,
    LAPIC_ESR = 0x28,
    LAPIC_ICR_LO = 0x30,
    LAPIC_ICR_HI = 0x31,
    LAPIC_LVT_TIMER = 0x32,
    LAPIC_LVT_THERMAL = 0x33,
    LAPIC_LVT_PERF = 0x34,
    LAPIC_LVT_LINT0 = 0x35,
    LAPIC_LVT_LINT1 = 0x36,
    LAPIC_LVT_ERROR = 0x37,
    LAPIC_TMICT = 0x38,
    LAPIC_TMCCT = 0x39,
    LAPIC_TDCR = 0x3e,
    LAPIC_SELF_IPI = 0x3f,
    LAPIC_NREGS = 0x40,
};

enum {
    LAPIC_SVR_ENABLE = 1 << 8,
    LAPIC_LVT_REMOTE_IRR = 1 << 14, /* LINT0 and LINT1 */
    LAPIC_LVT_LEVEL = 1 << 15,
    LAPIC_LVT_MASKED = 1 << 16,
};

/* Bits 18:17 of the timer's LVT entry. */
enum lapic_timer_mode { LAPIC_ONE_SHOT, LAPIC_PERIODIC, LAPIC_DEADLINE, LAPIC_NO_MODE };

/* Delivery modes of messages, the ICR and the LVT. */
enum lapic_delivery {
    LAPIC_FIXED,
    LAPIC_LOWEST,
    LAPIC_SMI,
    LAPIC_RESERVED,
    LAPIC_NMI,
    LAPIC_INIT,
    LAPIC_STARTUP, /* in the ICR */
    LAPIC_EXTINT,  /* in the LVT and in messages of an IOAPIC */
};

/* Bits of the ESR. */
enum lapic_error {
    LAPIC_SEND_ILLEGAL_VECTOR = 1 << 5,
    LAPIC_RECEIVE_ILLEGAL_VECTOR = 1 << 6,
    LAPIC_ILLEGAL_REGISTER = 1 << 7,
};

static const uint64_t lapic_base_bsp = BIT(8), lapic_base_extd = BIT(10), lapic_base_en = BIT(11);

/* The local APIC of one vCPU. Guarded by the machine lock. */
struct lapic_cpu {
    /* set at creation */
    struct lapic *set;
    struct vcpu *vcpu; /* NULL: not plugged in, takes part in nothing */
    uint32_t id;       /* initial APIC ID, and for ever the x2APIC ID */

    /* guest-visible */
    uint64_t base;             /* IA32_APIC_BASE */
    uint32_t reg[LAPIC_NREGS]; /* computed when read: TPR's kin APR and PPR, TMCCT */
    uint64_t deadline;         /* IA32_TSC_DEADLINE, 0 when it has passed */

    /* inside */
    uint32_t errors;  /* found since ESR was last written */
    bool error_told;  /* the LVT error interrupt has been sent for them */
    bool extint;      /* a message with delivery mode ExtINT waits for INTA */
    bool counting;    /* the timer's count goes down to 0 ... */
    uint64_t zero_ns; /* ... at that time */
    struct timer timer;
};

struct lapic {
    struct dev dev; /* first */
    struct machine *m;
    struct lapic_wires wires;
    bool lint[2];         /* levels of the shared pins */
    unsigned last_lowest; /* who was chosen last by lowest priority: ties go round */
    struct lapic_cpu cpu[CPUS_MAX];
};

static inline bool lapic_on(const struct lapic_cpu *a)
{
    return a->vcpu != NULL && a->base & lapic_base_en;
}

static inline bool lapic_x2(const struct lapic_cpu *a)
{
    return a->base & lapic_base_extd;
}

/* lapic.c */
void lapic_power_up(struct lapic_cpu *a);

/* lapic_regs.c: idx is an enum lapic_reg or any other number below LAPIC_NREGS. */
uint32_t lapic_read(struct lapic_cpu *a, unsigned idx);
void lapic_write(struct lapic_cpu *a, unsigned idx, uint32_t val);
bool lapic_rdmsr(void *ctx, uint32_t index, uint64_t *val);
bool lapic_wrmsr(void *ctx, uint32_t index, uint64_t val, uint64_t tsc);
void lapic_get(void *ctx, uint8_t regs[INTC_REGS_BYTES]);
void lapic_set(void *ctx, const uint8_t regs[INTC_REGS_BYTES]);

/* lapic_accept.c */
void lapic_update(struct lapic_cpu *a); /* VCPU_INTR as it must be now */
void lapic_accept(struct lapic_cpu *a, unsigned vector, bool level);
int lapic_ack(void *ctx);
void lapic_end(struct lapic_cpu *a); /* EOI */
int lapic_top(const struct lapic_cpu *a, enum lapic_reg first);
unsigned lapic_ppr(const struct lapic_cpu *a);
unsigned lapic_apr(const struct lapic_cpu *a);
void lapic_error(struct lapic_cpu *a, enum lapic_error error);
void lapic_local(struct lapic_cpu *a, enum lapic_reg lvt); /* a local source fires */
void lapic_pin(struct lapic_cpu *a, unsigned pin, bool rises);

/* lapic_ipi.c */
void lapic_icr(struct lapic_cpu *a);
void lapic_self_ipi(struct lapic_cpu *a, uint8_t vector);
void lapic_deliver(struct lapic_cpu *a, enum lapic_delivery mode, uint8_t vector, bool level);

/* lapic_timer.c */
void lapic_timer_due(void *ctx);
void lapic_timer_stop(struct lapic_cpu *a);
void lapic_timer_start(struct lapic_cpu *a, uint32_t count); /* from count on */
void lapic_timer_mode(struct lapic_cpu *a, uint32_t lvt);    /* the LVT entry changes to this */
void lapic_timer_divide(struct lapic_cpu *a, uint32_t tdcr); /* the divisor changes to this */
uint32_t lapic_timer_count(const struct lapic_cpu *a);
void lapic_timer_deadline(struct lapic_cpu *a, uint64_t val, uint64_t tsc);
enum lapic_timer_mode lapic_timer_mode_of(uint32_t lvt);

/* lapic_view.c */
size_t lapic_regs(const struct dev *dev, struct dev_reg *out);

#endif
