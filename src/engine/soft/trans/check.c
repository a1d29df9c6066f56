/* SPDX-License-Identifier: MIT */
/*
 * check.c - see check.h
 *
 * Memory is taken back page by page: a page is copied before translated code or the interpreter may write it.
 * So nobody has an entry for writing from before the piece: those of translated code are freed at its end,
 * and the interpreter's come by check_store each time (mmu.c holds them).
 */
#include "engine/soft/trans/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/soft/fpu.h"
#include "engine/soft/mmu.h"
#include "engine/soft/run.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/block.h"
#include "engine/soft/trans/scan.h"
#include "engine/soft/world.h"

enum { PAGE = 4096, PAGES = 64, MARKS = 64, PIECE = 512 /* instructions */ };
enum {
    SPARE =
        24 /* of both that are free when an access is looked up: more than it and the interpreter's fetches take */
};
enum { TURN = 32 /* pieces */ };

struct written {
    uint8_t *host;
    uint64_t gpa;
    uint8_t before[PAGE];
    uint8_t after[PAGE]; /* what translated code has made of it */
};

struct check {
    bool open;      /* a piece is under way */
    bool overflow;  /* there was no room for what has been written */
    uint64_t piece; /* instructions; 0: one block */
    uint64_t alone; /* soft_cpu.insns up to where blocks are executed one by one */
    uint64_t insns; /* at its beginning */
    struct x86_state before, after;
    struct soft_msrs msrs_before, msrs_after;
    unsigned held; /* pieces since other vCPUs stand still */
    unsigned npages, nentries, nmarks;
    struct written page[PAGES];
    uint32_t entry[PAGES]; /* of the table of pages, for writing */
    uint64_t mark[MARKS];  /* entries of page tables in which the CPU has set bits */
    struct check_stats stats;
    char what[160];  /* the difference; empty: none so far */
    char first[160]; /* the same of the piece that is now executed block by block */
    uint64_t found, first_found;
};

struct check *check_new(void)
{
    struct check *k = aligned_alloc(64, (sizeof(*k) + 63) & ~(size_t)63);

    if (k == NULL)
        return NULL;
    memset(k, 0, sizeof(*k));
    k->piece = PIECE;
    return k;
}

void check_free(struct check *k)
{
    free(k);
}

void check_stats_get(const struct check *k, struct check_stats *out)
{
    *out = k->stats;
}

static int say(const char *what, struct vitro_err *err)
{
    return what[0] != '\0' ? err_class(err, VITRO_ERR_ENGINE, -EILSEQ, "%s", what) : 0;
}

int check_failure(const struct check *k, struct vitro_err *err)
{
    return say(k->what, err);
}

int check_end_of_run(const struct check *k, struct vitro_err *err)
{
    return say(k->what[0] != '\0' ? k->what : k->first, err);
}

bool check_found(const struct check *k, uint64_t *rip)
{
    *rip = k->what[0] != '\0' ? k->found : k->first_found;
    return k->what[0] != '\0' || k->first[0] != '\0';
}

/* ---- pages ------------------------------------------------------------------------------------ */

static bool keep_page(struct trans *t, uint8_t *host, uint64_t gpa)
{
    struct check *k = t->check;
    struct written *w = &k->page[k->npages];

    for (unsigned i = 0; i < k->npages; i++) {
        if (k->page[i].host == host)
            return true;
    }
    if (k->npages == PAGES)
        return false;
    w->host = host;
    w->gpa = gpa;
    memcpy(w->before, host, PAGE);
    memcpy(w->after, host, PAGE);
    k->npages++;
    return true;
}

bool check_page(struct trans *t, uint8_t *host, uint32_t number)
{
    struct check *k = t->check;
    const struct mem *m = &t->c->vcpu->m->mem;

    for (size_t i = 0; i < m->nslots; i++) {
        if (host < m->slot[i].host || (uint64_t)(host - m->slot[i].host) >= m->slot[i].len)
            continue;
        if (k->nentries == PAGES ||
            !keep_page(t, host, m->slot[i].base + (uint64_t)(host - m->slot[i].host)))
            return false;
        k->entry[k->nentries++] = number;
        return true;
    }
    return false;
}

void check_store(struct trans *t, uint64_t gpa, uint64_t len)
{
    const struct mem *m = &t->c->vcpu->m->mem;

    if (!t->check->open)
        return;
    for (uint64_t page = gpa - gpa % PAGE; page < gpa + len; page += PAGE) {
        const struct mem_slot *slot = mem_slot_at(m, page);

        if (slot != NULL && !keep_page(t, slot->host + (page - slot->base), page))
            t->check->overflow = true;
    }
}

void check_mark(struct trans *t, uint64_t gpa)
{
    struct check *k = t->check;

    if (!k->open)
        return;
    check_store(t, gpa, 1);
    for (unsigned i = 0; i < k->nmarks; i++) {
        if (k->mark[i] == gpa)
            return; /* the interpreter's turn */
    }
    if (k->nmarks == MARKS)
        k->overflow = true;
    else
        k->mark[k->nmarks++] = gpa;
}

/* Forward or back; what is there is kept when it is the first time. */
static void take_back(struct check *k, bool keep)
{
    for (unsigned i = 0; i < k->npages; i++) {
        struct written *w = &k->page[i];

        if (keep)
            memcpy(w->after, w->host, PAGE);
        memcpy(w->host, w->before, PAGE);
    }
}

/* ---- comparing -------------------------------------------------------------------------------- */

/* Where the instruction at RIP goes on, of which the page has so many bytes; NULL: it ends there, or nobody knows. */
static const uint8_t *goes_on_at(struct soft_cpu *c, const uint8_t *host, unsigned left)
{
    uint64_t next = c->s.rip - c->s.rip % PAGE + PAGE, gpa;
    const uint8_t *next_host;
    struct x86_insn in;

    if (left >= X86_INSN_MAX ||
        x86_decode(host, left, c->code_bits == 64 ? X86_CODE_64 : X86_CODE_32, &in) !=
            X86_DECODE_NEED_MORE ||
        !soft_fetch(c, next, &next_host, &left, &gpa))
        return NULL;
    return next_host;
}

/* Arithmetic flags that somebody may read from rip on: the others need not be right. */
static unsigned live_flags(struct trans *t)
{
    struct soft_cpu *c = t->c;
    uint8_t copy[PAGE];
    struct scan s = { .copy = copy,
                      .rip = c->s.rip,
                      .begin = (unsigned)(c->s.rip % PAGE),
                      .simd_host = t->store->host_simd,
                      .shifts_kill = t->store->shifts_kill,
                      .c = c,
                      .exact = t->store->exact_flags };
    const uint8_t *host;
    unsigned left;
    uint64_t gpa;

    scan_set_mode(&s, trans_mode(c));
    if (t->store->exact_flags || !soft_fetch(c, c->s.rip, &host, &left, &gpa) || host == NULL)
        return FLAGS_ALL;
    s.page = host - s.begin;
    s.next_page = goes_on_at(c, host, left);
    trans_scan(&s);
    return s.insn[0].live;
}

static void differs(struct check *k, const char *name, uint64_t is, uint64_t should)
{
    if (k->what[0] != '\0')
        return;
    k->found = k->before.rip;
    snprintf(k->what, sizeof(k->what),
             "translated code at 0x%" PRIx64 ": %s is 0x%" PRIx64 ", the interpreter's 0x%" PRIx64,
             k->found, name, is, should);
}

static void compare_segments(struct check *k, const struct x86_state *b)
{
    for (unsigned i = 0; i < X86_NSREG; i++) {
        const struct x86_seg *x = &k->after.seg[i], *y = &b->seg[i];

        if (x->base != y->base)
            differs(k, "the base of a segment", x->base, y->base);
        if (x->selector != y->selector || x->dpl != y->dpl)
            differs(k, "a selector", x->selector, y->selector);
    }
}

static void compare_regs(struct trans *t)
{
    struct check *k = t->check;
    const struct x86_state *a = &k->after, *b = &t->c->s;

    for (unsigned i = 0; i < X86_NGPR; i++) {
        if (a->gpr[i] != b->gpr[i])
            differs(k, x86_gpr_names[i], a->gpr[i], b->gpr[i]);
    }
    if (a->rip != b->rip)
        differs(k, "rip", a->rip, b->rip);
    if (a->rflags != b->rflags) {
        uint64_t mask = ~(uint64_t)FLAGS_ALL | live_flags(t);

        if ((a->rflags ^ b->rflags) & mask)
            differs(k, "rflags", a->rflags & mask, b->rflags & mask);
    }
    compare_segments(k, b);
    if (k->msrs_after.kernel_gs_base != t->c->msrs.kernel_gs_base)
        differs(k, "KERNEL_GS_BASE", k->msrs_after.kernel_gs_base, t->c->msrs.kernel_gs_base);
    for (unsigned i = 0; i < b->xsave_len && i < FX_BYTES; i += 8) {
        if (memcmp(a->xsave + i, b->xsave + i, 8) != 0) {
            char name[32];

            snprintf(name, sizeof(name), "byte %u of the XSAVE area", i);
            differs(k, name, le_get(a->xsave + i, 8), le_get(b->xsave + i, 8));
        }
    }
}

/* Translated code has looked at the page of an instruction that is not executed yet, in vain. */
static void forgive_marks(struct check *k)
{
    for (unsigned m = 0; m < k->nmarks; m++) {
        for (unsigned i = 0; i < k->npages; i++) {
            struct written *w = &k->page[i];
            uint64_t at = k->mark[m] - w->gpa;

            if (at < PAGE)
                w->after[at] = (uint8_t)((w->after[at] & ~(X86_PTE_A | X86_PTE_D)) |
                                         (w->host[at] & (X86_PTE_A | X86_PTE_D)));
        }
    }
}

static void compare_memory(struct check *k)
{
    forgive_marks(k);
    for (unsigned i = 0; i < k->npages; i++) {
        const struct written *w = &k->page[i];
        unsigned at = 0;

        if (memcmp(w->after, w->host, PAGE) == 0)
            continue;
        while (w->after[at] == w->host[at])
            at++;
        at -= at % 8;
        {
            char name[64];

            snprintf(name, sizeof(name), "memory at guest-physical 0x%" PRIx64, w->gpa + at);
            differs(k, name, le_get(w->after + at, 8), le_get(w->host + at, 8));
        }
    }
}

/* ---- the interpreter's turn ------------------------------------------------------------------- */

/* From k->before on. False: it ended in something that translated code did not meet. */
static bool interpret(struct trans *t, uint64_t until)
{
    struct soft_cpu *c = t->c;

    while (c->insns < until) {
        soft_burst(c, until - c->insns);
        if (c->insns < until && (!soft_step(c) || c->raised >= 0))
            return false;
    }
    return true;
}

static void back_to_start(struct trans *t)
{
    struct soft_cpu *c = t->c;

    c->s = t->check->before;
    c->msrs = t->check->msrs_before;
    soft_mode_changed(c);
    c->insns = t->check->insns;
    c->naccesses = 0;
    if (t->check->nmarks > 0)
        soft_flush(c, true); /* what was read from tables that are taken back */
}

/* Both ways are behind us: the state is the interpreter's. */
static void compare(struct trans *t, bool done, uint64_t until)
{
    struct check *k = t->check;

    if (!done)
        differs(k, "the number of instructions executed", until - k->insns, t->c->insns - k->insns);
    if (k->overflow)
        differs(k, "the number of pages written", k->npages, PAGES + 1);
    compare_regs(t);
    compare_memory(k);
}

/* Once more from the start, and this time one block after the other. */
static enum check_result narrow(struct trans *t, uint64_t until)
{
    struct check *k = t->check;

    take_back(k, false);
    back_to_start(t);
    soft_flush(t->c, true);
    memcpy(k->first, k->what, sizeof(k->first));
    k->first_found = k->found;
    k->what[0] = '\0';
    k->piece = 0;
    k->alone = until;
    trans_pages_free(t);
    t->flushes_seen = t->c->flushes;
    return CHECK_AGAIN;
}

static enum check_result repeat(struct trans *t)
{
    struct check *k = t->check;
    struct soft_cpu *c = t->c;
    uint64_t until = c->insns;
    bool done;

    k->after = c->s;
    k->msrs_after = c->msrs;
    take_back(k, true);
    back_to_start(t);
    done = interpret(t, until);
    compare(t, done, until);
    k->stats.pieces++;
    k->stats.insns += until - k->insns;
    if (k->what[0] != '\0' && k->piece != 0)
        return narrow(t, until);
    if (k->what[0] == '\0' && k->piece == 0 && until >= k->alone) {
        /* It was the way from one block to the next. */
        memcpy(k->what, k->first, sizeof(k->what));
        k->found = k->first_found;
    }
    return k->what[0] != '\0' ? CHECK_DIFFERS : CHECK_SAME;
}

/* ---- other vCPUs ------------------------------------------------------------------------------- */

/* A device is asked, which may write to memory as well. */
static bool others_ask(const struct soft_cpu *c)
{
    const struct machine *m = c->vcpu->m;

    for (unsigned i = 0; i < m->ncpus && !m->clock.counted; i++) {
        const struct soft_cpu *other = soft_of(m->cpu[i]);

        if (other != NULL && other != c && other->waiting)
            return true;
    }
    return false;
}

bool check_hold(struct trans *t)
{
    struct soft_cpu *c = t->c;

    if (t->check == NULL || soft_world_is_alone(c))
        return true;
    soft_world_stop_in_turn(c);
    t->check->held = 0;
    if (!others_ask(c))
        return true;
    soft_world_go(c);
    return false;
}

void check_let_go(struct trans *t)
{
    if (t->check != NULL && t->c->world != NULL && soft_world_is_alone(t->c))
        soft_world_go(t->c);
}

/* Handing over takes longer than a piece. */
static void let_others(struct trans *t)
{
    if (++t->check->held >= TURN)
        check_let_go(t);
}

/* ---- pieces ------------------------------------------------------------------------------------ */

uint64_t check_begin(struct trans *t, uint64_t budget)
{
    struct check *k = t->check;
    uint64_t done;

    if (!k->open) {
        k->open = true;
        k->overflow = false;
        k->npages = k->nmarks = 0;
        k->before = t->c->s;
        k->msrs_before = t->c->msrs;
        k->insns = t->c->insns;
    }
    done = t->c->insns - k->insns;
    if (done >= k->piece)
        return 0;
    return budget < k->piece - done ? budget : k->piece - done;
}

/* A guest that goes from page to page: the piece ends while there is room. */
static bool is_nearly_full(const struct check *k)
{
    return k->nmarks > MARKS - SPARE || k->npages > PAGES - SPARE;
}

enum check_result check_end(struct trans *t, bool must)
{
    struct check *k = t->check;
    enum check_result result;
    uint64_t done;

    if (!k->open) {
        let_others(t);
        return CHECK_SAME;
    }
    done = t->c->insns - k->insns;
    if (!must && (done == 0 || (done < k->piece && !is_nearly_full(k))))
        return CHECK_SAME; /* 0: an access has been looked up, and nothing would come of it */
    for (unsigned i = 0; i < k->nentries; i++)
        trans_page_free(t, k->entry[i]);
    k->nentries = 0;
    result = repeat(t);
    k->open = false;
    let_others(t);
    return result;
}
