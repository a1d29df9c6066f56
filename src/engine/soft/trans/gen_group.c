/* SPDX-License-Identifier: MIT */
/*
 * gen_group.c - instructions whose memory is checked together
 *
 * A group looks all the bytes up that its members access. Where they are not all in one checked page it goes to its
 * members, each with a check of its own, which lie out of the way; there too goes who enters the group in its middle.
 */
#include "engine/soft/trans/gen.h"

struct group *gen_group_new(struct gen *g, unsigned n)
{
    struct group *group = &g->group[g->ngroups++];

    *group = (struct group){ .first = g->i, .n = n };
    return group;
}

unsigned gen_group(struct gen *g)
{
    unsigned n;

    if (g->i > 0 && scan_is_sti(&g->s->insn[g->i - 1]))
        return 0; /* gen_shadow_end comes behind one instruction */
    n = gen_stack_group(g);
    return n != 0 ? n : gen_operands_group(g);
}

static void members(struct gen *g, const struct group *group)
{
    for (unsigned k = 0; k < group->n; k++) {
        g->i = group->first + k;
        g->x = &g->s->insn[g->i];
        if (k > 0)
            g->t->bound[g->b->bounds + g->i].host = (uint32_t)(g->e.at - g->t->cache.rw);
        gen_restore_at_begin(g);
        gen_insn(g);
    }
    if (!scan_ends(g->x->kind))
        emit_patch(emit_jmp(&g->e), group->back);
}

void gen_group_members(struct gen *g)
{
    g->alone = true;
    for (unsigned i = 0; i < g->ngroups && !g->e.full && !g->failed; i++) {
        const struct group *group = &g->group[i];

        g->saved = group->saved;
        for (unsigned k = 0; k < group->nfrom; k++)
            emit_patch(group->from[k], g->e.at);
        if (group->parked)
            gen_unpark(g, FLAGS_ALL);
        members(g, group);
    }
    g->alone = false;
}
