/* SPDX-License-Identifier: MIT */
/*
 * run.c - between pieces of translated code: why the last one was left, and what comes next
 */
#include "engine/soft/trans/block.h"

#include <sched.h>

#include "engine/soft/attend.h"
#include "engine/soft/insn_trace.h"
#include "engine/soft/mmu.h"
#include "engine/soft/run.h"
#include "engine/soft/segment.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/check.h"
#include "engine/soft/trans/flat32.h"
#include "engine/soft/trans/recipe.h"
#include "engine/soft/trans/scan.h"
#include "engine/soft/world.h"
#include "x86/canonical.h"

enum { PAGE = 4096, COLD_RUN = 64, RESTLESS_RUN = 1024 /* instructions */ };
enum { REP_MOST = 65536 /* elements between two looks at kicks */, CHECK_REP = 4096 };
enum { PAUSES = 64 /* of a burst, after which other threads of the host may need the CPU more */ };

/* The caller has to look at something between two instructions. */
static bool wanted(const struct soft_cpu *c)
{
    return atomic_load_explicit(&c->kicked, memory_order_relaxed) || soft_may_attend(c) ||
           soft_traces(c) || c->hit.how != 0 || !trans_ready(c);
}

/* ---- entering and leaving ---------------------------------------------------------------------- */

enum { AH_FLAGS = 0xd5 /* SF ZF AF PF CF */ };

static uint64_t flags_to_frame(uint64_t rflags)
{
    return (rflags & AH_FLAGS) << 8 | 2u << 8 | (rflags & X86_RFLAGS_OF ? 1 : 0);
}

static uint64_t flags_from_frame(uint64_t ax)
{
    return (ax >> 8 & AH_FLAGS) | (ax & 1 ? (uint64_t)X86_RFLAGS_OF : 0);
}

/* Where to enter: at a block's beginning, or in the middle when nothing has changed below it. */
struct resume {
    const void *host;
    unsigned simd; /* enum trans_simd of what is to be loaded */
    unsigned done; /* instructions of the block before it, which what follows counts again */
};

/* What gen_system.c has in the frame. */
static void give_system(struct trans *t)
{
    struct trans_frame *f = t->frame;
    const struct soft_cpu *c = t->c;

    f->rflags = c->s.rflags & ~(uint64_t)FLAGS_ALL;
    f->rf_from = c->insns;
    f->shadow = c->s.events.shadow;
    f->cr4 = c->s.cr4;
    f->seg_base[0] = c->s.seg[X86_FS].base;
    f->seg_base[1] = c->s.seg[X86_GS].base;
    f->seg_poison[0] = flat32_poison(c, X86_FS);
    f->seg_poison[1] = flat32_poison(c, X86_GS);
    f->tsc = c->msrs.tsc_offset;
    if (c->sys.counted_time)
        f->tsc += c->sys.base_ns + c->insns + t->budget;
}

static void take_system(struct trans *t)
{
    const struct trans_frame *f = t->frame;
    struct soft_cpu *c = t->c;

    c->s.rflags = f->rflags;
    c->s.events.shadow = (uint8_t)f->shadow;
    c->s.seg[X86_FS].base = f->seg_base[0];
    c->s.seg[X86_GS].base = f->seg_base[1];
}

static void enter(struct trans *t, const struct resume *at, uint64_t budget)
{
    struct trans_frame *f = t->frame;
    struct soft_cpu *c = t->c;

    trans_note_looked(t, c->s.rip);
    f->entry = at->host;
    f->budget = budget + at->done;
    t->budget = budget;
    f->flags = flags_to_frame(c->s.rflags);
    give_system(t);
    trans_simd_begin(t, at->simd);
    trans_enter(f);
    t->stats.leaves++;
}

static void take_flags(struct trans *t, const struct site *s)
{
    struct soft_cpu *c = t->c;
    uint64_t in_frame = t->frame->flags;

    if (s->flags == FLAGS_HOST)
        c->s.rflags |= flags_from_frame(t->frame->leave_flags);
    else if (s->flags == FLAGS_RECIPE)
        c->s.rflags |= recipe_flags(s->recipe, c->s.gpr, NULL);
    else if (s->flags == FLAGS_FRAME && in_frame & RECIPE_MARK)
        c->s.rflags |= recipe_flags((uint32_t)in_frame, c->s.gpr, t->frame->kept);
    else if (s->flags == FLAGS_FRAME)
        c->s.rflags |= flags_from_frame(in_frame);
}

/* What comes after a leave. */
enum next {
    NEXT_LOOKUP, /* the block at rip */
    NEXT_LINK,   /* and lets the site go there from now on */
    NEXT_RETRY,  /* the instruction of the site again */
    NEXT_STEP,   /* the interpreter for one instruction */
    NEXT_REP,    /* the same, a REP that may be done at once */
    NEXT_FAULT,  /* the instruction's first access has raised #PF, and it has done nothing else */
    NEXT_PAUSE,  /* the same, and it is waiting for another vCPU */
    NEXT_COLD,   /* the interpreter up to a branch */
    NEXT_RETURN, /* to the caller, who has something to look at */
    NEXT_EXIT,   /* the same, and the vCPU's exit is filled */
};

/* What the table says about the page from now on. False: nothing new, or it has to be looked at each time. */
static bool fill_page(struct trans *t, const struct site *s, uint64_t linear,
                      const struct soft_tlb_entry *e)
{
    enum trans_access access = (enum trans_access)s->how;
    unsigned how = access == TRANS_WRITE ? HOW_WRITE : HOW_READ;

    if (e->host == NULL || e->watched & how || linear % PAGE + s->size > PAGE ||
        !((e->allow[t->c->bank] | e->held[t->c->bank]) & how))
        return false;
    if (access == TRANS_WRITE &&
        (trans_has_code(t, e->gpa) ||
         (t->check != NULL &&
          !check_page(t, e->host, trans_page_number(t->c->bank, access, linear)))))
        return false;
    return trans_page_fill(t, linear, access, e);
}

/* #PF is what the interpreter would raise too, and nobody wants to see it do so. */
static bool faults_here(const struct trans *t, const struct site *s, uint64_t linear)
{
    return s->certain && t->check == NULL && linear % PAGE + s->size <= PAGE;
}

static enum next miss(struct trans *t, const struct site *s)
{
    struct soft_cpu *c = t->c;
    uint64_t linear = t->frame->data;
    struct soft_place place;

    if (!x86_canonical(linear) || linear % s->align != 0)
        return NEXT_STEP;
    if (!soft_translate(c, linear, s->how == TRANS_WRITE ? HOW_WRITE : HOW_READ, c->bank, &place))
        return faults_here(t, s, linear) ? NEXT_FAULT : NEXT_STEP;
    return fill_page(t, s, linear, &c->tlb[linear / PAGE % SOFT_TLB]) ? NEXT_RETRY : NEXT_STEP;
}

static enum next indirect(struct trans *t, const struct site *s)
{
    struct soft_cpu *c = t->c;

    if (!x86_canonical(t->frame->data)) {
        c->insns += s->insn;
        return NEXT_STEP; /* #GP comes before RSP moves */
    }
    c->s.rip = t->frame->data;
    c->insns += s->executed;
    if (s->pop != 0)
        soft_set_gpr(c, X86_RSP, c->stack_bits / 8u, c->s.gpr[X86_RSP] + s->pop);
    return NEXT_LINK;
}

/* RIP is at the instruction of the site. */
static enum next after_site(struct trans *t, const struct site *s)
{
    struct soft_cpu *c = t->c;

    switch ((enum site_kind)s->kind) {
    case SITE_BUDGET:
        break;
    case SITE_EDGE: /* has counted */
        c->s.rip = s->target;
        return NEXT_LINK;
    case SITE_INDIRECT:
    case SITE_RET:
        return indirect(t, s);
    case SITE_MISS:
        c->insns += s->executed;
        return miss(t, s);
    case SITE_SIMD:
        return NEXT_COLD;
    case SITE_REP:
        c->insns += s->executed;
        return NEXT_REP;
    case SITE_PAUSE:
        c->insns += s->executed;
        return NEXT_PAUSE;
    case SITE_SEGMENT:
    case SITE_STEP:
        c->insns += s->executed;
        return NEXT_STEP;
    }
    return NEXT_LOOKUP;
}

static enum next after_leave(struct trans *t, const struct site *s)
{
    const struct block *b = &t->store->block[s->block];
    struct soft_cpu *c = t->c;
    uint64_t before = c->insns;
    enum next next;

    take_system(t);
    take_flags(t, s);
    trans_simd_end(t);
    c->insns += t->budget - t->frame->budget;
    c->s.rip = b->rip + t->store->bound[b->bounds + s->insn].guest;
    next = after_site(t, s);
    if (c->insns > t->frame->rf_from)
        c->s.rflags &= ~(uint64_t)X86_RFLAGS_RF;
    t->stats.insns += c->insns - before;
    return next;
}

static struct resume resume_at(const struct trans *t, const struct block *b, unsigned insn)
{
    return (struct resume){ .host = t->store->cache.rx + t->store->bound[b->bounds + insn].host,
                            .simd = b->simd,
                            .done = insn };
}

/* After the interpreter has executed instruction `insn` of b. */
static bool goes_on_in(struct trans *t, const struct block *b, unsigned insn)
{
    const struct soft_cpu *c = t->c;

    return !b->dead && insn + 1u < b->ninsns &&
           c->s.rip == b->rip + t->store->bound[b->bounds + insn + 1].guest &&
           trans_mode(c) == b->mode && (b->simd & ~trans_simd_allowed(t)) == 0;
}

/* ---- the loop ---------------------------------------------------------------------------------- */

/* What must not be passed; an instruction that the interpreter executed may have changed it. */
static uint64_t limit_now(const struct trans *t)
{
    return t->exact && t->end < t->c->limit ? t->end : t->c->limit;
}

/*
 * How many instructions translated code may be entered with; false: none. A block that is entered may
 * execute BLOCK_INSNS more than that, which must not go past the limit.
 */
static bool budget_now(const struct trans *t, uint64_t *budget)
{
    const struct soft_cpu *c = t->c;

    if (c->insns >= t->end || limit_now(t) - c->insns < BLOCK_INSNS)
        return false;
    *budget = t->end - c->insns;
    if (*budget > limit_now(t) - c->insns - BLOCK_INSNS)
        *budget = limit_now(t) - c->insns - BLOCK_INSNS;
    return true;
}

/* Between two instructions. False: everything has been thrown away meanwhile. */
static bool look(struct trans *t)
{
    uint64_t resets = t->store->resets;

    soft_world_look(t->c);
    trans_catch_up(t);
    return resets == t->store->resets;
}

/* A vCPU that waits for another one may keep it from running. */
static void pause_now(struct trans *t)
{
    if (++t->pauses % PAUSES == 0)
        sched_yield();
}

/* What has been executed is compared: `next`, unless that has another outcome. */
static enum next checked(struct trans *t, enum next next, bool must)
{
    if (t->check == NULL)
        return next;
    switch (check_end(t, must)) {
    case CHECK_SAME:
        return next;
    case CHECK_AGAIN:
        return NEXT_LOOKUP;
    case CHECK_DIFFERS:
        break;
    }
    t->c->vcpu->exit = (struct cpu_exit){ .kind = EXIT_KICKED };
    return NEXT_EXIT;
}

/* trans_rep; *next stays unless it has been checked, with another outcome. False: none. */
static bool repeat(struct trans *t, uint64_t most, enum next *next)
{
    uint64_t room = t->check != NULL ? CHECK_REP : REP_MOST;
    bool done;

    if (!check_hold(t))
        return false;
    if (t->check != NULL)
        check_begin(t, 0);
    done = trans_rep(t, most < room ? most : room);
    *next = checked(t, *next, true);
    return done;
}

/* The interpreter has executed an instruction of b. */
static void note_own(struct trans *t, const struct block *b)
{
    if (!b->dead)
        return;
    trans_lock(t->store);
    trans_note_own(t->store, b);
    trans_unlock(t->store);
}

/* The interpreter's turn in the middle of b. *at is where to go on, if that is in the block. */
static enum next step(struct trans *t, const struct block *b, unsigned insn, enum next how,
                      struct resume *at)
{
    uint64_t most = limit_now(t) - t->c->insns, resets = t->store->resets;
    uint64_t flushes = t->c->flushes;
    enum next checked = NEXT_RETRY;

    if (how == NEXT_PAUSE)
        pause_now(t);
    if (how != NEXT_REP || !repeat(t, most, &checked)) {
        t->stats.steps++;
        if (!soft_advance(t->c))
            return NEXT_EXIT;
    }
    if (resets == t->store->resets)
        note_own(t, b);
    if (checked != NEXT_RETRY)
        return checked;
    if (wanted(t->c))
        return NEXT_RETURN;
    if (!look(t) || resets != t->store->resets || flushes != t->c->flushes ||
        !goes_on_in(t, b, insn))
        return NEXT_LOOKUP;
    *at = resume_at(t, b, insn + 1);
    return NEXT_RETRY;
}

/* On to the block at rip, which the site is linked to; NEXT_RETRY when there is one. */
static enum next follow(struct trans *t, uint32_t number, struct resume *at)
{
    const struct block *to = trans_block_at(t, t->c->s.rip, number);

    if (to == NULL)
        return NEXT_LOOKUP;
    *at = (struct resume){ .host = t->store->cache.rx + to->entry };
    return NEXT_RETRY;
}

/* To the handler of what has been raised. */
static enum next fault(struct trans *t, struct resume *at)
{
    const struct block *handler;

    if (!soft_end_in_fault(t->c))
        return NEXT_EXIT;
    if (wanted(t->c))
        return NEXT_RETURN;
    handler = trans_block_at(t, t->c->s.rip, BLOCK_NONE);
    if (handler == NULL)
        return NEXT_LOOKUP;
    *at = (struct resume){ .host = t->store->cache.rx + handler->entry };
    return NEXT_RETRY;
}

/* After translated code has been left: what its site asks for. */
static enum next go_on(struct trans *t, struct resume *at)
{
    uint32_t number = (uint32_t)t->frame->site;
    const struct site *s = &t->store->site[number];
    const struct block *b;
    enum next next;

    /* Another vCPU's jump may have led here: what it knew of the place is known from now on. */
    (void)atomic_load_explicit(&t->store->published, memory_order_acquire);
    b = &t->store->block[s->block];
    next = after_leave(t, s);
    next = checked(t, next, next != NEXT_RETRY && next != NEXT_LINK);
    switch (next) {
    case NEXT_RETRY:
        *at = resume_at(t, b, s->insn);
        return next;
    case NEXT_STEP:
    case NEXT_REP:
    case NEXT_PAUSE:
        return step(t, b, s->insn, next, at);
    case NEXT_LINK:
        return follow(t, number, at);
    case NEXT_FAULT:
        return fault(t, at);
    default:
        return next;
    }
}

/* Other vCPUs that stand still from now on have not changed what has been found before; nor has look. */
static bool look_alone(struct trans *t)
{
    uint64_t changes = t->changes_seen;

    return t->check == NULL ? look(t) : check_hold(t) && look(t) && t->changes_seen == changes;
}

/* From b on, as long as it goes. */
static enum next run_blocks(struct trans *t, const struct block *b)
{
    struct resume at = { .host = t->store->cache.rx + b->entry };
    enum next next;
    uint64_t budget;

    do {
        if (!look_alone(t) || !budget_now(t, &budget))
            return NEXT_LOOKUP;
        if (t->check != NULL)
            budget = check_begin(t, budget);
        enter(t, &at, budget);
        next = go_on(t, &at);
    } while (next == NEXT_RETRY);
    return next;
}

/* Instructions that have fast handlers; past branches where their targets are not worth a look either. */
static enum next run_fast(struct trans *t)
{
    struct soft_cpu *c = t->c;
    uint64_t before = c->insns, left = limit_now(t) - before;

    if (t->restless)
        soft_burst(c, left < RESTLESS_RUN ? left : RESTLESS_RUN);
    else
        soft_burst_to_branch(c, left < COLD_RUN ? left : COLD_RUN);
    return c->insns != before ? NEXT_LOOKUP : NEXT_RETURN;
}

/* Some instructions the ordinary way, up to a branch. */
static enum next run_cold(struct trans *t)
{
    struct soft_cpu *c = t->c;
    uint64_t rip;

    if (c->code_bits == 64)
        return run_fast(t);
    for (unsigned i = 0; i < COLD_RUN && c->insns < limit_now(t); i++) {
        rip = c->s.rip;
        if (!soft_advance(c))
            return NEXT_EXIT;
        if (wanted(c))
            return NEXT_RETURN;
        (void)look(t);
        if (c->s.rip - rip - 1 >= X86_INSN_MAX)
            break;
    }
    return NEXT_LOOKUP;
}

/* Up to t->end. False: as trans_burst. */
static bool burst(struct trans *t)
{
    struct soft_cpu *c = t->c;
    uint64_t unused;

    while (c->insns < t->end && c->insns < limit_now(t) && !wanted(c) && c->cpl % 3 == 0) {
        const struct block *b = NULL;
        enum next next;

        (void)look(t);
        if (check_hold(t) && budget_now(t, &unused))
            b = trans_block_at(t, c->s.rip, BLOCK_NONE);
        next = checked(t, b != NULL ? run_blocks(t, b) : NEXT_COLD, true);
        if (next == NEXT_COLD)
            next = run_cold(t);
        if (next == NEXT_RETURN || next == NEXT_EXIT)
            return next == NEXT_RETURN;
    }
    return true;
}

bool trans_burst(struct trans *t, uint64_t budget, bool exact)
{
    bool goes_on;

    t->end = t->c->insns + budget;
    t->exact = exact;
    t->pauses = 0;
    if (t->points.version != t->c->points.version)
        trans_points_take(t);
    goes_on = burst(t);
    check_let_go(t);
    return goes_on;
}
