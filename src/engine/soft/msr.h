/* SPDX-License-Identifier: MIT */
/*
 * msr.h - the model-specific registers that x86_state has no member for, and their names in a state
 *
 * EFER, APIC_BASE, FS_BASE and GS_BASE are where x86_state has them. msr.c has the table of all.
 */
#ifndef ENGINE_SOFT_MSR_H
#define ENGINE_SOFT_MSR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "x86/state.h"

struct soft_cpu;

enum { SOFT_MTRR_PAIRS = 8, DEBUGCTL_BTF = 1 << 1 };

struct soft_msrs {
    uint64_t tsc_offset; /* TSC minus what runs by itself, see soft_tsc */
    uint64_t tsc_adjust, tsc_aux;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t star, lstar, cstar, fmask;
    uint64_t kernel_gs_base;
    uint64_t misc_enable, debugctl, spec_ctrl, xss;
    uint64_t mcg_status, de_cfg;
    uint64_t system_time, wall_clock; /* KVM's clock; pvclock.h */
    uint64_t pat, mtrr_def_type;
    uint64_t mtrr_var[2 * SOFT_MTRR_PAIRS]; /* base, mask, base, ... */
    uint64_t mtrr_fix64k, mtrr_fix16k[2], mtrr_fix4k[8];
};

/* Values after RESET; the TSC begins at 0. */
void soft_msr_reset(struct soft_cpu *c);

/* The time-stamp counter as RDTSC gives it. */
uint64_t soft_tsc(const struct soft_cpu *c);

/* Fills out->msr[] with all that can be written and has no other place in the state. */
void soft_msrs_get(const struct soft_cpu *c, struct x86_state *out);

/*
 * soft_msrs_set - take in->msr[]
 *
 * Registers that this CPU does not have, and constants, are left out: another engine lists more.
 * Returns 0, or -EINVAL when a register does not take its value.
 */
WARN_UNUSED int soft_msrs_set(struct soft_cpu *c, const struct x86_state *in,
                              struct vitro_err *err);

#endif
