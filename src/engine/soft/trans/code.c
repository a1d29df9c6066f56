/* SPDX-License-Identifier: MIT */
/* code.c - translated code for those who look (core/code.h), and why an instruction is not translated. */
#include "core/code.h"

#include "core/machine.h"
#include "engine/soft/ops.h"
#include "engine/soft/soft_priv.h"
#include "engine/soft/trans/block.h"
#include "engine/soft/trans/scan.h"
#include "x86/cpuid_model.h"

enum { PAGE = 4096 };

static_assert((int)BLOCK_INSNS <= (int)CODE_INSNS_MAX, "core/code.h");

/* NULL: nothing is translated. */
static struct trans *first(const struct machine *m)
{
    const struct soft_cpu *c = m->ncpus > 0 ? soft_of(m->cpu[0]) : NULL;

    return c != NULL ? c->trans : NULL;
}

static void code_stats(const struct machine *m, struct code_stats *out)
{
    const struct trans *t = first(m);

    *out = (struct code_stats){ .translates = t != NULL };
    if (t == NULL && m->untranslated.code != 0)
        out->why_not = m->untranslated.text;
    if (t == NULL)
        return;
    out->counts = t->store->counts;
    out->blocks = t->store->stats.translated;
    out->guest_insns = t->store->stats.guest_insns;
    out->host_bytes = t->store->stats.host_bytes;
    out->invalidated = t->store->stats.invalidated;
    out->resets = t->store->resets;
    for (unsigned i = 0; i < t->store->nusers; i++) {
        const struct trans *user = t->store->user[i];

        if (user == NULL)
            continue;
        out->insns += user->stats.insns;
        out->steps += user->stats.steps;
        out->leaves += user->stats.leaves;
    }
}

static uint32_t numbers(const struct machine *m)
{
    const struct trans *t = first(m);

    return t != NULL ? t->store->nblocks : 0;
}

static bool block(const struct machine *m, uint32_t number, struct code_block *out)
{
    const struct trans *t = first(m);
    const struct trans_store *s = t != NULL ? t->store : NULL;
    const struct block *b;

    if (s == NULL || number == BLOCK_NONE || number >= s->nblocks ||
        s->block[number].stands_for != BLOCK_NONE ||
        atomic_load_explicit(&s->block[number].dead, memory_order_relaxed))
        return false;
    b = &s->block[number];
    *out = (struct code_block){ .rip = b->rip,
                                .gpa = b->gpa,
                                .host_addr = (uint64_t)(uintptr_t)(s->cache.rx + b->entry),
                                .host = s->cache.rw + b->entry,
                                .host_len = b->bytes,
                                .straight_len = b->straight,
                                .guest_len = b->guest_bytes,
                                .ninsns = b->ninsns,
                                .code_bits = b->mode >= TRANS_FLAT32 ? 32 : 64,
                                .user = b->mode % BANKS == BANK_USER };
    for (unsigned i = 0; i < s->nusers && s->counts; i++)
        out->executions += s->user[i]->frame->executions[number];
    return true;
}

/* ---- why not ----------------------------------------------------------------------------------- */

static const char *class_why(const struct x86_row *row)
{
    switch ((enum x86_class)row->klass) {
    case X86_CLASS_X87:
        return "x87 state and its pointers";
    case X86_CLASS_MMX:
        return "MMX";
    case X86_CLASS_FAR:
        return "changes the code segment";
    case X86_CLASS_IO:
        return "port I/O";
    case X86_CLASS_SYSTEM:
        return "system instruction";
    case X86_CLASS_STATE:
        return "saves or restores state";
    case X86_CLASS_STRING:
        return "a string instruction of another kind";
    case X86_CLASS_UD:
        return "undefined";
    case X86_CLASS_SSE:
    case X86_CLASS_AVX:
        return "a vector form that is not translated";
    case X86_CLASS_BRANCH:
        return "a branch that is not near, or of another size than the code";
    case X86_CLASS_STACK:
        return "a stack operation of another size than the code";
    default:
        return "a form that is not translated";
    }
}

static const char *why(const struct soft_cpu *c, const struct scan_insn *x)
{
    const struct x86_row *row = x86_insn_row(&x->in);

    if (x->kind != SCAN_STEP && x->kind != SCAN_STOP)
        return NULL;
    if (!x86_cpuid_has(c->sys.model, (enum x86_feature)row->feature))
        return "this CPU model does not offer it";
    if (row->privilege == X86_PRIV_CPL0)
        return "privileged";
    return class_why(row);
}

static void insns(const struct machine *m, uint32_t number, struct code_insn out[CODE_INSNS_MAX])
{
    const struct trans *t = first(m);
    const struct trans_store *store = t->store;
    const struct block *b = &store->block[number];
    const uint8_t *host = mem_host(&m->mem, b->gpa - b->gpa % PAGE, PAGE, false);
    uint8_t copy[PAGE];
    struct scan s = { .page = host,
                      .copy = copy,
                      .rip = b->rip,
                      .begin = (unsigned)(b->rip % PAGE),
                      .simd_host = store->host_simd,
                      .c = t->c,
                      .shared = store->shared,
                      .once = t->check == NULL,
                      .exact = store->exact_flags,
                      .points = store->npoints > 0 ? store : NULL };

    scan_set_mode(&s, b->mode);
    if (b->next_gpa != SOURCE_NO_PAGE)
        s.next_page = mem_host(&m->mem, b->next_gpa, PAGE, false);
    if (host != NULL)
        trans_scan(&s);
    for (unsigned i = 0; i < b->ninsns; i++) {
        const struct bound *bound = &store->bound[b->bounds + i];

        out[i] = (struct code_insn){ .guest = bound->guest, .host = bound->straight };
        if (i < s.n)
            out[i].why = why(t->c, &s.insn[i]);
    }
}

static int code_end_of_run(const struct machine *m, struct vitro_err *err)
{
    int rc = 0;

    for (unsigned i = 0; i < m->ncpus && rc == 0; i++) {
        const struct soft_cpu *c = soft_of(m->cpu[i]);

        if (c != NULL && c->trans != NULL)
            rc = trans_end_of_run(c->trans, err);
    }
    return rc;
}

static bool code_differs(const struct machine *m, uint64_t *rip)
{
    for (unsigned i = 0; i < m->ncpus; i++) {
        const struct soft_cpu *c = soft_of(m->cpu[i]);

        if (c != NULL && c->trans != NULL && trans_failed_at(c->trans, rip))
            return true;
    }
    return false;
}

const struct code_ops soft_code_ops = {
    .end_of_run = code_end_of_run,
    .differs = code_differs,
    .stats = code_stats,
    .numbers = numbers,
    .block = block,
    .insns = insns,
};
