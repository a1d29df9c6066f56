/* SPDX-License-Identifier: MIT */
/*
 * gen_string.c - MOVS and STOS, repeated or not: a call of fast_string.c
 *
 * What that does not do, and the rest of what it has begun, is done where the site leads to: by trans_rep, or by the
 * interpreter.
 */
#include "engine/soft/trans/gen.h"

#include "engine/soft/trans/fast.h"

void gen_string(struct gen *g)
{
    const struct x86_insn *in = &g->x->in;
    bool repeated = trans_is_rep(in);
    uint32_t site = gen_site(g, repeated ? SITE_REP : SITE_STEP, gen_flags(g));

    g->t->site[site].how = (uint8_t)(trans_log2(trans_string_width(in)) |
                                     (trans_string_moves(in) ? TRANS_STRING_MOVES : 0) |
                                     (repeated ? TRANS_STRING_REPEATED : 0));
    emit_mov_imm(&g->e, HOST_S2, site);
    emit_op_mem(&g->e, false, 0xff, 2, FRAME(string)); /* call */
}
