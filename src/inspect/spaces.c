/* SPDX-License-Identifier: MIT */
/* spaces.c - what the views of address spaces share. */
#include "inspect/inspect_spaces.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "core/mem_phys.h"

/* Physical address bits assumed of the guest's CPU; the same as in core/vcpu.c, so that the views and
 * the devices translate alike. */
enum { PHYS_BITS = 52, PAGE = 4096 };

int cpu_space_init(struct cpu_space *c, struct machine *m, unsigned cpu, unsigned parts,
                   struct vitro_err *err)
{
    int rc;

    *c = (struct cpu_space){ .mem = &m->mem };
    if (cpu >= m->ncpus)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "CPU %u: this machine has %u, from 0", cpu,
                         m->ncpus);
    rc = m->cpu[cpu]->engine->get(m->cpu[cpu], parts | STATE_SREGS, &c->state, err);
    if (rc < 0)
        return rc;
    x86_paging_regs_from(&c->state, PHYS_BITS, &c->regs);
    c->phys = mem_phys(&m->mem);
    c->form = x86_paging_form(&c->regs);
    c->levels = x86_paging_levels(c->form);
    switch (c->form) {
    case X86_PG_NONE:
        break;
    case X86_PG_32:
        c->root = c->regs.cr3 & 0xfffff000;
        break;
    case X86_PG_PAE:
        c->root = c->regs.cr3 & 0xffffffe0;
        break;
    default:
        c->root = c->regs.cr3 & (BIT(PHYS_BITS) - PAGE);
    }
    return 0;
}

/* What of [addr, addr + len) lies in the page of addr and below 2^64. */
static size_t in_page(uint64_t addr, size_t len)
{
    size_t left = PAGE - addr % PAGE;

    return len < left ? len : left;
}

size_t cpu_space_read(const struct cpu_space *c, uint64_t gva, void *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        size_t n = in_page(gva + done, len - done);
        struct x86_walk w;

        x86_walk(&c->regs, &c->phys, gva + done, &w);
        if (w.end != X86_WALK_MAPPED || !mem_get(c->mem, w.gpa, (char *)buf + done, n))
            break;
        done += n;
        if (gva + done == 0)
            break; /* the end of all addresses */
    }
    return done;
}

unsigned space_shift(enum x86_paging form, unsigned level)
{
    return form == X86_PG_32 ? 12 + 10 * (level - 1) : 12 + 9 * (level - 1);
}

unsigned space_index_bits(enum x86_paging form, unsigned level)
{
    if (form == X86_PG_32)
        return 10;
    return form == X86_PG_PAE && level == 3 ? 2 : 9;
}

unsigned space_bits(enum x86_paging form)
{
    return form == X86_PG_5LEVEL ? 57 : form == X86_PG_4LEVEL ? 48 : 32;
}

/* SDM 3A, "Paging", formats of entries: D and G are ignored in entries that point to a table, bit 7
 * of a page-table entry is PAT. */
uint64_t space_flags(const struct x86_walk_step *step, bool leaf)
{
    uint64_t known = 0;

    for (size_t i = 0; i < x86_pte_names.n; i++)
        known |= x86_pte_names.row[i].mask;
    if (!leaf)
        known &= ~(X86_PTE_D | X86_PTE_G);
    if (step->level == 1)
        known &= ~X86_PTE_PS;
    return step->raw & known;
}

char *space_flag_words(const struct x86_walk_step *step, bool leaf, char buf[SPACE_WORDS])
{
    uint64_t pat = step->level == 1 ? BIT(7) : BIT(12);

    if (!(step->raw & X86_PTE_P)) {
        snprintf(buf, SPACE_WORDS, "not present");
        return buf;
    }
    names_print(&x86_pte_names, space_flags(step, leaf), " ", buf, SPACE_WORDS - 5);
    if (leaf && step->raw & pat)
        strcat(buf, " PAT"); /* the bit has no place of its own in the table of names */
    return buf;
}

bool space_is_leaf(const struct x86_paging_regs *regs, const struct x86_walk_step *step)
{
    if (step->level == 1)
        return true;
    if (step->level > 3 || !(step->raw & X86_PTE_PS))
        return false;
    switch (x86_paging_form(regs)) {
    case X86_PG_32:
        return regs->cr4 & X86_CR4_PSE;
    case X86_PG_PAE:
        return step->level == 2;
    default:
        return true;
    }
}

const char *space_rights_words(bool writable, bool executable, bool user)
{
    static const char *const words[2][2][2] = {
        { { "r-- kernel", "r-- user" }, { "r-x kernel", "r-x user" } },
        { { "rw- kernel", "rw- user" }, { "rwx kernel", "rwx user" } },
    };

    return words[writable][executable][user];
}

char *space_size(uint64_t bytes, char buf[SPACE_WORDS])
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    uint64_t unit = 1, tenths;
    size_t i = 0;

    while (bytes / unit >= 1024) {
        unit *= 1024;
        i++;
    }
    tenths = (uint64_t)((unsigned __int128)(bytes % unit) * 10 / unit);
    if (bytes % unit == 0)
        snprintf(buf, SPACE_WORDS, "%" PRIu64 " %s", bytes / unit, units[i]);
    else
        snprintf(buf, SPACE_WORDS, "%" PRIu64 ".%" PRIu64 " %s", bytes / unit, tenths, units[i]);
    return buf;
}

uint64_t space_host(const struct mem *mem, uint64_t gpa, uint64_t len)
{
    return (uintptr_t)mem_host(mem, gpa, len, false);
}

const struct mem_note *space_note_at(const struct mem *mem, uint64_t gpa)
{
    const struct mem_note *best = NULL;

    for (size_t i = 0; i < mem->nnotes; i++) {
        const struct mem_note *n = &mem->note[i];

        if (gpa >= n->base && gpa - n->base < n->len && (best == NULL || n->len < best->len))
            best = n;
    }
    return best;
}
