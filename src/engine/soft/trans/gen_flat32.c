/* SPDX-License-Identifier: MIT */
/*
 * gen_flat32.c - instructions that 32-bit code has and 64-bit code has not, or hardly ever
 *
 * MOV with an address in the instruction, PUSH of a segment register.
 *
 * Source: SDM 2, MOV and PUSH.
 */
#include "engine/soft/trans/gen.h"

#include "x86/operand.h"

enum { OP_MOVZX = 0x0fb7, OP_LEA = 0x8d };
enum { FIRST_STORE = 0xa2, OP_STORE_B = 0x88, OP_LOAD_B = 0x8a };

static const struct emit_mem at_s1 = { HOST_S1, EMIT_NO_INDEX, 0, 0 };

/* A0 to A3: AL or rAX and the place. */
void gen_moffs(struct gen *g)
{
    const struct x86_insn *in = &g->x->in;
    bool store = in->opcode >= FIRST_STORE, whole = in->opcode & 1;
    struct gen_access a = { .size = whole ? in->opsize : 1,
                            .how = store ? TRANS_WRITE : TRANS_READ,
                            .live = g->x->live };

    gen_operand(g, a);
    if (a.size == 2)
        emit_8(&g->e, 0x66);
    emit_op_mem(&g->e, a.size == 8, (store ? OP_STORE_B : OP_LOAD_B) + (whole ? 1u : 0u), X86_RAX,
                at_s1);
}
