/* SPDX-License-Identifier: MIT */
/*
 * gen_stack.c - PUSH, POP and LEAVE, and runs of them that are checked once
 *
 * At the beginning and the end of a function several registers are pushed or popped, and CALL or RET goes with them,
 * with instructions between them that touch registers only. Such a group looks its bytes up once. Where they are
 * not all in one checked page it goes to its members, each with a check of its own, which lie out of the way; there
 * too goes who enters the group in its middle.
 */
#include "engine/soft/trans/gen.h"

/* The stack pointer, so many words further up. */
static struct emit_mem stack(const struct gen *g, int32_t words)
{
    return (struct emit_mem){ X86_R14, EMIT_NO_INDEX, 0, words * (int32_t)gen_word(g) };
}

static void move_stack(struct gen *g, int32_t words)
{
    gen_lea_word(g, X86_R14, stack(g, words));
}

static struct emit_mem at_s1(int32_t disp)
{
    return (struct emit_mem){ HOST_S1, EMIT_NO_INDEX, 0, disp };
}

static void check_stack(struct gen *g, enum trans_access how)
{
    gen_check(g, (struct gen_access){
                     .size = gen_word(g), .seg = X86_SS, .how = how, .live = g->x->live });
}

/* ---- behind a check ---------------------------------------------------------------------------- */

static void push_imm(struct gen *g, uint64_t val, int32_t disp)
{
    if (!gen_wide(g) || (int64_t)val == (int32_t)val) {
        emit_op_mem(&g->e, gen_wide(g), 0xc7, 0, at_s1(disp));
        emit_32(&g->e, (uint32_t)val);
    } else {
        emit_mov_imm(&g->e, HOST_S2, val);
        emit_store(&g->e, at_s1(disp), HOST_S2);
    }
}

/* A register or an immediate, to S1 + disp. Flags stay. */
static void push_at(struct gen *g, int32_t disp)
{
    const struct x86_insn *in = &g->x->in;
    unsigned home;

    if (x86_opnd_types[x86_insn_row(in)->operand[0]].kind == X86_OPK_IMM) {
        push_imm(g, in->imm, disp);
    } else {
        home = gen_home(in->rm);
        if (home == GEN_SPILLED) {
            emit_load(&g->e, HOST_S2, gen_spill(in->rm));
            home = HOST_S2;
        }
        gen_store_word(g, at_s1(disp), home);
    }
    move_stack(g, -1);
}

/* POP RSP: what was read wins. */
static void pop_at(struct gen *g, int32_t disp)
{
    unsigned home = gen_home(g->x->in.rm);

    move_stack(g, 1);
    if (home != GEN_SPILLED) {
        gen_load_word(g, home, at_s1(disp));
        return;
    }
    gen_load_word(g, HOST_S2, at_s1(disp));
    emit_store(&g->e, gen_spill(g->x->in.rm), HOST_S2);
}

static void leave_at_s1(struct gen *g)
{
    gen_lea_word(g, X86_R14, (struct emit_mem){ X86_R13, EMIT_NO_INDEX, 0, (int32_t)gen_word(g) });
    gen_load_word(g, X86_R13, at_s1(0));
}

/* ---- one alone --------------------------------------------------------------------------------- */

void gen_push_place(struct gen *g)
{
    gen_lea_word(g, HOST_S1, stack(g, -1));
    check_stack(g, TRANS_WRITE);
}

void gen_push_return(struct gen *g, uint64_t next)
{
    push_imm(g, next, 0);
    move_stack(g, -1);
}

void gen_load_operand(struct gen *g)
{
    gen_operand(g,
                (struct gen_access){ .size = gen_word(g), .how = TRANS_READ, .live = g->x->live });
    gen_load_word(g, HOST_S2, at_s1(0));
    emit_store(&g->e, FRAME(temp), HOST_S2);
}

void gen_push(struct gen *g)
{
    if (!(g->x->in.flags & X86_INSN_MEM)) {
        gen_push_place(g);
        push_at(g, 0);
        return;
    }
    gen_load_operand(g);
    gen_push_place(g);
    emit_load(&g->e, HOST_S2, FRAME(temp));
    gen_store_word(g, at_s1(0), HOST_S2);
    move_stack(g, -1);
}

void gen_pop(struct gen *g)
{
    gen_move_word(g, HOST_S1, X86_R14);
    check_stack(g, TRANS_READ);
    pop_at(g, 0);
}

void gen_leave_insn(struct gen *g)
{
    gen_move_word(g, HOST_S1, X86_R13);
    check_stack(g, TRANS_READ);
    leave_at_s1(g);
}

void gen_pop_return(struct gen *g)
{
    gen_save_flags(g);
    gen_move_word(g, HOST_S1, X86_R14);
    check_stack(g, TRANS_READ);
    gen_load_word(g, HOST_S1, at_s1(0));
}

/* ---- groups ------------------------------------------------------------------------------------ */

static bool is_direct(const struct scan_insn *x)
{
    return x86_insn_row(&x->in)->imm != X86_IMM_NONE;
}

static bool pushes(const struct scan_insn *x)
{
    return (x->kind == SCAN_PUSH && !(x->in.flags & X86_INSN_MEM)) ||
           (x->kind == SCAN_CALL && is_direct(x));
}

static bool pops(const struct scan_insn *x)
{
    return (x->kind == SCAN_POP && x->in.rm != X86_RSP) || x->kind == SCAN_RET;
}

/* Leaves S1 and the stack pointer alone, and cannot be left. */
static bool is_between(const struct scan_insn *x)
{
    if (x->kind == SCAN_NOTHING)
        return true;
    return (x->kind == SCAN_COPY || x->kind == SCAN_LEA) && !x->simd && gen_keeps_s1(&x->in);
}

/* Of the block's instructions from i on how many make a group, and how many of them use the stack. */
static unsigned group_len(const struct scan *s, unsigned i, unsigned *words)
{
    bool down = pushes(&s->insn[i]);
    unsigned last = i;

    *words = 1;
    if (!down && !pops(&s->insn[i]) && s->insn[i].kind != SCAN_LEAVE)
        return 0;
    for (unsigned k = i + 1; k < s->n; k++) {
        const struct scan_insn *x = &s->insn[k];

        if (down ? pushes(x) : pops(x)) {
            last = k;
            ++*words;
        } else if (!is_between(x)) {
            break;
        }
    }
    return *words < 2 ? 0 : last + 1 - i;
}

/* The instruction under way, with its word at S1 + disp. */
static void member(struct gen *g, int32_t disp)
{
    switch ((enum scan_kind)g->x->kind) {
    case SCAN_PUSH:
        push_at(g, disp);
        break;
    case SCAN_POP:
        pop_at(g, disp);
        break;
    case SCAN_LEAVE:
        leave_at_s1(g);
        break;
    case SCAN_CALL:
        push_imm(g, scan_next(g->s, g->x), disp);
        move_stack(g, -1);
        gen_call_direct(g);
        break;
    case SCAN_RET:
        gen_save_flags(g);
        gen_load_word(g, HOST_S1, at_s1(disp));
        gen_return(g);
        break;
    default:
        gen_insn(g);
        break;
    }
}

static void check_group(struct gen *g, struct group *group, unsigned words)
{
    bool down = pushes(g->x);

    if (down)
        gen_lea_word(g, HOST_S1, stack(g, -(int32_t)words));
    else
        gen_move_word(g, HOST_S1, g->x->kind == SCAN_LEAVE ? X86_R13 : X86_R14);
    gen_check(g, (struct gen_access){ .size = gen_word(g) * words,
                                      .seg = X86_SS,
                                      .how = down ? TRANS_WRITE : TRANS_READ,
                                      .live = g->x->live,
                                      .group = group });
}

unsigned gen_stack_group(struct gen *g)
{
    unsigned words, n = group_len(g->s, g->i, &words);
    bool down = pushes(g->x);
    int32_t word = (int32_t)gen_word(g), disp = down ? word * (int32_t)(words - 1) : 0;

    struct group *group;

    if (n == 0)
        return 0;
    group = gen_group_new(g, n);
    check_group(g, group, words);
    group->saved = g->saved;
    for (unsigned i = 0; i < n; i++) {
        if (i > 0)
            gen_begin_insn(g, group->first + i);
        member(g, disp);
        if (!is_between(g->x))
            disp += down ? -word : word;
    }
    group->back = g->e.at;
    return n;
}
