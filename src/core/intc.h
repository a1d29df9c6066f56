/* SPDX-License-Identifier: MIT */
/*
 * intc.h - what a vCPU needs of its interrupt controller, as an interface
 *
 * Implemented by dev/lapic, plugged into each vCPU by board/pc where the engine brings no local APIC of its own.
 * The controller asks for attention through vcpu_request; the engine then calls `ack` at the next place
 * where an interrupt can be taken. Every function is called under the machine lock.
 */
#ifndef CORE_INTC_H
#define CORE_INTC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { INTC_REGS_BYTES = 1024 };

/* Beyond all physical addresses: no device is there. */
static const uint64_t INTC_NOWHERE = UINT64_MAX - 0xff;

struct intc_ops {
    /* The vector to deliver, now in service; -1: it has gone away meanwhile. */
    int (*ack)(void *ctx);
    /* Task priority, bits 7:4 of TPR. */
    uint8_t (*cr8)(void *ctx);
    void (*set_cr8)(void *ctx, uint8_t val);
    /* IA32_TSC_DEADLINE and the x2APIC registers, 0x800..0x8ff. False: #GP. tsc is the guest's, now. */
    bool (*rdmsr)(void *ctx, uint32_t index, uint64_t *val);
    bool (*wrmsr)(void *ctx, uint32_t index, uint64_t val, uint64_t tsc);
    /* IA32_APIC_BASE has been written; the engine has checked the transition. */
    void (*set_base)(void *ctx, uint64_t apic_base);
    /*
     * Where on the memory bus an access goes that this CPU makes at gpa, since IA32_APIC_BASE can move its registers:
     * gpa itself when it has nothing to do with them, INTC_NOWHERE where they are no more. NULL: they stay.
     */
    uint64_t (*place)(void *ctx, uint64_t gpa);
    /* INIT: all but the ID and the base as after power-up. */
    void (*init)(void *ctx);
    /* The 1 KiB register block of snapshots, SDM 3A "Local APIC Register Address Map". */
    void (*get)(void *ctx, uint8_t regs[INTC_REGS_BYTES]);
    void (*set)(void *ctx, const uint8_t regs[INTC_REGS_BYTES]);
};

struct intc {
    const struct intc_ops *ops; /* NULL: the vCPU has none, or the engine brings it */
    void *ctx;
};

#endif
