/* SPDX-License-Identifier: MIT */
/*
 * gen_flat32.c - instructions that 32-bit code has and 64-bit code has not, or hardly ever
 *
 * MOV with an address in the instruction; MOV, PUSH and POP of segment registers.
 *
 * Source: SDM 2, MOV, PUSH and POP.
 */
#include "engine/soft/trans/gen.h"

#include "x86/operand.h"

enum { OP_MOVZX = 0x0fb7, OP_STORE = 0x89, OP_LOAD_SREG = 0x8e, WORD = 4 };
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

/* ---- segment registers ------------------------------------------------------------------------- */

/* The register that is named; SS is not loaded here, and CS not at all. */
static unsigned segment_of(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);

    return row->klass == X86_CLASS_STACK ? x86_opnd_types[row->operand[0]].fixed : in->reg & 7u;
}

bool scan_segment(const struct x86_insn *in)
{
    const struct x86_row *row = x86_insn_row(in);
    bool stack = row->klass == X86_CLASS_STACK &&
                 x86_opnd_types[row->operand[0]].kind == X86_OPK_SEG && in->opsize == WORD;
    bool move = row->mnemonic == X86_MN_MOV && row->map == X86_MAP_1B && in->opcode == OP_LOAD_SREG;

    if (in->code != X86_CODE_32 || (!stack && !move))
        return false;
    return row->mnemonic == X86_MN_PUSH || segment_of(in) != X86_SS;
}

static struct emit_mem stack(int32_t disp)
{
    return (struct emit_mem){ X86_R14, EMIT_NO_INDEX, 0, disp };
}

/* Two bytes are written, as current CPUs do. */
static void push(struct gen *g)
{
    struct emit_mem selector = { HOST_S1, EMIT_NO_INDEX, 0, 0 };

    selector.disp = (int32_t)offsetof(struct soft_cpu, s.seg[0].selector) -
                    (int32_t)offsetof(struct soft_cpu, s.gpr) +
                    (int32_t)(segment_of(&g->x->in) * sizeof(struct x86_seg));
    emit_load(&g->e, HOST_S1, FRAME(gpr));
    emit_op_mem(&g->e, false, OP_MOVZX, HOST_S2, selector);
    emit_store(&g->e, FRAME(temp), HOST_S2);
    gen_lea_word(g, HOST_S1, stack(-WORD));
    gen_check(
        g, (struct gen_access){ .size = 2, .seg = X86_SS, .how = TRANS_WRITE, .live = g->x->live });
    emit_load(&g->e, HOST_S2, FRAME(temp));
    emit_8(&g->e, 0x66);
    emit_op_mem(&g->e, false, OP_STORE, HOST_S2, at_s1);
    gen_lea_word(g, X86_R14, stack(-WORD));
}

/* frame.temp = the selector, from memory: `size` bytes of it are checked. */
static void fetch(struct gen *g, unsigned size, unsigned seg)
{
    gen_check(
        g, (struct gen_access){ .size = size, .seg = seg, .how = TRANS_READ, .live = g->x->live });
    emit_op_mem(&g->e, false, OP_MOVZX, HOST_S2, at_s1);
    emit_store(&g->e, FRAME(temp), HOST_S2);
}

void gen_segment(struct gen *g)
{
    const struct x86_insn *in = &g->x->in;
    unsigned mnemonic = x86_insn_row(in)->mnemonic;
    uint32_t site;

    if (mnemonic == X86_MN_PUSH) {
        push(g);
        return;
    }
    if (mnemonic == X86_MN_POP) {
        gen_move_word(g, HOST_S1, X86_R14);
        fetch(g, WORD, X86_SS);
    } else if (in->flags & X86_INSN_MEM) {
        gen_address(g);
        fetch(g, 2, in->seg);
    } else {
        gen_get(g, HOST_S2, in->rm);
        emit_store(&g->e, FRAME(temp), HOST_S2);
    }
    site = gen_site(g, SITE_SEGMENT, gen_flags(g));
    g->t->site[site].how = (uint8_t)segment_of(in);
    emit_mov_imm(&g->e, HOST_S2, site);
    emit_op_mem(&g->e, false, 0xff, 2, FRAME(string)); /* call */
    if (mnemonic == X86_MN_POP)
        gen_lea_word(g, X86_R14, stack(WORD));
}
