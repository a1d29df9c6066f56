/* SPDX-License-Identifier: MIT */
/*
 * gen_look.c - LODS, SCAS and CMPS, upwards
 *
 * Kernels of 32 bits have their string functions made of them. Alone they are emitted; repeated, SCAS and CMPS are a
 * call of fast_look.c behind a check of the first element, so that its page is in the table.
 *
 * Source: SDM 2, LODS, SCAS, CMPS. With DF set they are the interpreter's.
 */
#include "engine/soft/trans/gen.h"

#include "engine/soft/trans/fast.h"

enum { CC_NZ = 5, OP_TEST_IMM = 0xf7, OP_CMP_B = 0x3a, OP_STORE_B = 0x88, OP_LOAD_B = 0x8a };

static const struct emit_mem at_s1 = { HOST_S1, EMIT_NO_INDEX, 0, 0 };

/* ---- choice ----------------------------------------------------------------------------------- */

enum look { LOOK_NONE, LOOK_LODS, LOOK_SCAS, LOOK_CMPS };

static enum look look_of(const struct x86_insn *in)
{
    if (x86_insn_row(in)->klass != X86_CLASS_STRING)
        return LOOK_NONE;
    switch (in->opcode & ~1u) {
    case 0xa6:
        return LOOK_CMPS;
    case 0xac:
        return LOOK_LODS;
    case 0xae:
        return LOOK_SCAS;
    default:
        return LOOK_NONE;
    }
}

bool scan_repeats(const struct x86_insn *in)
{
    return in->flags & (X86_INSN_F2 | X86_INSN_F3);
}

bool scan_look(const struct x86_insn *in)
{
    enum look look = look_of(in);

    if (look == LOOK_NONE || in->addrsize != in->code / 8)
        return false;
    return !scan_repeats(in) || look == LOOK_SCAS ||
           (look == LOOK_CMPS && in->seg != X86_FS && in->seg != X86_GS);
}

/* ---- one element ------------------------------------------------------------------------------ */

static unsigned width(const struct gen *g)
{
    return trans_string_width(&g->x->in);
}

/* opcode: of the form for a byte, with a register as its first operand. */
static void element(struct gen *g, unsigned opcode, unsigned reg, struct emit_mem m)
{
    if (width(g) == 2)
        emit_8(&g->e, 0x66);
    emit_op_mem(&g->e, width(g) == 8, opcode + (width(g) > 1), reg, m);
}

/* S1 = the place of what a register points to. */
static void place(struct gen *g, unsigned reg, unsigned seg)
{
    gen_move_word(g, HOST_S1, reg);
    gen_check(g, (struct gen_access){
                     .size = width(g), .seg = seg, .how = TRANS_READ, .live = gen_live(g) });
}

static void advance(struct gen *g, unsigned reg)
{
    gen_lea_word(g, reg, (struct emit_mem){ (uint8_t)reg, EMIT_NO_INDEX, 0, (int32_t)width(g) });
}

static void need_upwards(struct gen *g)
{
    unsigned live = gen_live(g);

    gen_park(g, live);
    emit_op_mem(&g->e, false, OP_TEST_IMM, 0, FRAME(rflags));
    emit_32(&g->e, X86_RFLAGS_DF);
    gen_step_if(g, CC_NZ, live);
    gen_unpark(g, live);
}

static void lods(struct gen *g)
{
    place(g, X86_RSI, g->x->in.seg);
    element(g, OP_LOAD_B, X86_RAX, at_s1);
    advance(g, X86_RSI);
}

static void scas(struct gen *g)
{
    place(g, X86_RDI, X86_ES);
    element(g, OP_CMP_B, X86_RAX, at_s1);
    advance(g, X86_RDI);
}

static void cmps(struct gen *g)
{
    place(g, X86_RDI, X86_ES);
    element(g, OP_LOAD_B, HOST_S2, at_s1);
    element(g, OP_STORE_B, HOST_S2, FRAME(temp));
    place(g, X86_RSI, g->x->in.seg);
    element(g, OP_LOAD_B, HOST_S2, at_s1);
    element(g, OP_CMP_B, HOST_S2, FRAME(temp));
    advance(g, X86_RSI);
    advance(g, X86_RDI);
}

/* ---- repeated --------------------------------------------------------------------------------- */

static void repeated(struct gen *g, bool pairs)
{
    unsigned how = TRANS_STRING_LOOKS | trans_log2(width(g));
    uint32_t site;

    place(g, X86_RDI, X86_ES);
    if (pairs)
        place(g, X86_RSI, g->x->in.seg);
    site = gen_site(g, SITE_STEP, gen_flags(g));
    how |= pairs ? TRANS_STRING_PAIRS : 0;
    how |= g->x->in.flags & X86_INSN_F3 ? TRANS_STRING_EQUAL : 0;
    g->t->site[site].how = (uint8_t)how;
    emit_mov_imm(&g->e, HOST_S2, site);
    emit_op_mem(&g->e, false, 0xff, 2, FRAME(string)); /* call */
}

void gen_look(struct gen *g)
{
    enum look look = look_of(&g->x->in);

    if (scan_repeats(&g->x->in)) {
        repeated(g, look == LOOK_CMPS);
        return;
    }
    need_upwards(g);
    if (look == LOOK_LODS)
        lods(g);
    else if (look == LOOK_SCAS)
        scas(g);
    else
        cmps(g);
}
