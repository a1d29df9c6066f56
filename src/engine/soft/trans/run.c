/* SPDX-License-Identifier: MIT */
/*
 * run.c - between pieces of translated code: which block is next, and why the last one was left
 */
#include "engine/soft/trans/block.h"

#include <cpuid.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "engine/soft/attend.h"
#include "engine/soft/fast.h"
#include "engine/soft/fpu.h"
#include "engine/soft/insn_trace.h"
#include "engine/soft/mmu.h"
#include "engine/soft/run.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/check.h"
#include "engine/soft/trans/scan.h"

enum { PAGE = 4096, CACHE_LEN = 32 << 20, XCR0_SSE_AVX = 6, COLD_RUN = 64 /* instructions */ };
enum { REP_MOST = 65536 /* elements between two looks at kicks */, CHECK_REP = 4096 };

/* ---- life ------------------------------------------------------------------------------------- */

static uint64_t memory_end(const struct mem *m)
{
    uint64_t end = 0;

    for (size_t i = 0; i < m->nslots; i++) {
        if (m->slot[i].base + m->slot[i].len > end)
            end = m->slot[i].base + m->slot[i].len;
    }
    return end;
}

/* LAHF in 64-bit mode; the vector state, if XSAVE is there to move it. */
static bool host_can(struct trans *t)
{
    unsigned a, b, c, d, xcr0, high;

    if (!__get_cpuid(0x80000001, &a, &b, &c, &d) || !(c & 1))
        return false;
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return false;
    if (c & bit_OSXSAVE) {
        __asm__("xgetbv" : "=a"(xcr0), "=d"(high) : "c"(0));
        if (xcr0 & FX_SSE)
            t->host_simd = TRANS_SIMD_SSE | (xcr0 & FX_AVX ? TRANS_SIMD_AVX : 0);
    }
    return true;
}

static int make_tables(struct trans *t, struct vitro_err *err)
{
    size_t len = TRANS_STACK + ((sizeof(struct trans_frame) + 63) & ~(size_t)63);
    uint64_t npages = memory_end(&t->c->vcpu->m->mem) / PAGE;

    t->code = calloc(1, sizeof(*t->code) + npages);
    t->stack = aligned_alloc(64, len);
    t->block = calloc(BLOCKS_MAX, sizeof(*t->block));
    t->site = calloc(SITES_MAX, sizeof(*t->site));
    t->bound = calloc(BOUNDS_MAX, sizeof(*t->bound));
    if (t->code == NULL || t->stack == NULL || t->block == NULL || t->site == NULL ||
        t->bound == NULL)
        return err_set(err, -ENOMEM, "making a translator: out of memory");
    t->code->npages = npages;
    t->frame = (struct trans_frame *)(void *)(t->stack + TRANS_STACK);
    memset(t->frame, 0, sizeof(*t->frame));
    t->frame->gpr = t->c->s.gpr;
    t->frame->xsave = t->c->s.xsave;
    t->frame->leave = (const void *)trans_leave;
    t->frame->simd_load = (const void *)trans_simd_load;
    return 0;
}

int trans_new(struct soft_cpu *c, const struct trans_config *config, struct trans **out,
              struct vitro_err *err)
{
    struct trans *t = calloc(1, sizeof(*t));
    int rc;

    if (t == NULL)
        return err_set(err, -ENOMEM, "making a translator: out of memory");
    t->c = c;
    t->config = *config;
    if (config->check && (t->check = check_new()) == NULL) {
        trans_free(t);
        return err_set(err, -ENOMEM, "making a translator: out of memory");
    }
    if (!host_can(t))
        rc = err_set(err, -ENOTSUP, "translating code: the host's CPU lacks LAHF in 64-bit mode");
    else if ((rc = make_tables(t, err)) == 0)
        rc = trans_cache_open(&t->cache, config->cache_len != 0 ? config->cache_len : CACHE_LEN,
                              err);
    if (rc < 0) {
        trans_free(t);
        return rc;
    }
    t->nfilled = UINT32_MAX; /* nothing is free yet */
    trans_reset(t);
    t->stats.resets = 0;
    c->vcpu->m->mem.code = t->code;
    *out = t;
    return 0;
}

void trans_free(struct trans *t)
{
    if (t == NULL)
        return;
    if (t->c->vcpu->m->mem.code == t->code)
        t->c->vcpu->m->mem.code = NULL;
    trans_cache_close(&t->cache);
    check_free(t->check);
    free(t->bound);
    free(t->site);
    free(t->block);
    free(t->stack);
    free(t->code);
    free(t);
}

int trans_failure(const struct trans *t, struct vitro_err *err)
{
    return t->check != NULL ? check_failure(t->check, err) : 0;
}

bool trans_failed_at(const struct trans *t, uint64_t *rip)
{
    return t->check != NULL && check_found(t->check, rip);
}

void trans_stats_get(const struct trans *t, struct trans_stats *out)
{
    *out = t->stats;
}

/* ---- what translated code relies on ------------------------------------------------------------ */

/* XRSTOR takes the guest's image, and nothing that is executed raises a numeric exception. */
static bool image_is_plain(const struct soft_fx *fx)
{
    uint64_t odd = fx->xstate_bv & ~(uint64_t)FX_ALL;

    for (unsigned i = 0; i < ARRAY_LEN(fx->reserved2); i++)
        odd |= fx->reserved2[i];
    return odd == 0 && fx->xcomp_bv == 0 && !(fx->mxcsr & ~(unsigned)MXCSR_MASK) &&
           (fx->mxcsr & MXCSR_MASKS) == MXCSR_MASKS;
}

/*
 * What may be translated code's now. A component in its initial state stays the interpreter's until that has used it:
 * then its bytes in the image are what they would be without translation.
 */
static unsigned simd_allowed(const struct trans *t)
{
    const struct soft_cpu *c = t->c;
    const struct soft_fx *fx = (const struct soft_fx *)(const void *)c->s.xsave;
    unsigned allowed = 0;

    if (c->s.cr0 & (X86_CR0_EM | X86_CR0_TS) || !(c->s.cr4 & X86_CR4_OSFXSR) ||
        c->s.xsave_len < FX_BYTES || !(fx->xstate_bv & FX_SSE) || !image_is_plain(fx))
        return 0;
    allowed = TRANS_SIMD_SSE;
    if (fx->xstate_bv & FX_AVX && c->s.cr4 & X86_CR4_OSXSAVE &&
        (c->s.xcr0 & XCR0_SSE_AVX) == XCR0_SSE_AVX)
        allowed |= TRANS_SIMD_AVX;
    return allowed & t->host_simd;
}

static void catch_up(struct trans *t)
{
    if (atomic_load_explicit(&t->code->written, memory_order_relaxed))
        trans_look_for_writes(t);
    if (t->flushes_seen == t->c->flushes)
        return;
    t->flushes_seen = t->c->flushes;
    trans_pages_free(t);
}

/* The caller has to look at something between two instructions. */
static bool wanted(const struct soft_cpu *c)
{
    return atomic_load_explicit(&c->kicked, memory_order_relaxed) || soft_may_attend(c) ||
           soft_traces(c) || c->hit.how != 0 || !soft_fast_ready(c);
}

/* ---- blocks ----------------------------------------------------------------------------------- */

/* *fresh: it was not there; NULL: for the interpreter. */
static struct block *block_at(struct trans *t, uint64_t rip)
{
    struct soft_cpu *c = t->c;
    const uint8_t *host;
    struct block *b;
    unsigned left, reluctance;
    uint64_t gpa;
    uint8_t *count;

    if ((uint64_t)((int64_t)(rip << 16) >> 16) != rip || !soft_fetch(c, rip, &host, &left, &gpa) ||
        host == NULL)
        return NULL;
    b = trans_find(t, rip, gpa, c->bank);
    if (b != NULL)
        return b;
    count = &t->counter[(gpa ^ gpa >> 14) % COUNTERS];
    reluctance = trans_reluctance(t, gpa);
    if (reluctance == UINT_MAX)
        return NULL;
    if (*count < t->config.threshold + reluctance) {
        ++*count;
        return NULL;
    }
    return trans_build(t, rip, gpa, host, c->bank);
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

static void enter(struct trans *t, const struct resume *at, uint64_t budget)
{
    const struct soft_fx *fx = (const struct soft_fx *)(const void *)t->c->s.xsave;
    struct trans_frame *f = t->frame;
    struct soft_cpu *c = t->c;

    f->entry = at->host;
    f->budget = budget + at->done;
    t->budget = budget;
    f->flags = flags_to_frame(c->s.rflags);
    f->seg_base[0] = c->s.seg[X86_FS].base;
    f->seg_base[1] = c->s.seg[X86_GS].base;
    f->wanted = at->simd;
    f->simd_allowed = simd_allowed(t);
    f->simd_mask = FX_SSE | (f->simd_allowed & TRANS_SIMD_AVX ? FX_AVX : 0);
    t->mxcsr_mask = fx->mxcsr_mask;
    t->xstate_bv = fx->xstate_bv;
    if (f->host_mxcsr == 0)
        __asm__ volatile("stmxcsr %0" : "=m"(f->host_mxcsr));
    trans_enter(f);
    t->stats.leaves++;
}

static void take_flags(struct trans *t, const struct site *s)
{
    struct soft_cpu *c = t->c;
    uint64_t flags = 0; /* what nobody reads */

    if (s->flags == FLAGS_HOST)
        flags = flags_from_frame(t->frame->leave_flags);
    else if (s->flags == FLAGS_FRAME)
        flags = flags_from_frame(t->frame->flags);
    c->s.rflags = (c->s.rflags & ~(uint64_t)FLAGS_ALL) | flags;
}

/* XSAVE tells what is not in its initial state; the interpreter, what has been used. */
static void take_simd(struct trans *t)
{
    struct soft_fx *fx = (struct soft_fx *)(void *)t->c->s.xsave;

    if (t->frame->simd == 0)
        return;
    fx->mxcsr_mask = t->mxcsr_mask; /* XSAVE has written the host's */
    fx->xstate_bv |= t->xstate_bv;
    t->frame->simd = 0;
}

static bool canonical(uint64_t linear)
{
    return (uint64_t)((int64_t)(linear << 16) >> 16) == linear;
}

/* What comes after a leave. */
enum next {
    NEXT_LOOKUP, /* the block at rip */
    NEXT_LINK,   /* and lets the site go there from now on */
    NEXT_RETRY,  /* the instruction of the site again */
    NEXT_STEP,   /* the interpreter for one instruction */
    NEXT_REP,    /* the same, a REP that may be done at once */
    NEXT_RETURN, /* to the caller, who has something to look at */
    NEXT_EXIT,   /* the same, and the vCPU's exit is filled */
};

static enum next miss(struct trans *t, const struct site *s)
{
    struct soft_cpu *c = t->c;
    uint64_t linear = t->frame->data;
    struct soft_place place;

    if (!canonical(linear) || linear % s->align != 0 ||
        !soft_translate(c, linear, s->how == TRANS_WRITE ? HOW_WRITE : HOW_READ, c->bank, &place))
        return NEXT_STEP;
    return trans_page_fill(t, linear, s->size, (enum trans_access)s->how,
                           &c->tlb[linear / PAGE % SOFT_TLB])
               ? NEXT_RETRY
               : NEXT_STEP;
}

static enum next indirect(struct trans *t, const struct site *s, uint64_t at)
{
    struct soft_cpu *c = t->c;

    if (!canonical(t->frame->data)) {
        c->s.rip = at;
        c->insns += s->insn;
        return NEXT_STEP; /* #GP comes before RSP moves */
    }
    c->s.rip = t->frame->data;
    c->insns += s->executed;
    c->s.gpr[X86_RSP] += s->pop;
    return NEXT_LINK;
}

static enum next after_leave(struct trans *t, const struct site *s)
{
    const struct block *b = &t->block[s->block];
    struct soft_cpu *c = t->c;
    uint64_t at = b->rip + t->bound[b->bounds + s->insn].guest, before = c->insns;
    enum next next = NEXT_LOOKUP;

    take_flags(t, s);
    take_simd(t);
    c->insns += t->budget - t->frame->budget;
    c->s.rip = at;
    switch ((enum site_kind)s->kind) {
    case SITE_BUDGET:
        break;
    case SITE_EDGE: /* has counted */
        c->s.rip = s->target;
        next = NEXT_LINK;
        break;
    case SITE_INDIRECT:
    case SITE_RET:
        next = indirect(t, s, at);
        break;
    case SITE_MISS:
        c->insns += s->executed;
        next = miss(t, s);
        break;
    case SITE_SIMD:
        next = NEXT_STEP;
        break;
    case SITE_REP:
        c->insns += s->executed;
        next = NEXT_REP;
        break;
    case SITE_STEP:
        c->insns += s->executed;
        next = NEXT_STEP;
        break;
    }
    t->stats.insns += c->insns - before;
    return next;
}

static struct resume resume_at(const struct trans *t, const struct block *b, unsigned insn)
{
    return (struct resume){ .host = t->cache.rx + t->bound[b->bounds + insn].host,
                            .simd = b->simd,
                            .done = insn };
}

/* After the interpreter has executed instruction `insn` of b. */
static bool goes_on_in(struct trans *t, const struct block *b, unsigned insn)
{
    const struct soft_cpu *c = t->c;

    return !b->dead && insn + 1u < b->ninsns &&
           c->s.rip == b->rip + t->bound[b->bounds + insn + 1].guest &&
           t->flushes_seen == c->flushes && c->bank == b->bank && (b->simd & ~simd_allowed(t)) == 0;
}

/* ---- the loop ---------------------------------------------------------------------------------- */

static void link(struct trans *t, uint32_t number, const struct block *to)
{
    const struct site *s = &t->site[number];

    if (t->block[s->block].dead || t->block[s->block].bank != to->bank)
        return;
    if (s->kind == SITE_EDGE)
        trans_link(t, number, to);
    else
        trans_indirect_fill(t, to->rip, to);
}

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

/* Some instructions the ordinary way; false when that could not begin. */
static bool run_cold(struct trans *t)
{
    struct soft_cpu *c = t->c;
    uint64_t before = c->insns, left = limit_now(t) - before;

    soft_burst_to_branch(c, left < COLD_RUN ? left : COLD_RUN);
    return c->insns != before;
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

    if (t->check != NULL)
        check_begin(t, 0);
    done = trans_rep(t, most < room ? most : room);
    *next = checked(t, *next, true);
    return done;
}

/* The interpreter's turn in the middle of b. *at is where to go on, if that is in the block. */
static enum next step(struct trans *t, const struct block *b, unsigned insn, bool rep,
                      struct resume *at)
{
    uint64_t most = limit_now(t) - t->c->insns;

    enum next checked = NEXT_RETRY;

    if (!rep || !repeat(t, most, &checked)) {
        t->stats.steps++;
        if (!soft_advance(t->c))
            return NEXT_EXIT;
    }
    if (checked != NEXT_RETRY)
        return checked;
    if (wanted(t->c))
        return NEXT_RETURN;
    catch_up(t);
    if (!goes_on_in(t, b, insn))
        return NEXT_LOOKUP;
    *at = resume_at(t, b, insn + 1);
    return NEXT_RETRY;
}

/* On to the block at rip, which the site is linked to; NEXT_RETRY when there is one. */
static enum next follow(struct trans *t, uint32_t number, struct resume *at)
{
    uint64_t resets = t->stats.resets;
    const struct block *to = block_at(t, t->c->s.rip);

    if (to == NULL)
        return NEXT_LOOKUP;
    if (resets == t->stats.resets)
        link(t, number, to);
    *at = (struct resume){ .host = t->cache.rx + to->entry };
    return NEXT_RETRY;
}

/* From b on, as long as it goes. */
static enum next run_blocks(struct trans *t, const struct block *b)
{
    struct resume at = { .host = t->cache.rx + b->entry };
    enum next next;
    uint64_t budget;

    do {
        const struct site *s;
        uint32_t number;

        if (!budget_now(t, &budget))
            return NEXT_LOOKUP;
        if (t->check != NULL)
            budget = check_begin(t, budget);
        enter(t, &at, budget);
        number = (uint32_t)t->frame->site;
        s = &t->site[number];
        b = &t->block[s->block];
        next = after_leave(t, s);
        next = checked(t, next, next != NEXT_RETRY && next != NEXT_LINK);
        if (next == NEXT_RETRY)
            at = resume_at(t, b, s->insn);
        else if (next == NEXT_STEP || next == NEXT_REP)
            next = step(t, b, s->insn, next == NEXT_REP, &at);
        else if (next == NEXT_LINK)
            next = follow(t, number, &at);
    } while (next == NEXT_RETRY);
    return next;
}

bool trans_burst(struct trans *t, uint64_t budget, bool exact)
{
    struct soft_cpu *c = t->c;
    uint64_t unused;

    t->end = c->insns + budget;
    t->exact = exact;
    while (c->insns < t->end && c->insns < limit_now(t) && !wanted(c) && c->cpl % 3 == 0) {
        const struct block *b = NULL;
        enum next next;

        catch_up(t);
        if (budget_now(t, &unused))
            b = block_at(t, c->s.rip);
        if (b == NULL) {
            if (!run_cold(t))
                return true;
            continue;
        }
        next = checked(t, run_blocks(t, b), true);
        if (next == NEXT_RETURN || next == NEXT_EXIT)
            return next == NEXT_RETURN;
    }
    return true;
}
