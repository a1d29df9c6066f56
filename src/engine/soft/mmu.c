/* SPDX-License-Identifier: MIT */
/*
 * mmu.c - linear to physical: the translation cache in front of the page walk
 *
 * Sources: SDM 3A "Paging" ("Access Rights", "Page-Fault Exceptions", "Accessed and Dirty Flags").
 * An entry says what is allowed without a further look: a write only once the dirty bit is set. So the
 * first write of a page comes here again, as does everything that is not plain memory.
 */
#include <string.h>

#include "core/mem_cow.h"
#include "engine/soft/mem.h"
#include "engine/soft/mmu.h"
#include "engine/soft/trans/trans.h"

enum { PAGE = 4096, GENERATIONS = 0xfff };

static void next_generation(struct soft_tlb_entry tlb[SOFT_TLB], uint32_t *generation)
{
    if (*generation == GENERATIONS) {
        memset(tlb, 0, SOFT_TLB * sizeof(*tlb));
        *generation = 0;
    }
    ++*generation;
}

void soft_flush(struct soft_cpu *c, bool global_too)
{
    c->flushes++;
    c->vcpu->tables_changed = true; /* who shares the guest's tables has to look again too */
    next_generation(c->tlb, &c->tlb_generation);
    if (!global_too)
        return;
    c->global_flushes++;
    c->global_low = false;
    c->large = 0;
    next_generation(c->tlb_global, &c->global_generation);
}

/* A GiB each. */
static uint64_t region(uint64_t linear)
{
    return UINT64_C(1) << (linear >> 30) % 64;
}

static void forget_page(struct soft_tlb_entry *e, uint64_t linear)
{
    if ((e->tag ^ linear) < PAGE)
        e->tag = 0;
}

void soft_flush_page(struct soft_cpu *c, uint64_t linear)
{
    linear &= ~UINT64_C(0xfff);
    /* A page that is part of a large one fills many entries: all are forgotten. */
    if (c->large & region(linear) || (c->trans != NULL && !trans_forget_page(c->trans, linear))) {
        soft_flush(c, c->global_low || (int64_t)linear < 0);
        return;
    }
    c->vcpu->tables_changed = true;
    forget_page(&c->tlb[linear / PAGE % SOFT_TLB], linear);
    forget_page(&c->tlb_global[linear / PAGE % SOFT_TLB], linear);
}

static bool read_phys(void *ctx, uint64_t gpa, void *buf, unsigned len)
{
    const struct mem *m = ctx;

    /* A bus without memory floats; as a table entry that is all ones. */
    if (!mem_get(m, gpa, buf, len))
        memset(buf, 0xff, len);
    return true;
}

/* SDM 3A, "Determination of Access Rights". */
static unsigned allowed(const struct soft_cpu *c, const struct x86_walk *w, enum soft_bank bank)
{
    bool user_page = w->user;
    unsigned how = 0;

    if (bank == BANK_USER)
        return !user_page
                   ? 0
                   : HOW_READ | (w->writable ? HOW_WRITE : 0) | (w->executable ? HOW_FETCH : 0);
    if (!(user_page && bank == BANK_SUPER && c->s.cr4 & X86_CR4_SMAP)) {
        how |= HOW_READ;
        if (w->writable || !(c->s.cr0 & X86_CR0_WP))
            how |= HOW_WRITE;
    }
    if (w->executable && !(user_page && c->s.cr4 & X86_CR4_SMEP))
        how |= HOW_FETCH;
    return how;
}

static uint32_t fault_code(const struct soft_cpu *c, const struct x86_walk *w, enum soft_bank bank,
                           enum soft_how how)
{
    bool nx_counts =
        (c->s.efer & X86_EFER_NXE && c->s.cr4 & X86_CR4_PAE) || c->s.cr4 & X86_CR4_SMEP;

    return (w->end != X86_WALK_NOT_PRESENT ? PF_P : 0) | (how == HOW_WRITE ? PF_W : 0) |
           (bank == BANK_USER ? PF_U : 0) | (w->end == X86_WALK_RESERVED ? PF_RSVD : 0) |
           (how == HOW_FETCH && nx_counts ? PF_I : 0);
}

/* Sets accessed bits on the way and the dirty bit of the last entry. False: an entry changed meanwhile. */
static bool mark_entries(struct soft_cpu *c, const struct x86_walk *w, bool write)
{
    for (unsigned i = 0; i < w->nsteps; i++) {
        const struct x86_walk_step *step = &w->step[i];
        uint64_t want = step->raw | X86_PTE_A;
        void *host;

        if (step->gpa == UINT64_MAX || (step->level == 3 && w->form == X86_PG_PAE))
            continue; /* PAE pointers have no accessed bit */
        if (i + 1 == w->nsteps && write)
            want |= X86_PTE_D;
        host =
            want != step->raw ? mem_host(&c->vcpu->m->mem, step->gpa, step->entry_len, true) : NULL;
        if (host == NULL)
            continue; /* nothing to set, or tables in ROM, which stay as they are */
        if (c->trans != NULL)
            trans_note_mark(c->trans, step->gpa);
        if (step->entry_len == 4) {
            uint32_t old = (uint32_t)step->raw;

            if (!__atomic_compare_exchange_n((uint32_t *)host, &old, (uint32_t)want, false,
                                             __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
                return false;
        } else {
            uint64_t old = step->raw;

            if (!__atomic_compare_exchange_n((uint64_t *)host, &old, want, false, __ATOMIC_SEQ_CST,
                                             __ATOMIC_SEQ_CST))
                return false;
        }
    }
    return true;
}

/* Stores to the page have to ask the translator. */
static unsigned held_for_code(struct soft_cpu *c, const struct soft_tlb_entry *e)
{
    unsigned how = 0;

    if (c->trans == NULL)
        return 0;
    for (unsigned b = 0; b < BANKS; b++)
        how |= e->allow[b];
    if (how & HOW_WRITE)
        trans_note_writer(c->trans, e->gpa, e->tag);
    return trans_wants_stores(c->trans, e->gpa) ? HOW_WRITE : 0;
}

/* Whether writes need not come here any more, as far as what memory held is kept. */
static bool is_kept(const struct soft_cpu *c, uint64_t gpa, enum soft_how how)
{
    struct mem_cow *cow = c->vcpu->m->mem.cow;

    if (cow != NULL && how == HOW_WRITE)
        mem_cow_note(cow, gpa, 1);
    return cow == NULL || mem_cow_is_saved(cow, gpa);
}

/* From what is allowed at all: what needs no further look, and what does. */
static void hold_back(struct soft_cpu *c, struct soft_tlb_entry *e)
{
    unsigned hold = e->watched | held_for_code(c, e);

    for (unsigned b = 0; b < BANKS; b++) {
        e->held[b] = e->allow[b] & hold;
        e->allow[b] &= (uint8_t)~e->held[b];
    }
}

/* The same anew: the translator may want to know more by now, or less. */
static void hold_anew(struct soft_cpu *c, struct soft_tlb_entry *e)
{
    for (unsigned b = 0; b < BANKS; b++)
        e->allow[b] |= e->held[b];
    hold_back(c, e);
}

static void keep_global(struct soft_cpu *c, uint64_t linear, const struct soft_tlb_entry *e)
{
    struct soft_tlb_entry *g = &c->tlb_global[linear / PAGE % SOFT_TLB];

    *g = *e;
    g->tag = (linear & ~UINT64_C(0xfff)) | c->global_generation;
    c->global_low |= (int64_t)linear >= 0;
}

/* Into e, if a global page is known that allows it. */
static bool take_global(struct soft_cpu *c, uint64_t linear, enum soft_how how, enum soft_bank bank,
                        struct soft_tlb_entry *e)
{
    const struct soft_tlb_entry *g = &c->tlb_global[linear / PAGE % SOFT_TLB];

    if (g->tag != ((linear & ~UINT64_C(0xfff)) | c->global_generation) ||
        !((g->allow[bank] | g->held[bank]) & how))
        return false;
    *e = *g;
    e->tag = (linear & ~UINT64_C(0xfff)) | c->tlb_generation;
    hold_anew(c, e);
    return true;
}

static void fill(struct soft_cpu *c, uint64_t linear, const struct x86_walk *w, enum soft_how how,
                 struct soft_tlb_entry *e)
{
    bool dirty = w->form == X86_PG_NONE || w->dirty || how == HOW_WRITE;
    const struct mem_slot *slot;
    bool kept = is_kept(c, w->gpa, how);

    if (w->page_bytes > PAGE)
        c->large |= region(linear);
    e->global = w->global;
    e->watched = (uint8_t)soft_watched(c, linear);
    e->tag = (linear & ~UINT64_C(0xfff)) | c->tlb_generation;
    e->gpa = w->gpa & ~UINT64_C(0xfff);
    slot = mem_slot_at(&c->vcpu->m->mem, e->gpa);
    e->host = slot != NULL ? slot->host + (e->gpa - slot->base) : NULL;
    for (unsigned b = 0; b < BANKS; b++) {
        e->allow[b] = (uint8_t)allowed(c, w, b);
        if (!dirty || slot == NULL || slot->kind == MEM_ROM || !kept)
            e->allow[b] &= (uint8_t)~HOW_WRITE;
    }
    hold_back(c, e);
    if (e->global)
        keep_global(c, linear, e);
}

static void walk_tables(struct soft_cpu *c, uint64_t linear, struct x86_walk *w)
{
    struct x86_phys phys = { read_phys, &c->vcpu->m->mem };
    struct x86_paging_regs regs;

    if (soft_walk_long(c, linear, w))
        return;
    x86_paging_regs_from(&c->s, SOFT_MAXPHYADDR, &regs);
    x86_walk(&regs, &phys, linear, w);
}

/* The walk, with its bits, its faults, and an entry for the next time. */
static bool walk(struct soft_cpu *c, uint64_t linear, enum soft_how how, enum soft_bank bank,
                 struct soft_tlb_entry *e)
{
    struct x86_walk w;

    for (;;) {
        walk_tables(c, linear, &w);
        if (w.end != X86_WALK_MAPPED || !(allowed(c, &w, bank) & how))
            return soft_raise_page_fault(c, linear, fault_code(c, &w, bank, how));
        if (w.form == X86_PG_NONE || mark_entries(c, &w, how == HOW_WRITE))
            break;
    }
    fill(c, linear, &w, how, e);
    return true;
}

bool soft_translate(struct soft_cpu *c, uint64_t linear, enum soft_how how, enum soft_bank bank,
                    struct soft_place *out)
{
    struct soft_tlb_entry *e = &c->tlb[linear / PAGE % SOFT_TLB];

    if (e->tag != ((linear & ~UINT64_C(0xfff)) | c->tlb_generation) ||
        !((e->allow[bank] | e->held[bank]) & how)) {
        if (!take_global(c, linear, how, bank, e) && !walk(c, linear, how, bank, e))
            return false;
    } else if (how == HOW_WRITE && !(e->allow[bank] & HOW_WRITE)) {
        hold_anew(c, e); /* code that was on the page may be gone */
    }
    out->gpa = e->gpa | (linear & 0xfff);
    out->host = e->host != NULL ? e->host + (linear & 0xfff) : NULL;
    out->watched = e->watched & how;
    if (how == HOW_WRITE && !((e->allow[bank] | e->held[bank]) & HOW_WRITE))
        out->host = NULL; /* ROM: the write is not memory's business */
    return true;
}
