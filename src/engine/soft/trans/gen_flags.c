/* SPDX-License-Identifier: MIT */
/*
 * gen_flags.c - arithmetic flags around code that changes them
 *
 * They are parked in AX for the length of a check; or saved in the frame until they are all written, which leaves
 * EFLAGS free. With exact flags a recipe (recipe.h) may do instead: it is stored in the frame, with the registers that
 * it reads where these will be other ones.
 */
#include "engine/soft/trans/gen.h"

#include "engine/soft/trans/recipe.h"

enum { OP_STORE = 0x89, OP_LOAD = 0x8b, OP_STORE_IMM = 0xc7 };

unsigned gen_live(const struct gen *g)
{
    return g->saved ? 0 : g->x->live;
}

enum site_flags gen_flags(const struct gen *g)
{
    if (g->saved)
        return FLAGS_FRAME;
    if (g->x->live != 0)
        return FLAGS_HOST;
    return g->x->recipe != RECIPE_NONE ? FLAGS_RECIPE : FLAGS_DEAD;
}

/* ---- parked ------------------------------------------------------------------------------------ */

static void ax_from_flags(struct emit *e)
{
    emit_8(e, 0x9f);                           /* lahf */
    emit_op_reg(e, false, 0x0f90, 0, X86_RAX); /* seto al */
}

/* AL + 0x7f overflows when it is 1, then SAHF. */
static void flags_from_ax(struct emit *e)
{
    emit_8(e, 0x04); /* add al, imm8 */
    emit_8(e, 0x7f);
    emit_8(e, 0x9e); /* sahf */
}

void gen_park(struct gen *g, unsigned live)
{
    if (live == 0)
        return;
    emit_store(&g->e, FRAME(parked_rax), X86_RAX);
    ax_from_flags(&g->e);
}

void gen_unpark(struct gen *g, unsigned live)
{
    if (live == 0)
        return;
    flags_from_ax(&g->e);
    emit_load(&g->e, X86_RAX, FRAME(parked_rax));
}

/* ---- saved ------------------------------------------------------------------------------------- */

void gen_save_flags(struct gen *g)
{
    struct emit *e = &g->e;

    if (g->saved || g->x->live == 0)
        return;
    g->saved = true;
    emit_mov(e, HOST_S2, X86_RAX);
    ax_from_flags(e);
    emit_op_mem(e, false, OP_STORE, X86_RAX, FRAME(flags));
    emit_mov(e, X86_RAX, HOST_S2);
}

static void store_recipe(struct gen *g, uint32_t recipe)
{
    emit_op_mem(&g->e, false, OP_STORE_IMM, 0, FRAME(flags));
    emit_32(&g->e, recipe);
}

static void keep(struct gen *g, uint32_t recipe)
{
    uint8_t reg[RECIPE_REGISTERS];
    unsigned n = recipe_registers(recipe, reg);

    for (unsigned i = 0; i < n; i++) {
        unsigned home = gen_home(reg[i]);
        struct emit_mem kept = FRAME(kept);

        kept.disp += (int32_t)(8 * i);
        if (home == GEN_SPILLED) {
            emit_load(&g->e, HOST_S2, gen_spill(reg[i]));
            home = HOST_S2;
        }
        emit_store(&g->e, kept, home);
    }
    store_recipe(g, recipe | RECIPE_KEPT);
}

void gen_save_to_end(struct gen *g)
{
    if (!g->x->to_end || g->alone || gen_live(g) == 0)
        return;
    if (g->x->to_kill && g->x->recipe != RECIPE_NONE) {
        g->saved = true;
        keep(g, g->x->recipe);
    } else {
        gen_save_flags(g);
    }
}

bool gen_leave_recipe(struct gen *g, uint64_t target)
{
    uint32_t recipe = g->x->recipe;
    bool lasts;

    if (recipe == RECIPE_NONE || (g->x->kind != SCAN_JCC && g->x->kind != SCAN_JMP) ||
        !scan_killed_at(g->s, target, recipe, &lasts))
        return false;
    if (lasts)
        store_recipe(g, recipe);
    else
        keep(g, recipe);
    return true;
}

/* ---- and back ---------------------------------------------------------------------------------- */

void gen_restore_at_begin(struct gen *g)
{
    if (g->x->kind != SCAN_COPY || !(g->x->in.flags & X86_INSN_MEM))
        gen_restore_flags(g);
}

void gen_restore_flags(struct gen *g)
{
    unsigned rax = gen_uses_s2(g) ? HOST_S1 : HOST_S2;

    if (!g->saved || !g->x->partial)
        return;
    g->saved = false;
    emit_mov(&g->e, rax, X86_RAX);
    emit_op_mem(&g->e, false, OP_LOAD, X86_RAX, FRAME(flags));
    flags_from_ax(&g->e);
    emit_mov(&g->e, X86_RAX, rax);
}

void gen_park_saved(struct gen *g)
{
    emit_store(&g->e, FRAME(parked_rax), X86_RAX);
    emit_op_mem(&g->e, false, OP_LOAD, X86_RAX, FRAME(flags));
}
