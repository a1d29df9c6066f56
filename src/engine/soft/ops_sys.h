/* SPDX-License-Identifier: MIT */
/*
 * ops_sys.h - instructions of the class system, and what others need of them
 *
 * Not here: descriptor tables, segments, POPF, ports.
 */
#ifndef ENGINE_SOFT_OPS_SYS_H
#define ENGINE_SOFT_OPS_SYS_H

#include "engine/soft/ops.h"

/* ---- allow.c --------------------------------------------------------------------------------- */

/* The row that bytes stand for on this CPU: another one when the row's feature is not offered. */
uint16_t soft_offered_op(const struct soft_cpu *c, uint16_t op);

/* ---- control.c: control and debug registers ---------------------------------------------------- */

/*
 * Checks, then sets, with all that follows: long mode, PAE pointers, translations, modes. False: #GP(0),
 * nothing changed. CR3 takes bit 63 with CR4.PCIDE. Used by task switches too.
 */
bool soft_set_cr0(struct soft_cpu *c, uint64_t val);
bool soft_set_cr3(struct soft_cpu *c, uint64_t val);
bool soft_set_cr4(struct soft_cpu *c, uint64_t val);

soft_insn_fn op_mov_cr, op_mov_dr; /* MOV rows 0f 20, 22 and 0f 21, 23 */
soft_insn_fn op_clts, op_lmsw, op_smsw;

/* ---- system.c -------------------------------------------------------------------------------- */

soft_insn_fn op_hlt, op_cli, op_sti, op_clac, op_stac;
soft_insn_fn op_invlpg, op_invpcid, op_invd, op_wbinvd;
soft_insn_fn op_rdtsc, op_rdtscp, op_rdpmc, op_rdpid;
soft_insn_fn op_rdmsr, op_wrmsr, op_xgetbv, op_xsetbv, op_cpuid;
soft_insn_fn op_swapgs, op_rdfsbase, op_rdgsbase, op_wrfsbase, op_wrgsbase;
soft_insn_fn op_rdrand, op_rdseed;

#endif
