/* SPDX-License-Identifier: MIT */
/*
 * identity.c - identity page tables, any number of levels from one table of rows
 *
 * Tables of a level follow those of the level above. A level's table covers entries * span bytes.
 * Source: SDM 3A, "32-Bit Paging" and "4-Level Paging".
 */
#include "board/identity.h"

#include <errno.h>
#include <inttypes.h>

#include "base/bits.h"

enum { PAGE = 4096, MAX_LEVELS = 4 };

struct level {
    const char *name;
    uint64_t span; /* bytes one entry covers */
};

/* From the top table down to the 4 KiB page table. `large` is how many levels large pages need. */
static const struct form {
    unsigned entry_len, nlevels, large;
    uint64_t large_bytes;
    struct level level[MAX_LEVELS];
} forms[X86_STARTS] = {
    [X86_START_PAGED32] = { .entry_len = 4,
                            .nlevels = 2,
                            .large = 1,
                            .large_bytes = 4 * MIB,
                            .level = { { "page directory", 4 * MIB }, { "page table", PAGE } } },
    [X86_START_LONG] = { .entry_len = 8,
                         .nlevels = 4,
                         .large = 3,
                         .large_bytes = 2 * MIB,
                         .level = { { "PML4", 512 * GIB },
                                    { "PDPT", GIB },
                                    { "PD", 2 * MIB },
                                    { "PT", PAGE } } },
};

static unsigned levels_used(const struct form *f, const struct identity *id)
{
    return id->page_bytes == PAGE ? f->nlevels : f->large;
}

/* What of the memory the form can name: 32-bit paging ends at 4 GiB, whatever the memory. */
static uint64_t mapped_bytes(const struct form *f, const struct identity *id)
{
    return f->entry_len == 4 && id->mem_bytes > 4 * GIB ? 4 * GIB : id->mem_bytes;
}

static uint64_t tables_at(const struct form *f, const struct identity *id, unsigned level)
{
    uint64_t covers = f->level[level].span * (PAGE / f->entry_len);

    return (mapped_bytes(f, id) + covers - 1) / covers;
}

int identity_plan(struct identity *id, struct vitro_err *err)
{
    const struct form *f = &forms[id->start];

    id->ntables = 0;
    if (f->nlevels == 0) {
        if (id->page_bytes != 0)
            return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                             "page size: %s mode has no paging; use it with --mode long or paged32",
                             x86_start_names[id->start]);
        return 0;
    }
    if (id->page_bytes != 0 && id->page_bytes != PAGE && id->page_bytes != f->large_bytes)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "page size %" PRIu64 " KiB: %s mode has 4 KiB and %" PRIu64 " MiB",
                         id->page_bytes / KIB, x86_start_names[id->start], f->large_bytes / MIB);
    for (unsigned l = 0; l < levels_used(f, id); l++)
        id->ntables += (unsigned)tables_at(f, id, l);
    return 0;
}

/* Entries of all tables of one level, which are contiguous; `below` is the first table they point to. */
static void write_level(const struct form *f, const struct identity *id, struct mem *mem,
                        unsigned level, gpa_t at, gpa_t below)
{
    uint64_t span = f->level[level].span;
    bool leaf = level + 1 == levels_used(f, id);
    uint64_t flags = X86_PTE_P | X86_PTE_W | X86_PTE_U;

    if (leaf && span != PAGE)
        flags |= X86_PTE_PS;
    for (uint64_t i = 0; i * span < mapped_bytes(f, id); i++) {
        void *entry = mem_host(mem, at + i * f->entry_len, f->entry_len, true);

        le_put(entry, f->entry_len, (leaf ? i * span : below + i * PAGE) | flags);
    }
}

void identity_write(const struct identity *id, struct mem *mem, gpa_t at)
{
    const struct form *f = &forms[id->start];

    for (unsigned l = 0; l < levels_used(f, id); l++) {
        uint64_t n = tables_at(f, id, l);

        write_level(f, id, mem, l, at, at + n * PAGE);
        mem_note(mem, MEM_USE_TABLES, at, n * PAGE, "%s", f->level[l].name);
        at += n * PAGE;
    }
}
