/* SPDX-License-Identifier: MIT */
/*
 * operand.h - operands of a decoded instruction in one form, whatever their kind
 *
 * For code that looks at many instructions alike: tests, traces, checks. The interpreter's handlers know their operands
 * and read struct x86_insn; of this they use x86_size_bytes.
 */
#ifndef X86_OPERAND_H
#define X86_OPERAND_H

#include "x86/decode.h"

enum x86_reg_class {
    X86_REG_GPR,  /* reg 0..15 */
    X86_REG_HIGH, /* AH CH DH BH: reg 0..3 */
    X86_REG_SEG,
    X86_REG_CR,
    X86_REG_DR,
    X86_REG_ST,
    X86_REG_MM,
    X86_REG_XMM,
    X86_REG_YMM,
};

enum x86_operand_what { X86_OPERAND_NONE, X86_OPERAND_REG, X86_OPERAND_MEM, X86_OPERAND_IMM };

/* An operand resolved for one instruction. */
struct x86_operand {
    enum x86_operand_what what;
    enum x86_opnd_kind kind;
    enum x86_reg_class reg_class; /* REG */
    uint8_t reg;                  /* REG; for VSIB memory unused */
    uint8_t access;               /* enum x86_access */
    uint8_t seg;                  /* MEM: enum x86_sreg */
    uint16_t bytes;               /* 0: none (LEA) or not known before execution (XSAVE) */
    uint64_t value;               /* IMM: extended as the instruction does */
};

/* Operand i, 0..3, of a decoded instruction; `what` is NONE past the last. */
void x86_insn_operand(const struct x86_insn *in, unsigned i, struct x86_operand *out);

/* Bytes of a size in this instruction; 0 for NONE and the XSAVE area. */
unsigned x86_size_bytes(enum x86_size size, const struct x86_insn *in);

/* x86_insn_writes_gpr - whether it writes any part of a general register (enum x86_gpr), named or not */
bool x86_insn_writes_gpr(const struct x86_insn *in, unsigned reg);

#endif
