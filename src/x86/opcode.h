/* SPDX-License-Identifier: MIT */
/*
 * opcode.h - rows of the opcode table as C sees them
 *
 * opcodes.tbl is the table and explains its columns; scripts/opcodes.py makes opcode_rows.h (names)
 * and opcode_rows.c (rows, index) of it at build time. Decoder, interpreter, translator and tests
 * read the same row. Everything is const.
 */
#ifndef X86_OPCODE_H
#define X86_OPCODE_H

#include <stdint.h>

#include "x86/opcode_rows.h"

/* Facts about an instruction's bytes and mode; a row applies when all that hold are in its `when`. */
enum x86_when {
    X86_WHEN_NOT64 = 1 << 0,
    X86_WHEN_64 = 1 << 1,
    X86_WHEN_MEM = 1 << 2, /* ModRM names memory */
    X86_WHEN_REG = 1 << 3,
    X86_WHEN_L0 = 1 << 4, /* VEX.L */
    X86_WHEN_L1 = 1 << 5,
    X86_WHEN_W0 = 1 << 6, /* REX.W or VEX.W */
    X86_WHEN_W1 = 1 << 7,
    X86_WHEN_Q0 = 1 << 8,  /* Q1 is not */
    X86_WHEN_Q1 = 1 << 9,  /* W in 64-bit mode */
    X86_WHEN_B0 = 1 << 10, /* REX.B */
    X86_WHEN_B1 = 1 << 11,
    X86_WHEN_O16 = 1 << 12, /* operand size, before the row's own rule */
    X86_WHEN_O32 = 1 << 13,
    X86_WHEN_O64 = 1 << 14,
    X86_WHEN_A16 = 1 << 15,
    X86_WHEN_A32 = 1 << 16,
    X86_WHEN_A64 = 1 << 17,
};

enum x86_map {
    X86_MAP_1B,
    X86_MAP_0F,
    X86_MAP_0F38,
    X86_MAP_0F3A,
    X86_MAP_VEX0F, /* from here on behind a VEX prefix */
    X86_MAP_VEX0F38,
    X86_MAP_VEX0F3A,
    X86_NMAPS
};

/* The mandatory-prefix slot, in the order of VEX.pp. */
enum x86_pp { X86_PP_NP, X86_PP_66, X86_PP_F3, X86_PP_F2, X86_NPP };

enum x86_row_prop {
    X86_ROW_MODRM = 1 << 0,
    X86_ROW_LOCK = 1 << 1, /* LOCK allowed when the destination is memory */
    X86_ROW_REP = 1 << 2,  /* F2 or F3 repeats */
    X86_ROW_REPZ = 1 << 3, /* and looks at ZF */
    X86_ROW_NOREAL = 1 << 4,
    X86_ROW_VVVV = 1 << 5,   /* VEX.vvvv names an operand; else it must be 1111 */
    X86_ROW_ANYMOD = 1 << 6, /* ModRM.mod is ignored: rm is a register */
    X86_ROW_ONLY66 = 1 << 7, /* 66 belongs to the opcode: no operand size */
    X86_ROW_VSIB = 1 << 8,
    X86_ROW_IS4 = 1 << 9,
    X86_ROW_LIG = 1 << 10,  /* VEX.L is ignored */
    X86_ROW_XMM0 = 1 << 11, /* writes XMM0 besides its operands */
};

enum x86_size_rule {
    X86_SIZE_N,
    X86_SIZE_D64, /* 64-bit mode: 64 bits, 66 gives 16 */
    X86_SIZE_F64, /* 64-bit mode: always 64 bits */
};

/* How many immediate bytes follow, and what they are. */
enum x86_imm {
    X86_IMM_NONE,
    X86_IMM_B,
    X86_IMM_SB, /* sign-extended */
    X86_IMM_W,
    X86_IMM_Z, /* 16 or 32 bits by operand size, sign-extended */
    X86_IMM_V,
    X86_IMM_W_B,   /* ENTER: imm 16 bits, imm2 8 */
    X86_IMM_FAR,   /* imm offset, imm2 selector */
    X86_IMM_MOFFS, /* address, by address size; goes to disp */
    X86_IMM_REL8,
    X86_IMM_REL, /* 16 or 32 bits */
};

/* What the decoder looks at besides, so that ill-formed register numbers are #UD. */
enum x86_check {
    X86_CHECK_NONE,
    X86_CHECK_SREG,     /* ES CS SS DS FS GS */
    X86_CHECK_SREG_DST, /* and not CS */
    X86_CHECK_CREG,     /* CR0 CR2 CR3 CR4 CR8 */
    X86_CHECK_DREG,     /* DR0..DR7 */
    X86_CHECK_GATHER,   /* destination, index and mask differ */
};

enum x86_class {
    X86_CLASS_INT,
    X86_CLASS_STACK,
    X86_CLASS_STRING,
    X86_CLASS_BRANCH,
    X86_CLASS_FAR,
    X86_CLASS_IO,
    X86_CLASS_SYSTEM,
    X86_CLASS_HINT,
    X86_CLASS_UD,
    X86_CLASS_STATE,
    X86_CLASS_X87,
    X86_CLASS_MMX,
    X86_CLASS_SSE,
    X86_CLASS_AVX,
};

enum x86_privilege {
    X86_PRIV_NONE,
    X86_PRIV_CPL0,
    X86_PRIV_IOPL,    /* CPL <= IOPL; for port I/O else the I/O bitmap */
    X86_PRIV_IOPL_VM, /* in virtual-8086 mode IOPL = 3, or CR4.VME and 16-bit operands */
    X86_PRIV_UMIP,    /* CPL 0 if CR4.UMIP */
    X86_PRIV_TSD,     /* CPL 0 if CR4.TSD */
    X86_PRIV_PCE,     /* CPL 0 unless CR4.PCE */
};

/* SDM 2, "Exceptions" of the vector instructions; the classes of VEX forms serve the others too. */
enum x86_exc {
    X86_EXC_NONE,
    X86_EXC_1,
    X86_EXC_2,
    X86_EXC_3,
    X86_EXC_4,
    X86_EXC_4U, /* 4, unaligned memory allowed */
    X86_EXC_5,
    X86_EXC_6,
    X86_EXC_7,
    X86_EXC_8,
    X86_EXC_11,
    X86_EXC_12,
    X86_EXC_13,
    X86_EXC_MMX,
    X86_EXC_MMXFP,
    X86_EXC_X87,
    X86_EXC_FX,
    X86_EXC_XSAVE,
};

enum { X86_ALIGN_VL = 255 };

enum x86_access { X86_ACCESS_NONE, X86_ACCESS_R, X86_ACCESS_W, X86_ACCESS_RW };

/*
 * One form. flags_*: masks of RFLAGS. uses, sets: bit n is register n of enum x86_gpr. What the
 * decoder reads comes first, to lie in one cache line.
 */
struct x86_row {
    uint32_t when;  /* enum x86_when */
    uint16_t props; /* enum x86_row_prop */
    uint8_t size;   /* enum x86_size_rule */
    uint8_t imm;    /* enum x86_imm */
    uint8_t check;  /* enum x86_check */
    uint8_t access; /* two bits an operand: enum x86_access */

    uint16_t mnemonic;  /* enum x86_mnemonic */
    uint8_t operand[4]; /* enum x86_opnd, destination first */
    uint32_t flags_read, flags_written, flags_undefined;
    uint16_t uses, sets;
    uint16_t otherwise; /* row to use when the feature is not offered; 0: #UD */
    uint8_t map;        /* enum x86_map */
    uint8_t opcode;     /* the first, when the low bits are a register */
    uint8_t prefixes;   /* bit n: enum x86_pp n */
    uint8_t modrm;      /* reg that the row asks for, or the whole byte; 0 when none */
    uint8_t klass;      /* enum x86_class */
    uint8_t feature;    /* enum x86_feature */
    uint8_t privilege;  /* enum x86_privilege */
    uint8_t align;      /* of memory, in bytes; X86_ALIGN_VL; 0: any */
    uint8_t exception;  /* enum x86_exc */
};

/* Where an operand is. */
enum x86_opnd_kind {
    X86_OPK_NONE,
    X86_OPK_RM,     /* general register or memory by ModRM.rm */
    X86_OPK_RMBITS, /* the same; the bit offset moves the address */
    X86_OPK_REG,    /* ModRM.reg */
    X86_OPK_VVVV,
    X86_OPK_OPREG, /* low three bits of the opcode */
    X86_OPK_GPR,   /* the register in `fixed` */
    X86_OPK_SEG,   /* the segment register in `fixed` */
    X86_OPK_SREG,  /* segment register by ModRM.reg, and so on */
    X86_OPK_CREG,
    X86_OPK_DREG,
    X86_OPK_VSIB, /* memory, the index is a vector; register size: the index's */
    X86_OPK_IMM,
    X86_OPK_IMM2,
    X86_OPK_ONE, /* the number 1 */
    X86_OPK_REL,
    X86_OPK_FAR,
    X86_OPK_MOFFS,
    X86_OPK_STRSRC,
    X86_OPK_STRDST,
    X86_OPK_ST0,
    X86_OPK_STI,
    X86_OPK_MMREG,
    X86_OPK_MMRM,
    X86_OPK_XREG,
    X86_OPK_XRM,
    X86_OPK_XVVVV,
    X86_OPK_XIS4,
    X86_OPK_XMM0,
};

/* Bytes; those by mode and prefixes are resolved by x86_size_bytes. */
enum x86_size {
    X86_SZ_NONE,
    X86_SZ_B,
    X86_SZ_SB, /* a byte, sign-extended */
    X86_SZ_W,
    X86_SZ_D,
    X86_SZ_Q,
    X86_SZ_T,
    X86_SZ_DQ,
    X86_SZ_QQ,
    X86_SZ_V,
    X86_SZ_Z,
    X86_SZ_Y,
    X86_SZ_N,
    X86_SZ_X,
    X86_SZ_XH,
    X86_SZ_XQ,
    X86_SZ_XO,
    X86_SZ_P,
    X86_SZ_A,
    X86_SZ_S,
    X86_SZ_ENV,
    X86_SZ_FST,
    X86_SZ_FX,
    X86_SZ_XS,
};

struct x86_opnd_type {
    uint8_t kind;               /* enum x86_opnd_kind */
    uint8_t reg_size, mem_size; /* enum x86_size; NONE: cannot be a register, or memory */
    uint8_t fixed;
};

/* CPUID bit of a feature; leaf 0 when every CPU here has it. */
struct x86_feature_place {
    uint32_t leaf;
    uint8_t subleaf;
    uint8_t reg; /* 0..3: EAX EBX ECX EDX */
    uint8_t bit;
};

extern const struct x86_row x86_rows[X86_NOPS]; /* [0] matches nothing */
extern const struct x86_opnd_type x86_opnd_types[X86_NOPNDS];
extern const struct x86_feature_place x86_feature_places[X86_NFEATURES];
extern const char x86_mnemonic_names[X86_NMNEMONICS][X86_NAME_ROOM];
extern const char x86_op_names[X86_NOPS]
                              [X86_NAME_ROOM]; /* "ADD_Eb_Gb" and so on, for tests and traces */

/*
 * The index: x86_op_index[(map * 256 + opcode) * 4 + pp] is a cell. Its two high bits say what the
 * others are: 0 a row, 0 for none; a list in x86_op_lists, ended by 0, of rows that differ by `when`;
 * 16 cells in x86_op_sub, by ModRM.reg, the second eight for registers; 72 cells there, eight by
 * ModRM.reg for memory and 64 by the low six bits of ModRM for registers.
 */
enum { X86_CELL_ROW, X86_CELL_LIST, X86_CELL_BY_REG, X86_CELL_BY_MODRM, X86_CELL_SHIFT = 14 };

extern const uint16_t x86_op_index[X86_NMAPS * 256 * X86_NPP];
extern const uint16_t x86_op_sub[];
extern const uint16_t x86_op_lists[];

#endif
