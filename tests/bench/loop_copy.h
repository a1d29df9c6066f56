/* SPDX-License-Identifier: MIT */
/*
 * loop_copy.h - the product's vCPU loop, compiled three times more for a comparison
 *
 * loop_hooked.c, loop_plain.c and loop_twin.c include core/vcpu.c under names of their own; the second and the third
 * with the test for an event sink replaced by the constant false, so that the difference is the price of tracing
 * while it is off. All are compiled alike. The twin is the control: it differs from the plain one in nothing but its
 * address, and so does the time of their exits in what is not the hook's.
 */
#ifndef BENCH_LOOP_COPY_H
#define BENCH_LOOP_COPY_H

struct vcpu;

void hooked_vcpu_loop(struct vcpu *cpu);
void plain_vcpu_loop(struct vcpu *cpu);
void twin_vcpu_loop(struct vcpu *cpu);

#endif
