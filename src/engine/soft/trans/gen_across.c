/* SPDX-License-Identifier: MIT */
/*
 * gen_across.c - vector loads and stores whose operand lies in two pages
 *
 * What streams through memory that is not aligned meets one in each page. Where both pages are known, the operand goes
 * through frame.across_bytes: a second copy of the instruction, behind the hot part, accesses that instead. C code
 * (fast_across.c) fills it before a load, and empties it after a store. SDM 3A, "Guaranteed Atomic Operations": nobody
 * may rely on such an access being one.
 */
#include "engine/soft/trans/gen.h"

bool gen_may_cross(const struct gen *g, const struct gen_access *a)
{
    const struct x86_row *row = x86_insn_row(&g->x->in);
    int mem = scan_mem_operand(&g->x->in);

    return g->x->kind == SCAN_COPY && mem >= 0 &&
           (row->klass == X86_CLASS_SSE || row->klass == X86_CLASS_AVX) && a->align <= 1 &&
           a->size > 1 && a->size <= ACROSS_BYTES &&
           scan_access(row, (unsigned)mem) != (X86_ACCESS_R | X86_ACCESS_W);
}

static void call(struct gen *g, uint32_t site, struct emit_mem function)
{
    emit_mov_imm(&g->e, HOST_S2, site);
    emit_op_mem(&g->e, false, 0xff, 2, function);
}

/* A store of vectors changes neither flags nor AX, so those stay parked around both calls. */
void gen_across(struct gen *g, const struct cold *c)
{
    bool stores = g->t->site[c->site].how == TRANS_WRITE;
    struct emit *e = &g->e;
    uint8_t *done;

    g->i = c->insn;
    g->x = &g->s->insn[g->i];
    assert(
        !g->x->partial); /* vector instructions write all flags or none: there are none to bring back */
    call(g, c->site, FRAME(across));
    done = emit_jmp(e); /* of five bytes, as behind a call of trans_fill */
    gen_unpark(g, c->parked);
    emit_mov_imm(e, HOST_S2, c->site);
    emit_jmp_mem(e, FRAME(leave));
    emit_patch(done, e->at);
    if (!stores)
        gen_unpark(g, c->parked);
    emit_lea(e, HOST_S1, FRAME(across_bytes));
    g->place = gen_at_s1(0);
    gen_copy_checked(g);
    if (stores) {
        call(g, c->site, FRAME(across_end));
        gen_unpark(g, c->parked);
    }
    emit_patch(emit_jmp(e), c->back);
}
