/* SPDX-License-Identifier: MIT */
/*
 * loop_copy.h - the product's vCPU loop, compiled twice more for a comparison
 *
 * loop_hooked.c and loop_plain.c include core/vcpu.c under names of their own; the second with the
 * test for an event sink replaced by the constant false, so that the difference is the price of
 * tracing while it is off. Both are compiled alike.
 */
#ifndef BENCH_LOOP_COPY_H
#define BENCH_LOOP_COPY_H

struct vcpu;

void hooked_vcpu_loop(struct vcpu *cpu);
void plain_vcpu_loop(struct vcpu *cpu);

#endif
