/* SPDX-License-Identifier: MIT */
/*
 * operand.c - operands of a decoded instruction, resolved by their type in the opcode table
 *
 * Source: Intel SDM volume 2, appendix A.2 "Key to Abbreviations".
 */
#include "x86/operand.h"

#include "base/bits.h"

static unsigned fixed_bytes(enum x86_size size)
{
    static const uint16_t bytes[] = {
        [X86_SZ_B] = 1,  [X86_SZ_SB] = 1,  [X86_SZ_W] = 2,   [X86_SZ_D] = 4,    [X86_SZ_Q] = 8,
        [X86_SZ_T] = 10, [X86_SZ_DQ] = 16, [X86_SZ_QQ] = 32, [X86_SZ_FX] = 512, [X86_SZ_XS] = 0,
    };

    return bytes[size];
}

unsigned x86_size_bytes(enum x86_size size, const struct x86_insn *in)
{
    bool is64 = in->code == X86_CODE_64;

    switch (size) {
    case X86_SZ_V:
        return in->opsize;
    case X86_SZ_Z:
        return in->opsize < 4 ? in->opsize : 4;
    case X86_SZ_Y:
        return is64 && in->rex & X86_REX_W ? 8 : 4;
    case X86_SZ_N:
        return is64 ? 8 : 4;
    case X86_SZ_X:
        return in->veclen;
    case X86_SZ_XH:
        return in->veclen / 2;
    case X86_SZ_XQ:
        return in->veclen / 4;
    case X86_SZ_XO:
        return in->veclen / 8;
    case X86_SZ_P:
        return in->opsize + 2u;
    case X86_SZ_A:
        return in->opsize * 2u;
    case X86_SZ_S:
        return is64 ? 10 : 6;
    case X86_SZ_ENV:
        return in->opsize == 2 ? 14 : 28;
    case X86_SZ_FST:
        return in->opsize == 2 ? 94 : 108;
    default:
        return fixed_bytes(size);
    }
}

static void set_reg(struct x86_operand *out, enum x86_reg_class reg_class, unsigned reg)
{
    out->what = X86_OPERAND_REG;
    out->reg_class = reg_class;
    out->reg = (uint8_t)reg;
}

static void set_gpr(struct x86_operand *out, const struct x86_insn *in, unsigned reg)
{
    /* SDM 2, "REX prefixes": without one, byte registers 4..7 are the high halves of 0..3. */
    if (out->bytes == 1 && reg >= 4 && reg < 8 && !(in->flags & (X86_INSN_REX | X86_INSN_VEX)))
        set_reg(out, X86_REG_HIGH, reg - 4);
    else
        set_reg(out, X86_REG_GPR, reg);
}

static void set_vector(struct x86_operand *out, const struct x86_insn *in, enum x86_size size,
                       unsigned reg)
{
    bool ymm = size == X86_SZ_QQ || (size == X86_SZ_X && in->veclen == 32);

    set_reg(out, ymm ? X86_REG_YMM : X86_REG_XMM, reg);
}

static void set_imm(struct x86_operand *out, uint64_t value)
{
    out->what = X86_OPERAND_IMM;
    out->value = value;
}

static bool is_memory(const struct x86_insn *in, enum x86_opnd_kind kind)
{
    switch (kind) {
    case X86_OPK_RM:
    case X86_OPK_RMBITS:
    case X86_OPK_MMRM:
    case X86_OPK_XRM:
    case X86_OPK_VSIB:
        return in->flags & X86_INSN_MEM;
    case X86_OPK_MOFFS:
    case X86_OPK_STRSRC:
    case X86_OPK_STRDST:
        return true;
    default:
        return false;
    }
}

/* Where the number of a register is, and of which file. */
enum reg_how { HOW_NONE, HOW_GPR, HOW_PLAIN, HOW_VECTOR };
enum reg_from { FROM_RM, FROM_REG, FROM_VVVV, FROM_IS4, FROM_FIXED };

static const struct reg_row {
    uint8_t how, from;
    uint8_t reg_class; /* HOW_PLAIN: enum x86_reg_class */
    uint8_t mask;      /* HOW_PLAIN: bits of the number that count */
} reg_rows[] = {
    [X86_OPK_RM] = { HOW_GPR, FROM_RM, 0, 0 },
    [X86_OPK_RMBITS] = { HOW_GPR, FROM_RM, 0, 0 },
    [X86_OPK_OPREG] = { HOW_GPR, FROM_RM, 0, 0 },
    [X86_OPK_REG] = { HOW_GPR, FROM_REG, 0, 0 },
    [X86_OPK_VVVV] = { HOW_GPR, FROM_VVVV, 0, 0 },
    [X86_OPK_GPR] = { HOW_PLAIN, FROM_FIXED, X86_REG_GPR, 15 },
    [X86_OPK_SEG] = { HOW_PLAIN, FROM_FIXED, X86_REG_SEG, 7 },
    [X86_OPK_SREG] = { HOW_PLAIN, FROM_REG, X86_REG_SEG, 7 },
    [X86_OPK_CREG] = { HOW_PLAIN, FROM_REG, X86_REG_CR, 15 },
    [X86_OPK_DREG] = { HOW_PLAIN, FROM_REG, X86_REG_DR, 15 },
    [X86_OPK_ST0] = { HOW_PLAIN, FROM_FIXED, X86_REG_ST, 0 },
    [X86_OPK_STI] = { HOW_PLAIN, FROM_RM, X86_REG_ST, 7 },
    [X86_OPK_MMREG] = { HOW_PLAIN, FROM_REG, X86_REG_MM, 7 },
    [X86_OPK_MMRM] = { HOW_PLAIN, FROM_RM, X86_REG_MM, 7 },
    [X86_OPK_XREG] = { HOW_VECTOR, FROM_REG, 0, 0 },
    [X86_OPK_XRM] = { HOW_VECTOR, FROM_RM, 0, 0 },
    [X86_OPK_XVVVV] = { HOW_VECTOR, FROM_VVVV, 0, 0 },
    [X86_OPK_XIS4] = { HOW_VECTOR, FROM_IS4, 0, 0 },
    [X86_OPK_XMM0] = { HOW_VECTOR, FROM_FIXED, 0, 0 },
};

static void set_register(struct x86_operand *out, const struct x86_insn *in,
                         const struct x86_opnd_type *type)
{
    static const struct reg_row none = { 0 };
    const struct reg_row *row = type->kind < ARRAY_LEN(reg_rows) ? &reg_rows[type->kind] : &none;
    const uint8_t numbers[] = { [FROM_RM] = in->rm,
                                [FROM_REG] = in->reg,
                                [FROM_VVVV] = in->vvvv,
                                [FROM_IS4] = in->is4,
                                [FROM_FIXED] = type->fixed };
    unsigned reg = numbers[row->from];

    if (row->how == HOW_GPR)
        set_gpr(out, in, reg);
    else if (row->how == HOW_VECTOR)
        set_vector(out, in, type->reg_size, reg);
    else if (row->how == HOW_PLAIN)
        set_reg(out, row->reg_class, reg & row->mask);
}

void x86_insn_operand(const struct x86_insn *in, unsigned i, struct x86_operand *out)
{
    const struct x86_row *row = x86_insn_row(in);
    const struct x86_opnd_type *type = &x86_opnd_types[row->operand[i]];
    bool memory = is_memory(in, type->kind);

    *out = (struct x86_operand){
        .kind = type->kind,
        .access = row->access >> 2 * i & 3,
        .bytes = (uint16_t)x86_size_bytes(memory ? type->mem_size : type->reg_size, in),
    };
    if (memory) {
        out->what = X86_OPERAND_MEM;
        out->seg = type->kind == X86_OPK_STRDST ? X86_ES : in->seg;
        return;
    }
    switch ((enum x86_opnd_kind)type->kind) {
    case X86_OPK_IMM:
    case X86_OPK_REL:
        set_imm(out, in->imm);
        break;
    case X86_OPK_FAR:
        out->bytes = (uint16_t)x86_size_bytes(type->mem_size, in);
        set_imm(out, in->imm);
        break;
    case X86_OPK_IMM2:
        set_imm(out, in->imm2);
        break;
    case X86_OPK_ONE:
        set_imm(out, 1);
        break;
    default:
        set_register(out, in, type);
    }
}

bool x86_insn_writes_gpr(const struct x86_insn *in, unsigned reg)
{
    if (x86_insn_row(in)->sets & 1u << reg)
        return true;
    for (unsigned i = 0; i < 4; i++) {
        struct x86_operand o;

        x86_insn_operand(in, i, &o);
        if (o.what == X86_OPERAND_REG && o.access & X86_ACCESS_W && o.reg == reg &&
            (o.reg_class == X86_REG_GPR || o.reg_class == X86_REG_HIGH))
            return true;
    }
    return false;
}
