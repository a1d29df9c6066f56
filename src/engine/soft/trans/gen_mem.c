/* SPDX-License-Identifier: MIT */
/*
 * gen_mem.c - addresses, the check in front of each access, and the places where code is left
 *
 * The check is a look into frame.tlb at the index that the address has. S1 becomes the distance from the
 * page that lies there; below 4096 - size it is that page, all of the access is in it, and the kind of
 * access is allowed. A free entry has the tag of a page with another index, so that no address fits.
 */
#include "engine/soft/trans/gen.h"

#include "engine/soft/trans/recipe.h"

enum { PAGE_SHIFT = 12, ENTRY_SHIFT = 3 };
enum { PAGE = 4096, ALU_ADD = 0, ALU_SUB = 5, ALU_CMP = 7, CC_A = 7, CC_Z = 4, CC_NZ = 5 };
enum {
    OP_ADD_LOAD = 0x03,
    OP_SUB_LOAD = 0x2b,
    OP_TEST_IMM_8 = 0xf6,
    OP_TEST_IMM = 0xf7,
    OP_SHIFT_IMM = 0xc1,
    SHR = 5
};
enum { OP_OR_LOAD = 0x0b, OP_STORE = 0x89, OP_LOAD = 0x8b, OP_LEA = 0x8d };

/* ---- registers -------------------------------------------------------------------------------- */

unsigned gen_home(unsigned guest)
{
    if (guest == X86_RSP)
        return X86_R14;
    if (guest == X86_RBP)
        return X86_R13;
    return guest < X86_R12 ? guest : GEN_SPILLED;
}

struct emit_mem gen_spill(unsigned guest)
{
    struct emit_mem m = FRAME(spill);

    m.disp += (int32_t)(8 * (guest - X86_R12));
    return m;
}

void gen_get(struct gen *g, unsigned host, unsigned guest)
{
    unsigned home = gen_home(guest);

    if (home == GEN_SPILLED)
        emit_load(&g->e, host, gen_spill(guest));
    else
        emit_mov(&g->e, host, home);
}

void gen_put(struct gen *g, unsigned guest, unsigned host)
{
    unsigned home = gen_home(guest);

    if (home == GEN_SPILLED)
        emit_store(&g->e, gen_spill(guest), host);
    else
        emit_mov(&g->e, home, host);
}

/* ---- words ------------------------------------------------------------------------------------ */

void gen_move_word(struct gen *g, unsigned to, unsigned from)
{
    if (to != from || !gen_wide(g))
        emit_op_reg(&g->e, gen_wide(g), OP_STORE, from, to);
}

void gen_load_word(struct gen *g, unsigned to, struct emit_mem m)
{
    emit_op_mem(&g->e, gen_wide(g), OP_LOAD, to, m);
}

void gen_store_word(struct gen *g, struct emit_mem m, unsigned from)
{
    emit_op_mem(&g->e, gen_wide(g), OP_STORE, from, m);
}

void gen_lea_word(struct gen *g, unsigned to, struct emit_mem m)
{
    emit_op_mem(&g->e, gen_wide(g), OP_LEA, to, m);
}

/* ---- leaving ---------------------------------------------------------------------------------- */

uint32_t gen_site(struct gen *g, enum site_kind kind, enum site_flags flags)
{
    struct trans_store *t = g->t;

    if (t->nsites == SITES_MAX) {
        g->failed = true;
        return 0;
    }
    t->site[t->nsites] = (struct site){ .block = g->number,
                                        .insn = (uint8_t)g->i,
                                        .executed = (uint8_t)g->i,
                                        .kind = (uint8_t)kind,
                                        .flags = (uint8_t)flags };
    if (flags == FLAGS_RECIPE)
        t->site[t->nsites].recipe = g->x->recipe;
    return t->nsites++;
}

void gen_cold(struct gen *g, struct cold cold)
{
    if (g->ncolds == GEN_COLDS)
        g->failed = true;
    else
        g->cold[g->ncolds++] = cold;
}

static void leave(struct emit *e, uint32_t site)
{
    emit_mov_imm(e, HOST_S2, site);
    emit_jmp_mem(e, FRAME(leave));
}

/* The jump has five bytes, which trans_fill passes over. */
static void fill(struct emit *e, const struct cold *c)
{
    emit_mov_imm(e, HOST_S2, c->site);
    emit_op_mem(e, false, 0xff, 2, FRAME(fill)); /* call */
    emit_patch(emit_jmp(e), c->again);
}

static void simd_place(struct gen *g, const struct cold *c)
{
    struct emit *e = &g->e;
    uint8_t *over;

    emit_op_mem(e, false, OP_TEST_IMM_8, 0, FRAME(simd_refused));
    emit_8(e, g->s->simd);
    over = emit_jcc(e, CC_Z);
    if (c->parked)
        gen_unpark(g, FLAGS_ALL);
    leave(e, c->site);
    emit_patch(over, e->at);
    emit_mov_imm(e, HOST_S2, g->s->simd);
    emit_op_mem(e, false, 0xff, 2, FRAME(simd_load)); /* call */
    emit_patch(emit_jmp(e), c->back);
}

void gen_colds(struct gen *g)
{
    struct emit *e = &g->e;

    for (unsigned i = 0; i < g->ncolds && !e->full; i++) {
        const struct cold *c = &g->cold[i];

        emit_patch(c->from, e->at);
        if (c->kind == COLD_SIMD) {
            simd_place(g, c);
            continue;
        }
        if (c->kind == COLD_EDGE) {
            g->i = c->insn;
            g->x = &g->s->insn[g->i];
            g->saved = false; /* the branch has read them */
            gen_edge(g, c->target, g->i + 1u);
            continue;
        }
        if (c->recover)
            emit_op_mem(e, true, OP_SUB_LOAD, HOST_S1,
                        (struct emit_mem){ HOST_FRAME, c->fixed ? EMIT_NO_INDEX : HOST_S2,
                                           ENTRY_SHIFT, c->tag_at });
        if (c->again != NULL)
            fill(e, c);
        if (c->across) {
            gen_across(g, c);
            continue;
        }
        if (c->parked)
            gen_unpark(g, FLAGS_ALL);
        leave(e, c->site);
    }
}

void gen_step_if(struct gen *g, unsigned cc, unsigned live)
{
    gen_cold(g, (struct cold){ .from = emit_jcc(&g->e, cc),
                               .site = gen_site(g, SITE_STEP, gen_flags(g)),
                               .kind = COLD_LEAVE,
                               .parked = live != 0 });
}

/* Shifted right by 47 it is 0 or -1. */
void gen_need_canonical(struct gen *g, unsigned reg)
{
    emit_op_reg(&g->e, true, OP_SHIFT_IMM, 7, reg); /* sar */
    emit_8(&g->e, 47);
    emit_alu_imm(&g->e, true, ALU_ADD, reg, 1);
    emit_alu_imm(&g->e, true, ALU_CMP, reg, 1);
    gen_step_if(g, CC_A, gen_live(g));
}

/* ---- addresses -------------------------------------------------------------------------------- */

static void base_only(struct gen *g, const struct x86_insn *in, bool wide, int32_t disp)
{
    unsigned home = gen_home(in->base);

    if (home == GEN_SPILLED) {
        emit_load(&g->e, HOST_S1, gen_spill(in->base));
        home = HOST_S1;
    }
    if (disp != 0)
        emit_op_mem(&g->e, wide, OP_LEA, HOST_S1,
                    (struct emit_mem){ home, EMIT_NO_INDEX, 0, disp });
    else if (!wide || home != HOST_S1)
        emit_op_reg(&g->e, wide, OP_STORE, home, HOST_S1);
}

static void with_index(struct gen *g, const struct x86_insn *in, bool wide, int32_t disp)
{
    unsigned index = gen_home(in->index), base;

    if (index == GEN_SPILLED) {
        emit_load(&g->e, HOST_S2, gen_spill(in->index));
        index = HOST_S2;
    }
    if (in->base == X86_REG_NONE) {
        base = EMIT_NO_BASE;
    } else {
        base = gen_home(in->base);
        if (base == GEN_SPILLED) {
            emit_load(&g->e, HOST_S1, gen_spill(in->base));
            base = HOST_S1;
        }
    }
    emit_op_mem(&g->e, wide, OP_LEA, HOST_S1, (struct emit_mem){ base, index, in->scale, disp });
}

bool gen_is_fixed(const struct gen *g, const struct scan_insn *x, uint64_t *address)
{
    return scan_is_fixed(g->s, x, address);
}

void gen_address_at(struct gen *g, int64_t disp)
{
    const struct x86_insn *in = &g->x->in;
    uint64_t fixed;

    if (gen_is_fixed(g, g->x, &fixed))
        emit_mov_imm(&g->e, HOST_S1, (uint64_t)disp);
    else if (in->index != X86_REG_NONE)
        with_index(g, in, in->addrsize == 8, (int32_t)disp);
    else
        base_only(g, in, in->addrsize == 8, (int32_t)disp);
}

void gen_address(struct gen *g)
{
    uint64_t fixed;

    gen_address_at(g, (int64_t)(gen_is_fixed(g, g->x, &fixed) ? fixed : g->x->in.disp));
}

void gen_operand(struct gen *g, struct gen_access a)
{
    a.seg = g->x->in.seg;
    a.fixed = gen_is_fixed(g, g->x, &a.linear) && a.seg != X86_FS && a.seg != X86_GS;
    gen_save_to_end(g);
    gen_address(g);
    gen_check(g, a);
}

/* ---- the check -------------------------------------------------------------------------------- */

/* Of an array of the bank's pages. */
static int32_t array_at(const struct gen *g, size_t array)
{
    return (int32_t)(offsetof(struct trans_frame, tlb) +
                     sizeof(struct trans_pages) * (unsigned)g->s->bank + array);
}

static int32_t tags_at(const struct gen *g, enum trans_access how)
{
    const struct trans_pages *p = NULL;

    return array_at(g, offsetof(struct trans_pages, ntag) + how * sizeof(p->ntag[0]));
}

/*
 * String instructions may have a count of 0, or two places; the x87's state is changed before memory is accessed, and
 * so may MXCSR be before memory is written.
 */
static bool is_certain(const struct scan_insn *x, enum trans_access how)
{
    const struct x86_row *row = x86_insn_row(&x->in);

    return row->klass != X86_CLASS_STRING && row->klass != X86_CLASS_X87 &&
           row->klass != X86_CLASS_MMX && (x->simd == 0 || how == TRANS_READ);
}

/* entry: the tag. */
static void leave_to_fill(struct gen *g, unsigned cc, const struct gen_access *a,
                          struct emit_mem entry, uint8_t *again)
{
    struct cold cold = { .from = emit_jcc(&g->e, cc),
                         .kind = COLD_LEAVE,
                         .parked = a->live != 0,
                         .recover = true,
                         .again = again,
                         .tag_at = entry.disp,
                         .across = a->group == NULL && gen_may_cross(g, a),
                         .insn = (uint8_t)g->i,
                         .fixed = a->fixed };
    struct site *site;

    if (a->group != NULL) {
        a->group->from[a->group->nfrom++] = cold.from;
        a->group->parked = cold.parked;
        return;
    }
    cold.site = gen_site(g, SITE_MISS, gen_flags(g));
    site = &g->t->site[cold.site];
    site->size = (uint8_t)a->size;
    site->how = (uint8_t)a->how;
    site->align = (uint8_t)(a->align > 1 ? a->align : 1);
    site->certain = is_certain(g->x, a->how);
    gen_cold(g, cold);
}

/* S1 += the base of FS or GS; in 32-bit code modulo 2^32, and no linear address where the segment is not flat. */
static void add_base(struct gen *g, unsigned seg)
{
    unsigned nth = seg == X86_GS ? 8 : 0;
    struct emit_mem base = FRAME(seg_base), poison = FRAME(seg_poison);

    base.disp += (int32_t)nth;
    poison.disp += (int32_t)nth;
    emit_op_mem(&g->e, !g->s->flat32, OP_ADD_LOAD, HOST_S1, base);
    if (g->s->flat32)
        emit_op_mem(&g->e, true, OP_OR_LOAD, HOST_S1, poison);
}

/* The entry that the address in S1 looks at; its index is in S2 then, unless it is known. */
static struct emit_mem entry_of(struct gen *g, const struct gen_access *a)
{
    struct emit_mem entry = { HOST_FRAME, HOST_S2, ENTRY_SHIFT, tags_at(g, a->how) };

    if (a->fixed) {
        entry.index = EMIT_NO_INDEX;
        entry.scale = 0;
        entry.disp += (int32_t)(a->linear / PAGE % TRANS_TLB << ENTRY_SHIFT);
        return entry;
    }
    emit_op_reg(&g->e, false, 0x89, HOST_S1, HOST_S2);
    emit_op_reg(&g->e, false, OP_SHIFT_IMM, SHR, HOST_S2);
    emit_8(&g->e, PAGE_SHIFT);
    return entry; /* of 32 bits no more is left */
}

void gen_check(struct gen *g, struct gen_access a)
{
    struct emit *e = &g->e;
    struct emit_mem entry;
    uint8_t *again;

    gen_save_to_end(g);
    a.live = g->saved ? 0 : a.live;
    if ((a.live != 0 || (g->saved && g->x->partial)) && gen_has_rax(&g->x->in))
        a.direct = false;
    gen_park(g, a.live);
    if (a.seg == X86_FS || a.seg == X86_GS)
        add_base(g, a.seg);
    again = e->at;
    entry = entry_of(g, &a);
    emit_op_mem(e, true, OP_ADD_LOAD, HOST_S1, entry);
    emit_alu_imm(e, true, ALU_CMP, HOST_S1, (int32_t)(PAGE - a.size));
    leave_to_fill(g, CC_A, &a, entry, again);
    if (a.align > 1) {
        emit_op_reg(e, false, OP_TEST_IMM, 0, HOST_S1);
        emit_32(e, a.align - 1);
        leave_to_fill(g, CC_NZ, &a, entry, NULL);
    }
    entry.disp -= tags_at(g, a.how);
    if (a.direct) {
        entry.disp += array_at(g, offsetof(struct trans_pages, distance));
        emit_load(e, HOST_S2, entry);
        g->place = gen_direct_place(&g->x->in);
    } else {
        entry.disp += array_at(g, offsetof(struct trans_pages, host));
        emit_op_mem(e, true, OP_ADD_LOAD, HOST_S1, entry);
        g->place = gen_at_s1(0);
    }
    if (!a.stays_parked)
        gen_unpark(g, a.live);
}
