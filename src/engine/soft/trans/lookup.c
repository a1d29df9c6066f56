/* SPDX-License-Identifier: MIT */
/* lookup.c - the block that is to be executed at an address: found, or translated when that is worth it. */
#include "core/mem_access.h"
#include "engine/soft/mmu.h"
#include "engine/soft/segment.h"
#include "engine/soft/trans/block.h"
#include "x86/canonical.h"

#include <limits.h>

enum { PAGE = 4096 };

/* The next page has to be looked at to know the instruction. */
static bool goes_on_in_next(const struct source *at)
{
    unsigned left = PAGE - (unsigned)(at->rip % PAGE);
    uint8_t bytes[X86_INSN_MAX];
    struct x86_insn in;

    if (left >= X86_INSN_MAX)
        return false;
    mem_load(bytes, at->host, left);
    return x86_decode(bytes, left, at->mode >= TRANS_FLAT32 ? X86_CODE_32 : X86_CODE_64, &in) ==
           X86_DECODE_NEED_MORE;
}

static bool find_next(struct soft_cpu *c, struct source *at)
{
    uint64_t linear = (at->rip | (PAGE - 1)) + 1;
    struct soft_place place;

    if (at->mode >= TRANS_FLAT32)
        linear = (uint32_t)linear;
    if (!x86_canonical(linear) || !soft_translate(c, linear, HOW_FETCH, c->bank, &place) ||
        place.host == NULL)
        return false;
    at->next_gpa = place.gpa;
    at->next_host = place.host;
    trans_note_looked(c->trans, linear);
    return true;
}

/* What is executed at rip. False: the interpreter has to find out. */
static bool find_source(struct trans *t, uint64_t rip, struct source *at)
{
    struct soft_cpu *c = t->c;
    struct soft_place place;

    if (!x86_canonical(rip) || !soft_translate(c, rip, HOW_FETCH, c->bank, &place) ||
        place.host == NULL)
        return false;
    *at = (struct source){ .rip = rip,
                           .gpa = place.gpa,
                           .host = place.host,
                           .mode = trans_mode(c),
                           .next_gpa = SOURCE_NO_PAGE };
    return !goes_on_in_next(at) || find_next(c, at);
}

/* Both pages are guarded. */
static bool guard(struct trans *t, const struct source *at)
{
    bool first = trans_guard(t, at->gpa - at->gpa % PAGE, at->host - at->gpa % PAGE);

    return (at->next_host == NULL || trans_guard(t, at->next_gpa, at->next_host)) && first;
}

/*
 * Several addresses have the same counter. What has been translated leaves it full for its own next time, and the
 * others begin anew; those that have not go on together, so that one of them is translated some time.
 */
static struct trans_counter *counter_of(struct trans *t, uint64_t gpa)
{
    struct trans_counter *count = &t->counter[(gpa ^ gpa >> 14) % COUNTERS];
    uint8_t tag = (uint8_t)(gpa >> 14);

    if (count->tag != tag && count->n >= t->store->threshold)
        count->n = 0;
    count->tag = tag;
    return count;
}

/* Under lock: what is to be executed there; NULL: by the interpreter. */
static struct block *find_or_build(struct trans *t, const struct source *at)
{
    struct trans_store *s = t->store;
    struct block *b = trans_find(s, at->rip, at->gpa, at->mode, at->next_gpa);
    unsigned reluctance;
    struct trans_counter *count;

    if (b != NULL)
        return b;
    if (trans_is_point(s, at->rip))
        return NULL;
    count = counter_of(t, at->gpa);
    reluctance = trans_reluctance(s, at->gpa);
    if (reluctance == UINT_MAX ||
        (at->next_host != NULL && trans_reluctance(s, at->next_gpa) == UINT_MAX))
        return NULL;
    if (count->n < s->threshold + reluctance) {
        t->restless = trans_is_restless(s, at->gpa);
        count->n++;
        return NULL;
    }
    count->n = (uint8_t)s->threshold; /* a page that is written again has to earn it again */
    if (!trans_has_room_for_pages(s, at)) {
        trans_reset(t);
        return NULL;
    }
    return guard(t, at) ? trans_build(t, at) : NULL;
}

/* The block that is left at the site goes on in `to`. */
static void link(struct trans *t, uint32_t number, const struct block *to)
{
    const struct site *s = &t->store->site[number];
    const struct block *from = &t->store->block[s->block];

    if (s->kind != SITE_EDGE)
        trans_indirect_fill(t, to->rip, to);
    else if (!from->dead && from->mode == to->mode)
        trans_link(t, number, to);
}

struct block *trans_block_at(struct trans *t, uint64_t rip, uint32_t from)
{
    struct source at;
    struct block *b;

    t->restless = false;
    if (!find_source(t, rip, &at))
        return NULL;
    trans_lock(t->store);
    b = find_or_build(t, &at);
    if (b != NULL)
        trans_note_looked(t, rip);
    if (b != NULL && from != BLOCK_NONE)
        link(t, from, b);
    trans_unlock(t->store);
    return b;
}
