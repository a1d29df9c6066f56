/* SPDX-License-Identifier: MIT */
/*
 * gen_bits.c - BT, BTS, BTR and BTC of a bit string in memory
 *
 * Source: SDM 2, BT: the signed bit offset in a register moves the address. What is executed has the offset inside
 * the operand that was checked.
 */
#include "engine/soft/trans/gen.h"

enum { ALU_AND = 4, SAR = 7 };
enum { OP_ADD_STORE = 0x01, OP_MOVSXD = 0x63, OP_SHIFT_IMM = 0xc1 };

bool scan_bits(const struct x86_insn *in)
{
    return in->flags & X86_INSN_MEM && in->opsize >= 4 &&
           in->addrsize == (in->code == X86_CODE_32 ? 4 : 8);
}

/* S2 = the register; while flags are parked RAX is in the frame. */
static void get_parked(struct gen *g, unsigned guest)
{
    if (guest == X86_RAX && g->x->live != 0)
        emit_load(&g->e, HOST_S2, FRAME(parked_rax));
    else
        gen_get(g, HOST_S2, guest);
}

/* S2 = the offset in bytes of the operand that has the bit. */
static void operand_offset(struct gen *g)
{
    const struct x86_insn *in = &g->x->in;
    struct emit *e = &g->e;

    get_parked(g, in->reg);
    if (in->opsize == 4)
        emit_op_reg(e, true, OP_MOVSXD, HOST_S2, HOST_S2);
    emit_op_reg(e, true, OP_SHIFT_IMM, SAR, HOST_S2);
    emit_8(e, 3);
    emit_alu_imm(e, true, ALU_AND, HOST_S2, -(int32_t)in->opsize);
}

void gen_bits(struct gen *g)
{
    const struct x86_insn *in = &g->x->in;
    bool writes = scan_access(x86_insn_row(in), 0) & X86_ACCESS_W;
    struct emit *e = &g->e;

    gen_address(g);
    gen_park(g, g->x->live);
    operand_offset(g);
    emit_op_reg(e, in->addrsize == 8, OP_ADD_STORE, HOST_S2, HOST_S1);
    gen_unpark(g, g->x->live);
    gen_check(g, (struct gen_access){ .size = in->opsize,
                                      .seg = in->seg,
                                      .how = writes ? TRANS_WRITE : TRANS_READ,
                                      .live = g->x->live,
                                      .stays_parked = true });
    get_parked(g, in->reg);
    emit_alu_imm(e, false, ALU_AND, HOST_S2, (int32_t)(8u * in->opsize - 1));
    gen_unpark(g, g->x->live);
    if (in->flags & X86_INSN_LOCK && g->t->shared)
        emit_8(e, 0xf0);
    emit_op_mem(e, in->opsize == 8, 0x0f00u | in->opcode, HOST_S2,
                (struct emit_mem){ HOST_S1, EMIT_NO_INDEX, 0, 0 });
}
