/* SPDX-License-Identifier: MIT */
/*
 * gen_flow.c - branches
 *
 * A direct branch ends in a jump that is linked to its target's block once there is one. Inside the page the jump
 * itself is patched: whoever maps another page there takes this block away too. To other places it goes through a
 * cell of the frame, which a flush of translations puts back. Indirect branches look into the table of the mode.
 */
#include "engine/soft/trans/gen.h"

enum { PAGE = 4096, ALU_AND = 4, CC_NZ = 5 };

/* ---- direct branches -------------------------------------------------------------------------- */

void gen_count(struct gen *g, unsigned executed)
{
    emit_lea(&g->e, HOST_BUDGET,
             (struct emit_mem){ HOST_BUDGET, EMIT_NO_INDEX, 0, -(int32_t)executed });
}

/* Not at its end, where an instruction may go on in the next page, and that be another one. */
static bool same_page(const struct gen *g, uint64_t target)
{
    return target / PAGE == g->s->rip / PAGE && target % PAGE <= PAGE - X86_INSN_MAX;
}

static uint32_t place(const struct gen *g, const uint8_t *at)
{
    return (uint32_t)(at - g->t->cache.rw);
}

void gen_edge(struct gen *g, uint64_t target, unsigned executed)
{
    struct trans_store *t = g->t;
    bool in_frame = g->saved || gen_leave_recipe(g, target);
    uint32_t number;
    struct site *site;

    gen_count(g, executed);
    if (target == g->s->rip && !g->saved) { /* a loop */
        emit_patch(emit_jmp(&g->e), in_frame ? g->framed : t->cache.rw + g->b->entry);
        return;
    }
    number = gen_site(g, SITE_EDGE, in_frame ? FLAGS_FRAME : FLAGS_HOST);
    site = &t->site[number];
    site->target = target;
    site->executed = (uint8_t)executed;
    if (same_page(g, target)) {
        uint8_t *jump = emit_jmp_aligned(&g->e);

        site->patch = place(g, jump);
        emit_patch(jump, g->e.at);
    } else if (t->ncells < TRANS_CELLS) {
        struct emit_mem cell = FRAME(cell);

        cell.disp += 8 * (int32_t)t->ncells;
        emit_jmp_mem(&g->e, cell);
        site->cell = (uint16_t)trans_cell_new(t, place(g, g->e.at));
    } else {
        g->failed = true;
    }
    emit_mov_imm(&g->e, HOST_S2, number);
    emit_jmp_mem(&g->e, FRAME(leave));
}

static void jcc(struct gen *g)
{
    uint64_t target = scan_target(g->s, g->x);
    unsigned cc = g->x->in.opcode & 15;
    uint8_t *over;

    if (target > g->s->rip + g->x->at) { /* forward: rather not taken */
        gen_cold(g, (struct cold){ .from = emit_jcc(&g->e, cc),
                                   .kind = COLD_EDGE,
                                   .target = target,
                                   .insn = (uint8_t)g->i });
        return;
    }
    over = emit_jcc(&g->e, cc ^ 1);
    gen_edge(g, target, g->i + 1);
    emit_patch(over, g->e.at);
}

/* ---- indirect branches ------------------------------------------------------------------------ */

void gen_probe(struct gen *g, enum site_kind kind, uint32_t pop, unsigned mode)
{
    struct emit *e = &g->e;
    struct emit_mem entry = { HOST_FRAME, HOST_S2, 0,
                              (int32_t)(offsetof(struct trans_frame, indirect) +
                                        sizeof(struct trans_indirect) * TRANS_INDIRECT * mode) };
    uint32_t site = gen_site(g, kind, FLAGS_FRAME);
    uint8_t *again = e->at;

    g->t->site[site].executed = (uint8_t)(g->i + 1);
    g->t->site[site].pop = pop;
    /* The index is that of trans_indirect_fill. */
    emit_op_reg(e, false, 0x89, HOST_S1, HOST_S2);
    emit_op_reg(e, false, 0xc1, 5, HOST_S2);
    emit_8(e, 8);
    emit_op_reg(e, false, 0x31, HOST_S1, HOST_S2);
    emit_alu_imm(e, false, ALU_AND, HOST_S2, TRANS_INDIRECT - 1);
    emit_op_reg(e, false, 0xc1, 4, HOST_S2);
    emit_8(e, 4);
    emit_op_mem(e, true, 0x3b, HOST_S1, entry);
    gen_cold(g, (struct cold){
                    .from = emit_jcc(e, CC_NZ), .site = site, .kind = COLD_LEAVE, .again = again });
    if (pop != 0)
        gen_lea_word(g, X86_R14, (struct emit_mem){ X86_R14, EMIT_NO_INDEX, 0, (int32_t)pop });
    gen_count(g, g->i + 1);
    entry.disp += (int32_t)offsetof(struct trans_indirect, host);
    emit_jmp_mem(e, entry);
}

void gen_return(struct gen *g)
{
    uint32_t pop = gen_word(g);

    if (x86_insn_row(&g->x->in)->imm != X86_IMM_NONE)
        pop += (uint32_t)(g->x->in.imm & 0xffff);
    gen_probe(g, SITE_RET, pop, scan_mode(g->s));
}

void gen_call_direct(struct gen *g)
{
    gen_edge(g, scan_target(g->s, g->x), g->i + 1);
}

/* S1 = the target of a jump or call through a register or memory. */
static void indirect_target(struct gen *g)
{
    if (g->x->in.flags & X86_INSN_MEM) {
        gen_load_operand(g);
        emit_mov(&g->e, HOST_S1, HOST_S2);
    } else {
        gen_get(g, HOST_S1, g->x->in.rm);
        if (!gen_wide(g))
            gen_move_word(g, HOST_S1, HOST_S1);
    }
}

/* The call's own check comes before the push: a target that is not canonical is the interpreter's. */
static void call_indirect(struct gen *g, uint64_t next)
{
    struct emit *e = &g->e;

    indirect_target(g);
    emit_store(e, FRAME(temp), HOST_S1);
    gen_save_flags(g);
    if (gen_wide(g))
        gen_need_canonical(g, HOST_S1);
    gen_push_place(g);
    gen_push_return(g, next);
    emit_load(e, HOST_S1, FRAME(temp));
    gen_probe(g, SITE_INDIRECT, 0, scan_mode(g->s));
}

void gen_branch(struct gen *g)
{
    const struct scan_insn *x = g->x;
    bool direct = x86_insn_row(&x->in)->imm != X86_IMM_NONE;
    uint64_t next = scan_next(g->s, x);

    switch ((enum scan_kind)x->kind) {
    case SCAN_JCC:
        jcc(g);
        break;
    case SCAN_JMP:
        if (direct) {
            gen_edge(g, scan_target(g->s, x), g->i + 1);
        } else {
            indirect_target(g);
            gen_save_flags(g);
            gen_probe(g, SITE_INDIRECT, 0, scan_mode(g->s));
        }
        break;
    case SCAN_CALL:
        if (direct) {
            gen_push_place(g);
            gen_push_return(g, next);
            gen_call_direct(g);
        } else {
            call_indirect(g, next);
        }
        break;
    default:
        gen_pop_return(g);
        gen_return(g);
        break;
    }
}
