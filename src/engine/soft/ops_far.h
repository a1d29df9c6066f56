/* SPDX-License-Identifier: MIT */
/*
 * ops_far.h - instruction functions of far transfers, interrupts, fast system calls and descriptors
 *
 * op_<mnemonic>; IRET, IRETD and IRETQ share op_iret. Listed by mnemonic in ops.c.
 */
#ifndef ENGINE_SOFT_OPS_FAR_H
#define ENGINE_SOFT_OPS_FAR_H

#include "engine/soft/ops.h"

/* far.c, ret.c, iret.c */
soft_insn_fn op_jmpf, op_callf, op_retf, op_iret;

/* exception.c */
soft_insn_fn op_int, op_int3, op_into, op_int1;

/* syscall.c */
soft_insn_fn op_syscall, op_sysret, op_sysenter, op_sysexit;

/* descriptor.c */
soft_insn_fn op_lar, op_lsl, op_verr, op_verw, op_arpl;
soft_insn_fn op_lldt, op_ltr, op_sldt, op_str;
soft_insn_fn op_lgdt, op_lidt, op_sgdt, op_sidt;

#endif
