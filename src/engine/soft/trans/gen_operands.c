/* SPDX-License-Identifier: MIT */
/*
 * gen_operands.c - memory operands beside each other, which are checked once
 *
 * Fields of a structure, variables in the frame of a function: operands with the same registers and other distances.
 * They make a group while nothing between them writes those registers, accesses other memory or needs both scratch
 * registers; S1 stays the place of the lowest one. If one is written, all are checked for writing.
 */
#include "engine/soft/trans/gen.h"

#include "x86/operand.h"

enum { PAGE = 4096, SPAN = 512 /* bytes; of wider ones too many lie in two pages */ };

struct run {
    const struct scan_insn *first;
    unsigned n, members;
    bool fixed, direct;
    int64_t low, high; /* displacements, or fixed addresses; the second is behind the last byte */
    int64_t aligned;   /* one that must be a multiple of `align` with its registers */
    unsigned align;
    enum trans_access how;
};

static bool is_based(unsigned seg)
{
    return seg == X86_FS || seg == X86_GS;
}

static bool same_registers(const struct x86_insn *a, const struct x86_insn *b)
{
    return a->base == b->base && a->index == b->index && a->scale == b->scale &&
           a->addrsize == b->addrsize;
}

static bool same_segment(const struct x86_insn *a, const struct x86_insn *b)
{
    return a->seg == b->seg || (!is_based(a->seg) && !is_based(b->seg));
}

static bool writes_address(const struct run *r, const struct x86_insn *in)
{
    const struct x86_insn *first = &r->first->in;

    return !r->fixed && ((first->base < 16 && x86_insn_writes_gpr(in, first->base)) ||
                         (first->index < 16 && x86_insn_writes_gpr(in, first->index)));
}

static bool is_between(const struct scan_insn *x)
{
    switch ((enum scan_kind)x->kind) {
    case SCAN_NOTHING:
    case SCAN_JCC:
        return true;
    case SCAN_COPY:
    case SCAN_LEA:
        return gen_keeps_s1(&x->in);
    default:
        return false;
    }
}

static bool same_place(const struct run *r, const struct scan_insn *x, bool fixed)
{
    const struct x86_insn *first = &r->first->in;

    return fixed == r->fixed && same_segment(first, &x->in) &&
           (fixed || same_registers(first, &x->in));
}

/* Alignments are powers of two: of two distances the larger one holds for both, if they are apart by the smaller. */
static bool align(struct run *r, int64_t at, unsigned by)
{
    unsigned smaller = by < r->align ? by : r->align;

    if (smaller > 1 && (at - r->aligned) % smaller != 0)
        return false;
    if (by > r->align) {
        r->align = by;
        r->aligned = at;
    }
    return true;
}

static bool widen(struct run *r, int64_t at, unsigned size)
{
    if (r->members == 0 || at < r->low)
        r->low = at;
    if (r->members == 0 || at + size > r->high)
        r->high = at + size;
    return r->high - r->low <= SPAN &&
           (!r->fixed || (uint64_t)r->low / PAGE == (uint64_t)(r->high - 1) / PAGE);
}

/* Takes an instruction in, if it is one of them. */
static bool add(const struct gen *g, struct run *r, const struct scan_insn *x)
{
    struct gen_access a = { .size = 0 };
    struct run with = *r;
    uint64_t address;
    int64_t at;
    bool fixed;

    if (x->kind != SCAN_COPY || !gen_copy_access(x, &a) || !gen_shares_s1(&x->in))
        return false;
    fixed = gen_is_fixed(g, x, &address);
    at = (int64_t)(fixed ? address : x->in.disp);
    if (r->members == 0)
        with = (struct run){ .first = x, .fixed = fixed, .direct = true, .how = a.how };
    else if (!same_place(r, x, fixed))
        return false;
    if (!align(&with, at, a.align) || !widen(&with, at, a.size))
        return false;
    with.members++;
    with.direct &= gen_direct(x);
    with.how = a.how > with.how ? a.how : with.how;
    *r = with;
    return true;
}

/* The next memory operand, if nothing else is in the way, has the registers of this one: most have no such neighbour. */
static bool may_begin(const struct scan *s, unsigned i)
{
    const struct x86_insn *first = &s->insn[i].in;

    if (s->insn[i].kind != SCAN_COPY || !(first->flags & X86_INSN_MEM))
        return false;
    for (unsigned k = i + 1; k < s->n; k++) {
        const struct scan_insn *x = &s->insn[k];

        if (x->kind == SCAN_COPY && x->in.flags & X86_INSN_MEM)
            return same_registers(first, &x->in);
        if (x->kind != SCAN_COPY && x->kind != SCAN_LEA && x->kind != SCAN_NOTHING &&
            x->kind != SCAN_JCC)
            return false;
    }
    return false;
}

/* The run that begins with the instruction under way. */
static bool find(const struct gen *g, struct run *r)
{
    *r = (struct run){ .n = 0 };
    if (!may_begin(g->s, g->i))
        return false;
    for (unsigned k = g->i; k < g->s->n; k++) {
        const struct scan_insn *x = &g->s->insn[k];

        if (add(g, r, x))
            r->n = k + 1 - g->i;
        else if (k == g->i || !is_between(x))
            break;
        if (writes_address(r, &x->in))
            break;
    }
    if (r->align > 1)
        r->low -= (int64_t)((uint64_t)(r->low - r->aligned) % r->align);
    return r->members > 1;
}

/* RAX makes the addresses, and flags are on their way in it meanwhile. */
static bool lends_rax(const struct gen *g, const struct run *r)
{
    if (!gen_has_rax(&r->first->in))
        return false;
    for (unsigned k = 0; k < r->n; k++) {
        if (g->s->insn[g->i + k].partial)
            return true;
    }
    return gen_live(g) != 0;
}

static void check(struct gen *g, const struct run *r, struct group *group)
{
    unsigned seg = g->x->in.seg;

    gen_save_to_end(g);
    gen_address_at(g, r->low);
    gen_check(g, (struct gen_access){ .size = (unsigned)(r->high - r->low),
                                      .align = r->align,
                                      .seg = seg,
                                      .how = r->how,
                                      .live = g->x->live,
                                      .fixed = r->fixed && !is_based(seg),
                                      .linear = (uint64_t)r->low,
                                      .direct = r->direct && !lends_rax(g, r),
                                      .group = group });
}

/* The instruction under way, whose memory has been checked. */
static void member(struct gen *g, const struct run *r)
{
    uint64_t address;
    bool fixed = gen_is_fixed(g, g->x, &address);

    if (gen_uses_s2(g))
        g->place = gen_direct_place(&g->x->in);
    else
        g->place = gen_at_s1((int32_t)((int64_t)(fixed ? address : g->x->in.disp) - r->low));
    gen_copy_checked(g);
    gen_end_insn(g);
}

unsigned gen_operands_group(struct gen *g)
{
    struct group *group;
    struct run r;

    if (!find(g, &r))
        return 0;
    group = gen_group_new(g, r.n);
    check(g, &r, group);
    group->saved = g->saved;
    for (unsigned i = 0; i < r.n; i++) {
        if (i > 0)
            gen_begin_insn(g, group->first + i);
        if (g->x->in.flags & X86_INSN_MEM && g->x->kind == SCAN_COPY)
            member(g, &r);
        else
            gen_insn(g);
    }
    g->place = gen_at_s1(0);
    group->back = g->e.at;
    return r.n;
}
