/* SPDX-License-Identifier: MIT */
/*
 * run.c - fetch, decode, execute: one instruction after the other
 *
 * Decoded instructions are kept by physical address together with the bytes they were made of, and
 * the bytes are compared at each use: code that changes itself, is changed by another CPU or by a
 * device is seen at once, and nothing ever has to be thrown away.
 *
 * Two ways: soft_step does everything for one instruction; soft_burst goes through those with fast
 * handlers (fast.h) and leaves the rest to soft_step.
 */
#include <string.h>

#include "core/mem_access.h"
#include "engine/soft/breakpoint.h"
#include "engine/soft/fast.h"
#include "engine/soft/ops.h"
#include "engine/soft/ops_sys.h"
#include "engine/soft/run.h"
#include "engine/soft/vme.h"
#include "x86/canonical.h"

enum { PAGE = 4096, LONGEST = 16 /* bytes that are compared */ };

/* What a burst reads comes first. */
struct soft_code {
    uint64_t gpa;
    uint64_t bytes[2];        /* those of the instruction, then zeros */
    struct soft_fast fast;    /* no handler while the place is free */
    const struct soft_op *op; /* NULL: the place is free */
    struct x86_insn in;
};

struct soft_code *soft_code_new(void)
{
    return calloc(SOFT_CODE, sizeof(struct soft_code));
}

static struct soft_code *code_place(struct soft_cpu *c, uint64_t gpa)
{
    return &c->code[(gpa ^ gpa >> 14) % SOFT_CODE];
}

/* By length: the bytes of two words that belong to the instruction. */
#define LOW(n)                            \
    {                                     \
        (UINT64_C(1) << (8 * (n))) - 1, 0 \
    }
#define HIGH(n)                                    \
    {                                              \
        UINT64_MAX, (UINT64_C(1) << (8 * (n))) - 1 \
    }
static const uint64_t code_masks[X86_INSN_MAX + 1][2] = {
    LOW(0),  LOW(1),  LOW(2),  LOW(3),  LOW(4),  LOW(5),  LOW(6),  LOW(7),
    HIGH(0), HIGH(1), HIGH(2), HIGH(3), HIGH(4), HIGH(5), HIGH(6), HIGH(7),
};

/* Whether the instruction is what lies at `host`, where LONGEST bytes may be read. */
static bool is_still(const struct soft_code *code, unsigned len, const uint8_t *host)
{
    const uint64_t now[2] = { mem_load_64(host), mem_load_64(host + 8) };

    return (((now[0] ^ code->bytes[0]) & code_masks[len][0]) |
            ((now[1] ^ code->bytes[1]) & code_masks[len][1])) == 0;
}

/* ---- fetch ----------------------------------------------------------------------------------- */

void soft_load_code(uint8_t *own, const uint8_t *host, unsigned len)
{
    for (unsigned done = 0, n; done < len; done += n) {
        unsigned skip = (unsigned)((uintptr_t)(host + done) % 8);
        uint64_t word = mem_load_64(host + done - skip) >> (8 * skip);

        n = 8 - skip < len - done ? 8 - skip : len - done;
        memcpy(own + done, &word, n);
    }
}

/* Offset in CS to linear, with the checks of a fetch of len bytes. */
static bool fetch_linear(struct soft_cpu *c, uint64_t rip, uint64_t *linear)
{
    const struct x86_seg *cs = &c->s.seg[X86_CS];

    *linear = rip;
    if (c->mode == X86_MODE_LONG) {
        if (!x86_canonical(rip))
            return soft_raise_error(c, VEC_GP, 0);
        return true;
    }
    if (rip > cs->limit)
        return soft_raise_error(c, VEC_GP, 0);
    *linear = (uint32_t)(cs->base + rip);
    return true;
}

/* Up to 15 bytes from rip on, over a page border if need be; *n is how many there are. */
static bool fetch_slow(struct soft_cpu *c, uint8_t *bytes, unsigned *n)
{
    for (*n = 0; *n < X86_INSN_MAX;) {
        uint64_t linear, gpa;
        const uint8_t *host;
        unsigned left;

        if (!fetch_linear(c, c->s.rip + *n, &linear) || !soft_fetch(c, linear, &host, &left, &gpa))
            return false;
        if (left > X86_INSN_MAX - *n)
            left = X86_INSN_MAX - *n;
        if (c->mode != X86_MODE_LONG && left - 1 > c->s.seg[X86_CS].limit - (c->s.rip + *n))
            left = (unsigned)(c->s.seg[X86_CS].limit - (c->s.rip + *n)) + 1;
        if (host != NULL)
            soft_load_code(bytes + *n, host, left);
        else
            memset(bytes + *n, 0xff, left); /* a bus without memory floats */
        *n += left;
        if (*n < X86_INSN_MAX) {
            struct x86_insn in;

            /* The rest is fetched only if the instruction goes on there: it may fault. */
            if (x86_decode(bytes, *n, (enum x86_code)c->code_bits, &in) != X86_DECODE_NEED_MORE)
                return true;
        }
    }
    return true;
}

static bool decode(struct soft_cpu *c, const uint8_t *bytes, unsigned n, struct x86_insn *in)
{
    switch (x86_decode(bytes, n, (enum x86_code)c->code_bits, in)) {
    case X86_DECODE_OK:
        in->op = soft_offered_op(c, in->op);
        return true;
    case X86_DECODE_TOO_LONG:
        return soft_raise_error(c, VEC_GP, 0);
    case X86_DECODE_UD:
    case X86_DECODE_NEED_MORE:
        break;
    }
    return soft_raise(c, VEC_UD);
}

/* The instruction at rip; NULL when fetching or decoding it raised something. */
static const struct soft_code *code_at(struct soft_cpu *c, struct soft_code *scratch)
{
    struct soft_code *code = scratch;
    uint8_t bytes[LONGEST] = { 0 };
    uint64_t linear, gpa;
    const uint8_t *host;
    unsigned left, n = X86_INSN_MAX;

    if (!fetch_linear(c, c->s.rip, &linear) || !soft_fetch(c, linear, &host, &left, &gpa))
        return NULL;
    if (host != NULL && left >= LONGEST &&
        (c->mode == X86_MODE_LONG || c->s.seg[X86_CS].limit - c->s.rip >= LONGEST)) {
        code = code_place(c, gpa);
        if (code->op != NULL && code->gpa == gpa && code->in.code == c->code_bits &&
            is_still(code, code->in.len, host))
            return code;
        code->op = NULL;
        code->fast.fn = NULL;
        soft_load_code(bytes, host, LONGEST);
    } else if (!fetch_slow(c, bytes, &n)) {
        return NULL;
    }
    if (!decode(c, bytes, n, &code->in))
        return NULL;
    code->gpa = gpa;
    memcpy(code->bytes, bytes, sizeof(code->bytes));
    code->op = soft_op_of(x86_insn_row(&code->in));
    soft_fast_of(c, &code->in, &code->fast);
    return code;
}

/* ---- execute --------------------------------------------------------------------------------- */

static bool run_op(struct soft_cpu *c, const struct x86_insn *in, const struct soft_op *op)
{
    if (op->insn != NULL)
        return op->insn(c, in);
    if (op->val == NULL)
        return soft_raise(c, VEC_UD);
    return soft_run_value(c, in, op->val);
}

bool soft_execute(struct soft_cpu *c, const struct x86_insn *in, const struct soft_op *op)
{
    c->access_at = 0;
    c->stop.kind = SOFT_GOES_ON;
    c->shadow_next = 0;
    c->keep_rf = false;
    c->no_step = false;
    c->trap_dr6 = 0;
    c->repeats = false;
    c->next_rip = c->s.rip + in->len;
    if (c->mode != X86_MODE_LONG)
        c->next_rip &= c->code_bits == 16 ? 0xffff : 0xffffffff;
    return soft_allowed(c, in) && run_op(c, in, op);
}

static void finish(struct soft_cpu *c)
{
    c->s.rip = c->next_rip;
    if (!c->keep_rf)
        c->s.rflags &= ~(uint64_t)X86_RFLAGS_RF;
    c->s.events.shadow = c->shadow_next;
    c->naccesses = 0;
    c->insns++;
}

/* What traps after an instruction: bits of DR6. MOV SS and POP SS put breakpoints off to the next one. */
static uint64_t traps(struct soft_cpu *c, bool step)
{
    uint64_t dr6 = c->trap_dr6 | c->held_dr6;

    c->held_dr6 = 0;
    if (c->s.events.shadow & SHADOW_MOV_SS) {
        c->held_dr6 = dr6;
        return 0;
    }
    return dr6 | (step && !c->no_step ? X86_DR6_BS : 0);
}

/* SDM 3B, "Single-Stepping on Branches": with BTF, TF traps after taken branches alone. Before the end of the instruction. */
static bool steps_over(const struct soft_cpu *c, const struct x86_insn *in)
{
    unsigned klass = x86_insn_row(in)->klass;
    uint64_t moved = c->next_rip - c->s.rip;

    if (!(c->msrs.debugctl & DEBUGCTL_BTF))
        return false;
    if (c->mode != X86_MODE_LONG)
        moved &= c->code_bits == 16 ? 0xffff : 0xffffffff;
    return moved == in->len || (klass != X86_CLASS_BRANCH && klass != X86_CLASS_FAR);
}

bool soft_end_in_fault(struct soft_cpu *c)
{
    c->naccesses = 0;
    c->raised = c->stop.vector;
    c->held_dr6 = 0;
    return soft_deliver(c);
}

bool soft_step(struct soft_cpu *c)
{
    bool trap = c->s.rflags & X86_RFLAGS_TF;
    const struct soft_code *code = NULL;
    struct soft_code scratch;

    c->stop.kind = SOFT_GOES_ON;
    c->hit.how = 0;
    c->raised = -1;
    if (soft_virtual_due(c))
        soft_raise_error(c, VEC_GP, 0);
    else if (!soft_breakpoints(c) || !soft_code_breakpoint(c))
        code = code_at(c, &scratch);
    if (code != NULL && soft_execute(c, &code->in, code->op)) {
        uint64_t dr6;

        trap = trap && !steps_over(c, &code->in);
        finish(c);
        dr6 = traps(c, trap);
        if (dr6 == 0)
            return true;
        soft_raise(c, VEC_DB);
        c->stop.dr6 = dr6;
    } else {
        c->hit.how = 0; /* what an instruction has accessed before it stopped does not count */
    }
    if (c->stop.kind == SOFT_EXIT) {
        if (c->vcpu->exit.kind == EXIT_HLT && !c->frozen)
            finish(c); /* it is done: nothing is to be answered */
        return false;
    }
    return soft_end_in_fault(c);
}

/* ---- bursts ---------------------------------------------------------------------------------- */

/* A page of code, as the translation cache knows it. */
struct code_page {
    uint64_t linear; /* its first byte */
    uint64_t gpa;
    const uint8_t *host;
};

static bool find_page(const struct soft_cpu *c, uint64_t rip, struct code_page *page)
{
    const struct soft_tlb_entry *e = &c->tlb[rip / PAGE % SOFT_TLB];

    page->linear = rip - rip % PAGE;
    page->gpa = e->gpa;
    page->host = e->host;
    if (soft_points_in_page(&c->points, rip))
        return false;
    return e->tag == page->linear + c->tlb_generation && e->allow[c->bank] & HOW_FETCH &&
           e->host != NULL;
}

/*
 * No handler flushes translations or changes the bank: a page stays what it is meanwhile. One with a breakpoint is left
 * to soft_step.
 */
static void burst(struct soft_cpu *c, uint64_t budget, bool to_branch)
{
    struct code_page page = { .linear = c->s.rip + 1 }; /* none yet: rip is not in it */
    uint64_t left = budget;

    if (!soft_fast_ready(c))
        return;
    while (left > 0) {
        uint64_t at = c->s.rip - page.linear, rip = c->s.rip;
        const struct soft_code *code;

        if (at > PAGE - LONGEST) {
            at = c->s.rip % PAGE;
            if (at > PAGE - LONGEST || !find_page(c, c->s.rip, &page))
                break;
        }
        code = code_place(c, page.gpa + at);
        if (code->gpa != page.gpa + at || code->fast.fn == NULL ||
            !is_still(code, code->fast.len, page.host + at) || !code->fast.fn(c, &code->fast))
            break;
        left--;
        if (to_branch && c->s.rip != rip + code->fast.len)
            break;
    }
    c->insns += budget - left;
}

void soft_burst(struct soft_cpu *c, uint64_t budget)
{
    burst(c, budget, false);
}

void soft_burst_to_branch(struct soft_cpu *c, uint64_t budget)
{
    burst(c, budget, true);
}
