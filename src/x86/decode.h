/* SPDX-License-Identifier: MIT */
/*
 * decode.h - instruction bytes to the row of the opcode table and the fields that it names
 *
 * Used by the software CPU and by tools that look at guest code. One pass, no state, no allocation.
 */
#ifndef X86_DECODE_H
#define X86_DECODE_H

#include <stdbool.h>
#include <stdint.h>

#include "x86/opcode.h"
#include "x86/regs.h"

enum { X86_INSN_MAX = 15 }; /* bytes */

/* Default size of the code segment. */
enum x86_code { X86_CODE_16 = 16, X86_CODE_32 = 32, X86_CODE_64 = 64 };

enum x86_decode_result {
    X86_DECODE_OK,
    X86_DECODE_UD,        /* no instruction: #UD */
    X86_DECODE_NEED_MORE, /* may go on after the bytes that are there */
    X86_DECODE_TOO_LONG,  /* more than 15 bytes: #GP(0) */
};

enum x86_insn_flag {
    X86_INSN_MEM = 1 << 0, /* ModRM names memory */
    X86_INSN_VEX = 1 << 1, /* #UD in real and virtual-8086 mode */
    X86_INSN_REX = 1 << 2, /* there was a REX prefix: byte registers 4..7 are SPL BPL SIL DIL */
    X86_INSN_LOCK = 1 << 3,
    X86_INSN_F2 = 1 << 4, /* the last of F2 and F3 */
    X86_INSN_F3 = 1 << 5,
    X86_INSN_66 = 1 << 6,
    X86_INSN_67 = 1 << 7,
};

enum {
    X86_BASE_RIP = 16,   /* base: address of the next instruction */
    X86_REG_NONE = 0xff, /* base, index, seg_override */
    X86_REX_B = 1 << 0,
    X86_REX_X = 1 << 1,
    X86_REX_R = 1 << 2,
    X86_REX_W = 1 << 3,
};

/*
 * A decoded instruction. Register numbers hold their REX or VEX extension; MMX, segment and x87
 * operands use the low three bits only. Where memory is not named by ModRM (strings, XLAT, moffs,
 * MASKMOVQ), seg is the override or DS.
 */
struct x86_insn {
    uint64_t imm;  /* sign-extended if the row says so; branch distance; offset of a far pointer */
    uint64_t disp; /* sign-extended; for moffs the address */
    uint16_t op;   /* enum x86_op */
    uint16_t imm2; /* ENTER: level; far pointer: selector */
    uint8_t len;
    uint8_t flags; /* enum x86_insn_flag */
    uint8_t code;  /* enum x86_code */
    uint8_t opcode;
    uint8_t modrm;
    uint8_t rex;          /* W R X B, of REX or VEX; 0 but for W outside 64-bit mode */
    uint8_t opsize;       /* bytes: 2, 4, 8 */
    uint8_t addrsize;     /* bytes: 2, 4, 8 */
    uint8_t veclen;       /* bytes: 16, 32 */
    uint8_t seg;          /* enum x86_sreg: segment of the memory operand */
    uint8_t seg_override; /* enum x86_sreg or X86_REG_NONE */
    uint8_t reg;          /* ModRM.reg */
    uint8_t rm;           /* ModRM.rm as a register, or the register in the opcode */
    uint8_t base;         /* enum x86_gpr, X86_BASE_RIP, X86_REG_NONE */
    uint8_t index;        /* enum x86_gpr, vector register, X86_REG_NONE */
    uint8_t scale;        /* shift: 0..3 */
    uint8_t vvvv;         /* register */
    uint8_t is4;          /* register */
};

/*
 * x86_decode - decode one instruction
 *
 * bytes  borrowed for the call; nothing past avail is read
 * avail  valid bytes, 0..15; more count as 15
 * code   default size of the code segment
 * out    filled when the result is OK, undefined otherwise
 *
 * Depends on nothing but its arguments: whether the mode allows the row (X86_ROW_NOREAL, VEX in real
 * mode, privilege, features) is the caller's to check. NEED_MORE is answered only while the bytes so
 * far may begin an instruction; more bytes never change another answer.
 */
enum x86_decode_result x86_decode(const uint8_t *bytes, unsigned avail, enum x86_code code,
                                  struct x86_insn *out);

static inline const struct x86_row *x86_insn_row(const struct x86_insn *in)
{
    return &x86_rows[in->op];
}

#endif
