/* SPDX-License-Identifier: MIT */
/*
 * scan_flat32.c - 32-bit code whose segments do not show
 *
 * Compatibility mode, and protected mode with or without paging, where CS, SS, DS and ES are flat: base 0, limit
 * 4 GiB, and all that is done with them allowed. Then an effective address is a linear one, and the code is
 * translated as 64-bit code is. FS and GS have bases; where one of them has another limit, or cannot be written,
 * frame.seg_poison makes each access the interpreter's. Blocks are found by mode, so that code of either size at
 * one address is two blocks.
 *
 * Source: SDM 3A, "Basic Flat Model" and "Type Checking"; SDM 2, "Instruction Format".
 */
#include "engine/soft/trans/scan.h"

#include "engine/soft/fast.h"
#include "engine/soft/trans/flat32.h"
#include "x86/operand.h"

/* ---- the CPU ----------------------------------------------------------------------------------- */

static bool is_flat(const struct soft_cpu *c)
{
    return (c->mode == X86_MODE_PROT32 || c->mode == X86_MODE_COMPAT) &&
           flat32_code(&c->s.seg[X86_CS]) && flat32_stack(&c->s.seg[X86_SS]) && flat32_others(c);
}

bool trans_ready(const struct soft_cpu *c)
{
    return soft_undisturbed(c) && (c->code_bits == 64 || (c->code_bits == 32 && is_flat(c)));
}

/* ---- the code ---------------------------------------------------------------------------------- */

/* What 32-bit code may have there means something else to the host in 64-bit mode. */
static bool vex_differs(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    if (row->props & X86_ROW_IS4 && in->imm & 0x80)
        return true;
    if (row->mnemonic == X86_MN_VZEROUPPER || row->mnemonic == X86_MN_VZEROALL)
        return true; /* of eight registers */
    if (!(in->rex & X86_REX_W))
        return false;
    if (row->uses != 0) /* PCMPESTRI and PCMPESTRM: lengths in EAX and EDX */
        return true;
    for (unsigned i = 0; i < ARRAY_LEN(row->operand); i++) {
        switch (x86_opnd_types[row->operand[i]].kind) {
        case X86_OPK_RM:
        case X86_OPK_REG:
        case X86_OPK_VVVV:
            return true;
        default:
            break;
        }
    }
    return false;
}

bool scan_short_inc(const struct x86_insn *in)
{
    return x86_insn_row(in)->map == X86_MAP_1B && (in->opcode & 0xf0) == 0x40;
}

bool scan_flat32(const struct x86_insn *in)
{
    return in->addrsize == 4 && !(in->flags & X86_INSN_VEX && vex_differs(in)) &&
           !(in->seg == X86_CS && scan_writes_memory(in));
}
