/* SPDX-License-Identifier: MIT */
/*
 * gen_string.c - MOVS and STOS: one element in line, a repeated one as a call of fast_string.c
 *
 * What that does not do, and the rest of what it has begun, is done where the site leads to: by trans_rep, or by the
 * interpreter.
 */
#include "engine/soft/trans/gen.h"

#include "engine/soft/trans/fast.h"

/* ---- one element ------------------------------------------------------------------------------- */

enum { ALU_TEST_IMM8 = 0xf6, CC_NZ = 5, MOV_LOAD = 0x8b, MOVZX_LOAD = 0x0fb6, MOV_STORE = 0x89 };

static const struct emit_mem at_s1 = { HOST_S1, EMIT_NO_INDEX, 0, 0 };

/* Downwards is the interpreter's. */
static void need_up(struct gen *g)
{
    struct emit_mem df = FRAME(rflags);

    df.disp += 1;
    gen_park(g, gen_live(g));
    emit_op_mem(&g->e, false, ALU_TEST_IMM8, 0, df);
    emit_8(&g->e, X86_RFLAGS_DF >> 8);
    gen_step_if(g, CC_NZ, gen_live(g));
    gen_unpark(g, gen_live(g));
}

static void element_at(struct gen *g, unsigned guest, unsigned width, enum trans_access how)
{
    gen_get(g, HOST_S1, guest);
    gen_check(g,
              (struct gen_access){ .size = width, .seg = X86_DS, .how = how, .live = g->x->live });
}

/* A MOV of width bytes, 2, 4 or 8; of 1 with the opcode for that. */
static void sized(struct gen *g, unsigned width, unsigned opcode, unsigned reg)
{
    if (width == 2)
        emit_8(&g->e, 0x66);
    emit_op_mem(&g->e, width == 8, opcode, reg, at_s1);
}

static void step_over(struct gen *g, unsigned guest, unsigned width)
{
    emit_lea(&g->e, gen_home(guest),
             (struct emit_mem){ (uint8_t)gen_home(guest), EMIT_NO_INDEX, 0, (int32_t)width });
}

static void one_element(struct gen *g, unsigned width, bool moves)
{
    unsigned from = X86_RAX;

    need_up(g);
    if (moves) {
        element_at(g, X86_RSI, width, TRANS_READ);
        sized(g, width, width == 1 ? MOVZX_LOAD : MOV_LOAD, HOST_S2);
        emit_store(&g->e, FRAME(temp), HOST_S2);
    }
    element_at(g, X86_RDI, width, TRANS_WRITE);
    if (moves) {
        emit_load(&g->e, HOST_S2, FRAME(temp));
        from = HOST_S2;
        step_over(g, X86_RSI, width);
    }
    sized(g, width, width == 1 ? MOV_STORE - 1 : MOV_STORE, from);
    step_over(g, X86_RDI, width);
}

void gen_string(struct gen *g)
{
    const struct x86_insn *in = &g->x->in;
    bool repeated = trans_is_rep(in);
    uint32_t site;

    if (!repeated && !g->s->flat32 && in->addrsize == 8) {
        one_element(g, trans_string_width(in), trans_string_moves(in));
        return;
    }
    site = gen_site(g, repeated ? SITE_REP : SITE_STEP, gen_flags(g));
    g->t->site[site].how = (uint8_t)(trans_log2(trans_string_width(in)) |
                                     (trans_string_moves(in) ? TRANS_STRING_MOVES : 0) |
                                     (repeated ? TRANS_STRING_REPEATED : 0));
    emit_mov_imm(&g->e, HOST_S2, site);
    emit_op_mem(&g->e, false, 0xff, 2, FRAME(string)); /* call */
}
