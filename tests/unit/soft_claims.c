/* SPDX-License-Identifier: MIT */
/* soft_claims.c - see soft_claims.h */
#include "soft_claims.h"

bool claims_reads_gpr(const struct x86_insn *in, unsigned reg)
{
    if (x86_insn_row(in)->uses >> reg & 1)
        return true;
    if (in->flags & X86_INSN_MEM && (in->base == reg || in->index == reg))
        return true;
    for (unsigned i = 0; i < 4; i++) {
        struct x86_operand o;

        x86_insn_operand(in, i, &o);
        if (o.what == X86_OPERAND_REG && o.access & X86_ACCESS_R && o.reg == reg &&
            (o.reg_class == X86_REG_GPR || o.reg_class == X86_REG_HIGH))
            return true;
    }
    return false;
}

bool claims_writes_vector(const struct x86_insn *in, unsigned reg)
{
    if (x86_insn_row(in)->props & X86_ROW_XMM0 && reg == 0)
        return true;
    for (unsigned i = 0; i < 4; i++) {
        struct x86_operand o;

        x86_insn_operand(in, i, &o);
        if (o.what == X86_OPERAND_REG && o.access & X86_ACCESS_W && o.reg == reg &&
            (o.reg_class == X86_REG_XMM || o.reg_class == X86_REG_YMM))
            return true;
    }
    return false;
}

const char *claims_wrong(const struct x86_insn *in, const uint64_t before[X86_NGPR],
                         const uint64_t after[X86_NGPR], uint64_t flags_before,
                         uint64_t flags_after)
{
    const struct x86_row *row = x86_insn_row(in);

    for (unsigned reg = 0; reg < X86_NGPR; reg++) {
        if (before[reg] != after[reg] && !x86_insn_writes_gpr(in, reg))
            return "a register that its row does not write";
    }
    if ((flags_before ^ flags_after) & CLAIMS_FLAGS & ~(row->flags_written | row->flags_undefined))
        return "a flag that its row does not write";
    return NULL;
}
