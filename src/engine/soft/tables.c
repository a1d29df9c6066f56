/* SPDX-License-Identifier: MIT */
/*
 * tables.c - stores that may have changed a page-table entry
 *
 * Nothing says which pages another engine takes for page tables: any that a CR3 it has seen leads to. So the
 * words themselves are looked at. A change matters when the word was, or becomes, a present entry; one
 * with reserved bits set is none, which leaves out the kernel addresses that calls and exceptions
 * push. A store that only looks like it costs time, and nothing else.
 *
 * Source: SDM 3A, "Paging", formats of entries: bit 0 is P; bits from MAXPHYADDR to 51 are reserved.
 */
#include <string.h>

#include "core/mem_access.h"
#include "engine/soft/mem.h"
#include "engine/soft/mmu.h"

enum { WORD = 8 };

static bool may_be_entry(const struct soft_cpu *c, uint64_t word)
{
    const uint64_t reserved = (BIT(52) - 1) & ~(BIT(SOFT_MAXPHYADDR) - 1);
    const uint64_t both_present = BIT(32) | BIT(0);

    if (!(c->s.cr4 & X86_CR4_PAE))
        return word & both_present; /* two entries of 4 bytes */
    return word & X86_PTE_P && !(word & reserved);
}

/* host: where the bytes go, all on one page; nothing is stored here. */
void soft_note_store(struct soft_cpu *c, const uint8_t *host, const uint8_t *src, unsigned len)
{
    const uint8_t *word = host - (uintptr_t)host % WORD;

    for (; word < host + len && !c->vcpu->tables_changed; word += WORD) {
        uint64_t old, new;

        old = mem_load_64(word);
        new = old;
        for (unsigned i = 0; i < WORD; i++) {
            if (word + i >= host && word + i < host + len)
                memcpy((uint8_t *)&new + i, src + (word + i - host), 1);
        }
        if (new != old && (may_be_entry(c, old) || may_be_entry(c, new)))
            c->vcpu->tables_changed = true;
    }
}
