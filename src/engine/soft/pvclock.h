/* SPDX-License-Identifier: MIT */
/*
 * pvclock.h - KVM's clock for guests, on the software CPU
 *
 * The guest names a place in its memory by an MSR and finds there how to make nanoseconds since the machine's
 * start of its TSC. Source: "KVM-specific MSRs" in the kernel's KVM documents.
 */
#ifndef ENGINE_SOFT_PVCLOCK_H
#define ENGINE_SOFT_PVCLOCK_H

#include "engine/soft/cpu.h"

enum { SOFT_MSR_WALL_CLOCK = 0x4b564d00, SOFT_MSR_SYSTEM_TIME = 0x4b564d01 };

/* Writes the time page again: MSR or TSC offset have changed. Nothing where the guest has not asked for it. */
void soft_pvclock_update(struct soft_cpu *c);

/* Writes the wall clock at the machine's start to guest memory at gpa. */
void soft_pvclock_wall(struct soft_cpu *c, uint64_t gpa);

#endif
