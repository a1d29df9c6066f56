/* SPDX-License-Identifier: MIT */
/*
 * build.c - one block: its entry, its instructions, its end
 *
 * At the entry the budget is looked at, so that every way round passes such a place, and vector registers are
 * loaded if the block has a use for them and nobody has before.
 */
#include "engine/soft/trans/gen.h"
#include "engine/soft/trans/prove.h"

enum { CC_S = 8, CC_NZ = 5, ALU_ADD = 0, OP_TEST = 0x85, OP_TEST_IMM_8 = 0xf6 };

static uint32_t place(const struct gen *g)
{
    return (uint32_t)(g->e.at - g->t->cache.rw);
}

static void check_budget(struct gen *g, unsigned live)
{
    uint32_t site = gen_site(g, SITE_BUDGET, gen_flags(g));

    emit_op_reg(&g->e, true, OP_TEST, HOST_BUDGET, HOST_BUDGET);
    gen_cold(g, (struct cold){ .from = emit_jcc(&g->e, CC_S),
                               .site = site,
                               .kind = COLD_LEAVE,
                               .parked = live != 0 });
}

static void check_simd(struct gen *g, unsigned live)
{
    struct cold cold = { .kind = COLD_SIMD, .parked = live != 0 };

    if (g->s->simd == 0)
        return;
    cold.site = gen_site(g, SITE_SIMD, gen_flags(g));
    emit_op_mem(&g->e, false, OP_TEST_IMM_8, 0, FRAME(simd_missing));
    emit_8(&g->e, g->s->simd);
    cold.from = emit_jcc(&g->e, CC_NZ);
    cold.back = g->e.at;
    gen_cold(g, cold);
}

/* Behind a park. The number is of a block that nobody executes yet. */
static void count_execution(struct gen *g)
{
    struct emit_mem m = FRAME(executions);

    if (!g->t->counts)
        return;
    for (unsigned i = 0; i < g->t->nusers; i++) {
        if (g->t->user[i] != NULL)
            g->t->user[i]->frame->executions[g->number] = 0;
    }
    m.disp += (int32_t)(8 * g->number);
    emit_op_mem(&g->e, true, 0x83, ALU_ADD, m);
    emit_8(&g->e, 1);
}

/* At its entry flags go to the frame, and stay there. */
static bool begins_in_frame(const struct gen *g)
{
    const struct scan_insn *x = &g->s->insn[0];

    return x->to_end || (g->s->exact && !x->read);
}

static void entry(struct gen *g)
{
    unsigned live;

    g->i = 0;
    g->x = &g->s->insn[0];
    g->b->entry = place(g);
    if (begins_in_frame(g))
        gen_save_flags(g);
    live = gen_live(g);
    gen_park(g, live);
    g->framed = g->e.at;
    check_budget(g, live);
    check_simd(g, live);
    count_execution(g);
    gen_unpark(g, live);
}

static void indirect_entry(struct gen *g)
{
    g->b->indirect = (uint32_t)(g->framed - g->t->cache.rw);
    if (g->s->insn[0].live == 0 || begins_in_frame(g))
        return;
    g->b->indirect = place(g);
    gen_park_saved(g);
    emit_patch(emit_jmp(&g->e), g->framed);
}

/* Leaves to the interpreter whatever comes. */
static void step(struct gen *g)
{
    bool waits = x86_insn_row(&g->x->in)->mnemonic == X86_MN_PAUSE;
    enum site_kind kind = waits ? SITE_PAUSE : SITE_STEP;

    emit_mov_imm(&g->e, HOST_S2, gen_site(g, kind, FLAGS_HOST));
    emit_jmp_mem(&g->e, FRAME(leave));
}

static void nothing(struct gen *g)
{
    (void)g;
}

/* By enum scan_kind. */
static void (*const emitters[])(struct gen *g) = {
    [SCAN_STEP] = step,           [SCAN_STOP] = step,         [SCAN_NOTHING] = nothing,
    [SCAN_COPY] = gen_copy,       [SCAN_LEA] = gen_copy,      [SCAN_DIV] = gen_div,
    [SCAN_BITS] = gen_bits,       [SCAN_MOFFS] = gen_moffs,   [SCAN_X87] = gen_x87,
    [SCAN_PUSH] = gen_push,       [SCAN_POP] = gen_pop,       [SCAN_LEAVE] = gen_leave_insn,
    [SCAN_JCC] = gen_branch,      [SCAN_JMP] = gen_branch,    [SCAN_CALL] = gen_branch,
    [SCAN_RET] = gen_branch,      [SCAN_STRING] = gen_string, [SCAN_LOOK] = gen_look,
    [SCAN_SEGMENT] = gen_segment, [SCAN_SYSTEM] = gen_system, [SCAN_ACCESS] = gen_access_flag,
    [SCAN_RING] = gen_ring,
};

void gen_insn(struct gen *g)
{
    emitters[g->x->kind](g);
    gen_end_insn(g);
}

void gen_end_insn(struct gen *g)
{
    if (g->x->replaces)
        g->saved = false;
}

void gen_begin_insn(struct gen *g, unsigned i)
{
    g->i = i;
    g->x = &g->s->insn[i];
    g->t->bound[g->t->nbounds++] = (struct bound){ .host = place(g),
                                                   .straight = (uint16_t)(place(g) - g->b->entry),
                                                   .guest = g->x->at };
    gen_restore_at_begin(g);
}

static void body(struct gen *g)
{
    const struct scan *s = g->s;

    for (unsigned i = 0, n; i < s->n && !g->e.full && !g->failed; i += n) {
        gen_begin_insn(g, i);
        n = gen_group(g);
        if (n == 0) {
            gen_insn(g);
            n = 1;
        }
        gen_shadow_end(g);
    }
    if (!scan_ends(s->insn[s->n - 1].kind))
        gen_edge(g, scan_wrap(s, s->rip + s->bytes), s->n);
}

static void finish(struct gen *g, size_t begin)
{
    struct trans_store *t = g->t;

    g->b->ninsns = (uint8_t)g->s->n;
    g->b->simd = g->s->simd;
    g->b->lines = g->s->copied;
    g->b->guest_bytes = (uint16_t)g->s->bytes;
    g->b->bytes = (uint32_t)((size_t)(g->e.at - t->cache.rw) - begin);
    t->cache.used = ((size_t)(g->e.at - t->cache.rw) + 15) & ~(size_t)15;
    t->stats.translated++;
    t->stats.guest_insns += g->s->n;
    t->stats.host_bytes += g->b->bytes;
}

static bool room(const struct trans_store *t)
{
    return t->nblocks + 1 < BLOCKS_MAX && t->nbounds + BLOCK_INSNS < BOUNDS_MAX &&
           t->nsites + 8 * BLOCK_INSNS < SITES_MAX && t->ncells + 2 * BLOCK_INSNS < TRANS_CELLS &&
           t->cache.len - t->cache.used > BLOCK_BYTES;
}

static void populate(struct trans_store *t)
{
    trans_populate(&t->populated[STORE_CODE_RW], t->cache.used);
    trans_populate(&t->populated[STORE_CODE_RX], t->cache.used);
    trans_populate(&t->populated[STORE_BLOCKS], t->nblocks * sizeof(*t->block));
    trans_populate(&t->populated[STORE_SITES], t->nsites * sizeof(*t->site));
    trans_populate(&t->populated[STORE_BOUNDS], t->nbounds * sizeof(*t->bound));
}

/* NULL, or what is wrong with the code: ours, whatever the guest's is. */
static const char *prove(const struct trans_store *s, const struct block *b, size_t begin)
{
    uint32_t entry[BLOCK_INSNS + 2], n = 0, at;

    entry[n++] = b->entry - (uint32_t)begin;
    entry[n++] = b->indirect - (uint32_t)begin;
    for (unsigned i = 0; i < b->ninsns; i++)
        entry[n++] = s->bound[b->bounds + i].host - (uint32_t)begin;
    return prove_code(
        &(struct prove_code){
            .bytes = s->cache.rw + begin, .len = b->bytes, .entry = entry, .nentries = n },
        &at);
}

/* The arrays of both are large, and filled from their beginnings: nothing is cleared for them. */
static void scan_begin(struct scan *s, const struct trans *t, const struct source *at)
{
    const struct trans_store *store = t->store;

    scan_set_mode(s, at->mode);
    s->rip = at->rip;
    s->begin = (unsigned)(at->rip % 4096);
    s->page = at->host - s->begin;
    s->next_page = at->next_host;
    s->simd_host = store->host_simd;
    s->shifts_kill = store->shifts_kill;
    s->c = t->c;
    s->shared = store->shared;
    s->own = trans_page_find(t->store, at->gpa)->own;
    s->once = t->check == NULL;
    s->exact = store->exact_flags;
    s->points = store->npoints > 0 ? store : NULL;
    s->copied = 0;
}

static void gen_begin(struct gen *g, struct trans_store *store, struct scan *s)
{
    g->t = store;
    g->s = s;
    g->ncolds = g->ngroups = 0;
    g->failed = g->saved = g->alone = false;
    g->place = gen_at_s1(0);
}

struct block *trans_build(struct trans *t, const struct source *at)
{
    struct trans_store *store = t->store;
    uint8_t copy[4096];
    struct scan s;
    struct gen g;
    size_t begin;

    scan_begin(&s, t, at);
    s.copy = copy;
    trans_scan(&s);
    gen_begin(&g, store, &s);
    if (!room(store)) {
        trans_reset(t);
        return NULL;
    }
    populate(store);
    g.number = store->nblocks;
    g.b = &store->block[g.number];
    *g.b = (struct block){ .rip = at->rip,
                           .gpa = at->gpa,
                           .next_gpa = at->next_gpa,
                           .bounds = store->nbounds,
                           .mode = (uint8_t)at->mode };
    begin = store->cache.used;
    g.e = (struct emit){ .at = store->cache.rw + begin, .end = store->cache.rw + store->cache.len };
    entry(&g);
    body(&g);
    g.b->straight = place(&g) - g.b->entry;
    gen_group_members(&g);
    indirect_entry(&g);
    gen_colds(&g);
    if (g.e.full || g.failed)
        return NULL;
    store->nblocks++;
    finish(&g, begin);
    assert(!store->prove || prove(store, g.b, begin) == NULL);
    trans_insert(t, g.b);
    atomic_store_explicit(&store->published, store->stats.translated, memory_order_release);
    return g.b;
}
