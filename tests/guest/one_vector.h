/* SPDX-License-Identifier: MIT */
/* one_vector.h - an interrupt controller of tests, with one vector and CR8 alone; one a CPU. */
#ifndef TESTS_ONE_VECTOR_H
#define TESTS_ONE_VECTOR_H

#include <string.h>

#include "core/machine.h"

enum { ONE_VECTOR = 0x30 };

struct one_vector {
    struct dev dev; /* the port by which a test asks for the interrupt */
    struct vcpu *cpu;
    bool asked;
    uint8_t cr8;
};

/* Asks for the vector, which comes when its priority is above CR8. */
static inline void one_vector_update(struct one_vector *v)
{
    if (v->asked && ONE_VECTOR >> 4 > v->cr8)
        vcpu_request(v->cpu, VCPU_INTR);
    else
        vcpu_withdraw(v->cpu, VCPU_INTR);
}

static int one_vector_ack(void *ctx)
{
    struct one_vector *v = ctx;

    v->asked = false;
    vcpu_withdraw(v->cpu, VCPU_INTR);
    return ONE_VECTOR;
}

static void one_vector_get(void *ctx, uint8_t regs[INTC_REGS_BYTES])
{
    (void)ctx;
    memset(regs, 0, INTC_REGS_BYTES);
}

static void one_vector_set(void *ctx, const uint8_t regs[INTC_REGS_BYTES])
{
    (void)ctx;
    (void)regs;
}

static uint8_t one_vector_cr8(void *ctx)
{
    return ((struct one_vector *)ctx)->cr8;
}

static void one_vector_set_cr8(void *ctx, uint8_t val)
{
    struct one_vector *v = ctx;

    v->cr8 = val;
    one_vector_update(v);
}

static const struct intc_ops one_vector_ops = { .ack = one_vector_ack,
                                                .cr8 = one_vector_cr8,
                                                .set_cr8 = one_vector_set_cr8,
                                                .get = one_vector_get,
                                                .set = one_vector_set };

#endif
