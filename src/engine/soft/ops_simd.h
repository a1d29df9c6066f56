/* SPDX-License-Identifier: MIT */
/*
 * ops_simd.h - what executes the rows of class x87, mmx, sse, avx and state
 *
 * Used by soft_op_of() and by whoever makes or resets a CPU.
 */
#ifndef ENGINE_SOFT_OPS_SIMD_H
#define ENGINE_SOFT_OPS_SIMD_H

#include "engine/soft/ops.h"

/*
 * soft_simd_op - the function for a row of class x87, mmx, sse, avx or state
 *
 * Such rows run on the host CPU, so the guest's CPUID must not offer what soft_simd_host_has() denies.
 */
const struct soft_op *soft_simd_op(const struct x86_row *row);

/* Whether this host executes the rows of a feature. Asks CPUID each time: to be called once a machine. */
bool soft_simd_host_has(enum x86_feature feature);

/* x87, vector registers and MXCSR after RESET. */
void soft_fx_reset(struct soft_cpu *c);

#endif
