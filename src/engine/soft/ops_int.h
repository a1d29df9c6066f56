/* SPDX-License-Identifier: MIT */
/*
 * ops_int.h - what executes integer, stack, string, branch, port and hint instructions
 *
 * val_ computes between operands, op_ does everything itself (ops.h). Functions that serve many
 * mnemonics look at the opcode. Used by ops.c; soft_condition and soft_port_allowed by others too.
 */
#ifndef ENGINE_SOFT_OPS_INT_H
#define ENGINE_SOFT_OPS_INT_H

#include "engine/soft/ops.h"

/* Condition cc, 0..15, of Jcc, SETcc, CMOVcc. */
bool soft_condition(const struct soft_cpu *c, unsigned cc);

/* Whether IOPL or the TSS allow a port access now; else #GP is raised. width 1, 2, 4. */
bool soft_port_allowed(struct soft_cpu *c, uint16_t port, unsigned width);

/* alu.c */
soft_val_fn val_add, val_adc, val_sub, val_sbb, val_and, val_or, val_xor, val_cmp, val_test;
soft_val_fn val_neg, val_inc, val_dec, val_not, val_adcx, val_adox;

/* shift.c */
soft_val_fn val_shl, val_shr, val_sar, val_rol, val_ror, val_rcl, val_rcr, val_shld, val_shrd;
soft_val_fn val_shlx, val_shrx, val_sarx, val_rorx;

/* muldiv.c */
soft_insn_fn op_mul, op_imul, op_div, op_idiv;
soft_val_fn val_mulx;

/* bits.c */
soft_val_fn val_bt, val_bts, val_btr, val_btc, val_bsf, val_bsr, val_tzcnt, val_lzcnt, val_popcnt;
soft_val_fn val_blsr, val_blsmsk, val_blsi, val_andn, val_bextr, val_bzhi, val_pext, val_pdep;
soft_val_fn val_bswap, val_movbe, val_crc32;

/* bcd.c */
soft_insn_fn op_daa, op_das, op_aaa, op_aas, op_aam, op_aad;

/* move.c: val_mov also MOVZX and LEA; val_movsx also MOVSXD */
soft_val_fn val_mov, val_movsx, val_cmov, val_set;
soft_insn_fn op_mov_seg, op_load_far, op_cbw, op_cwd, op_xlat, op_lahf, op_sahf, op_salc;
soft_insn_fn op_clc, op_stc, op_cmc, op_cld, op_std;

/* hint.c */
soft_insn_fn op_nop, op_mfence, op_clflush, op_ud;

/* exchange.c */
soft_val_fn val_xchg, val_xadd;
soft_insn_fn op_cmpxchg, op_cmpxchg8b, op_cmpxchg16b;

/* stack.c */
soft_insn_fn op_push, op_pop, op_pusha, op_popa, op_pushf, op_popf, op_enter, op_leave;

/* string.c */
soft_insn_fn op_movs, op_cmps, op_scas, op_lods, op_stos, op_ins, op_outs;

/* branch.c */
soft_insn_fn op_jcc, op_jmp, op_call, op_ret, op_loop, op_jcxz, op_bound;

/* io.c */
soft_val_fn val_in, val_out;

#endif
