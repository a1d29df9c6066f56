/* SPDX-License-Identifier: MIT */
/*
 * walk_long.c - 4-level page walks through tables in memory, which nearly all walks are
 *
 * Source: SDM 3A, "4-Level Paging and 5-Level Paging". The same outcome as x86_walk, which does whatever is
 * left here: other forms, tables outside memory, reserved bits.
 */
#include "core/mem_access.h"
#include "engine/soft/mmu.h"
#include "x86/canonical.h"

enum { LEVELS = 4, PAGE_SHIFT = 12, INDEX_BITS = 9, ENTRY = 8 };

#define ADDRESS UINT64_C(0x000ffffffffff000)

/* Of a present entry, by level; bit 7 is no reserved one in a level that has large pages. */
static uint64_t reserved(const struct soft_cpu *c, unsigned level, uint64_t raw)
{
    uint64_t bits = ADDRESS & ~((UINT64_C(1) << SOFT_MAXPHYADDR) - 1);

    if (level == LEVELS)
        bits |= X86_PTE_PS;
    else if (level > 1 && raw & X86_PTE_PS)
        bits |= ((UINT64_C(1) << INDEX_BITS * (level - 1)) - 2) << PAGE_SHIFT; /* but for PAT */
    if (!(c->s.efer & X86_EFER_NXE))
        bits |= X86_PTE_NX;
    return raw & bits;
}

static bool is_long(const struct soft_cpu *c, uint64_t linear)
{
    return c->s.cr0 & X86_CR0_PG && c->s.efer & X86_EFER_LMA && c->s.cr4 & X86_CR4_PAE &&
           !(c->s.cr4 & X86_CR4_LA57) && x86_canonical(linear);
}

static void mapped(const struct soft_cpu *c, struct x86_walk *w, unsigned level, uint64_t raw)
{
    w->page_bytes = UINT64_C(1) << (PAGE_SHIFT + INDEX_BITS * (level - 1));
    w->gpa = (raw & ADDRESS & ~(w->page_bytes - 1)) | (w->gva & (w->page_bytes - 1));
    w->global = raw & X86_PTE_G && c->s.cr4 & X86_CR4_PGE;
    w->dirty = raw & X86_PTE_D;
    w->accessed = raw & X86_PTE_A;
    w->end = X86_WALK_MAPPED;
}

/* False: there is no memory. */
static bool read_entry(const struct soft_cpu *c, uint64_t linear, unsigned level, uint64_t table,
                       struct x86_walk_step *out)
{
    unsigned index = (unsigned)(linear >> (PAGE_SHIFT + INDEX_BITS * (level - 1))) & 0x1ff;
    uint64_t gpa = table + index * (uint64_t)ENTRY;
    const void *host = mem_host(&c->vcpu->m->mem, gpa, ENTRY, false);

    if (host == NULL)
        return false;
    *out = (struct x86_walk_step){ .level = (uint8_t)level,
                                   .entry_len = ENTRY,
                                   .index = (uint16_t)index,
                                   .gpa = gpa,
                                   .raw = mem_load_64(host) };
    return true;
}

bool soft_walk_long(const struct soft_cpu *c, uint64_t linear, struct x86_walk *w)
{
    uint64_t table = c->s.cr3 & ADDRESS, all = UINT64_MAX, any = 0;

    if (!is_long(c, linear))
        return false;
    w->form = X86_PG_4LEVEL;
    w->gva = linear;
    w->nsteps = 0;
    for (unsigned level = LEVELS; level > 0; level--) {
        struct x86_walk_step *st = &w->step[w->nsteps++];

        if (!read_entry(c, linear, level, table, st))
            return false;
        w->end = X86_WALK_NOT_PRESENT;
        if (!(st->raw & X86_PTE_P))
            return true;
        if (reserved(c, level, st->raw))
            return false;
        all &= st->raw;
        any |= st->raw;
        table = st->raw & ADDRESS;
        if (level == 1 || st->raw & X86_PTE_PS) {
            mapped(c, w, level, st->raw);
            break;
        }
    }
    w->writable = all & X86_PTE_W;
    w->user = all & X86_PTE_U;
    w->executable = !(any & X86_PTE_NX);
    return true;
}
