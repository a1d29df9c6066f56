/* SPDX-License-Identifier: MIT */
/* lapic_rig.h - a machine with local APICs and no engine, and the steps of their scripts. */
#ifndef TESTS_LAPIC_RIG_H
#define TESTS_LAPIC_RIG_H

#include "chip_rig.h"
#include "core/machine.h"
#include "dev/lapic.h"
#include "stub_engine.h"

struct lapic_rig {
    struct stub stub;
    struct machine *m;
    struct dev *dev;
    int pic_vector;    /* what the i8259 answers */
    unsigned pic_acks; /* how often it was asked */
    unsigned neois;    /* EOI broadcasts */
    uint8_t eoi;       /* the last one */
};

void lapic_rig_make(struct lapic_rig *r, unsigned ncpus);
void lapic_rig_free(struct lapic_rig *r);

/* Steps. cpu is a number, reg an offset in the 4 KiB. */
void wr(void *rig, const struct step *s);       /* cpu, reg, value */
void rd(void *rig, const struct step *s);       /* cpu, reg, value wanted */
void wr_at(void *rig, const struct step *s);    /* cpu, guest-physical address, value */
void rd_at(void *rig, const struct step *s);    /* cpu, guest-physical address, value wanted */
void wrmsr(void *rig, const struct step *s);    /* cpu, MSR, value; no #GP */
void rdmsr(void *rig, const struct step *s);    /* cpu, MSR, value wanted */
void gp_write(void *rig, const struct step *s); /* cpu, MSR, value; #GP */
void gp_read(void *rig, const struct step *s);  /* cpu, MSR; #GP */
void base(void *rig, const struct step *s);     /* cpu, IA32_APIC_BASE */
void ack(void *rig, const struct step *s);      /* cpu, vector wanted or NONE */
void intr(void *rig, const struct step *s);     /* cpu, whether VCPU_INTR is wanted */
void requests(void *rig,
              const struct step *s);        /* cpu, all requests wanted; all but INTR are taken */
void sipi(void *rig, const struct step *s); /* cpu, vector wanted */
void cr8(void *rig, const struct step *s);  /* cpu, value wanted */
void set_cr8(void *rig, const struct step *s); /* cpu, value */
void init(void *rig, const struct step *s);    /* cpu */
void lint(void *rig, const struct step *s);    /* pin, level */
void msi(void *rig, const struct step *s);     /* address, data */
void eois(void *rig, const struct step *s);    /* how many broadcasts, the last one */
void advance(void *rig, const struct step *s); /* ns */

#define NONE ((uint64_t)-1)

/* Offsets, as the manual's table has them. */
enum {
    ID = 0x20,
    VERSION = 0x30,
    TPR = 0x80,
    APR = 0x90,
    PPR = 0xa0,
    EOI = 0xb0,
    LDR = 0xd0,
    DFR = 0xe0,
    SVR = 0xf0,
    ISR = 0x100,
    TMR = 0x180,
    IRR = 0x200,
    ESR = 0x280,
    ICR_LO = 0x300,
    ICR_HI = 0x310,
    LVT_TIMER = 0x320,
    LVT_THERMAL = 0x330,
    LVT_PERF = 0x340,
    LVT_LINT0 = 0x350,
    LVT_LINT1 = 0x360,
    LVT_ERROR = 0x370,
    TMICT = 0x380,
    TMCCT = 0x390,
    TDCR = 0x3e0,
};

#endif
