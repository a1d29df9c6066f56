/* SPDX-License-Identifier: MIT */
/*
 * walk.c - page walks of all forms, driven by one table of entry formats
 *
 * Source: Intel SDM 3A, chapter "Paging": "32-Bit Paging", "PAE Paging", "4-Level Paging and
 * 5-Level Paging", the figures "Formats of CR3 and Paging-Structure Entries". Each row of forms[]
 * is one of those figures.
 *
 * Taken as given: the CPU has PAT, PSE-36 and 1 GiB pages. Left out: protection keys and the
 * address tags of LAM, which decide about an access and not about a translation, and AMD's
 * reserved bit 8 in the top levels, which Intel ignores.
 */
#include "x86/walk.h"

#include <assert.h>

#define BITS(hi, lo) ((UINT64_MAX >> (63 - (hi))) & (UINT64_MAX << (lo)))

enum large { LARGE_NEVER, LARGE_IF_PSE, LARGE_ALWAYS }; /* whether PS = 1 makes the entry a page */

struct level_row {
    uint8_t shift, bits; /* of the index in the linear address */
    bool no_rights;      /* the entry has no W and U bits */
    enum large large;
    uint64_t rsvd;       /* in every entry */
    uint64_t large_rsvd; /* more of them in a large page; bit 12 is its PAT bit */
    uint64_t large_high; /* field that holds physical address bits 39:32 of a large page */
};

struct form_row {
    const char *name;
    uint8_t levels;
    uint8_t entry_len;
    uint8_t linear_bits;                         /* more than 32: the rest repeats the top one */
    uint64_t root;                               /* address bits of CR3 */
    uint64_t addr;                               /* address bits of an entry */
    struct level_row level[X86_WALK_LEVELS + 1]; /* by level; 0 is not used */
};

/* The levels that 4-level and 5-level paging share. */
#define LONG_LEVELS                                                                      \
    [1] = { .shift = 12, .bits = 9 },                                                    \
    [2] = { .shift = 21, .bits = 9, .large = LARGE_ALWAYS, .large_rsvd = BITS(20, 13) }, \
    [3] = { .shift = 30, .bits = 9, .large = LARGE_ALWAYS, .large_rsvd = BITS(29, 13) }, \
    [4] = { .shift = 39, .bits = 9, .rsvd = BIT(7) }

/* clang-format off */
static const struct form_row forms[] = {
    [X86_PG_NONE] = { .name = "none", .linear_bits = 32 },
    [X86_PG_32] = {
        .name = "32-bit", .levels = 2, .entry_len = 4, .linear_bits = 32,
        .root = BITS(31, 12), .addr = BITS(31, 12),
        .level = {
            [1] = { .shift = 12, .bits = 10 },
            [2] = { .shift = 22, .bits = 10, .large = LARGE_IF_PSE, .large_rsvd = BIT(21),
                    .large_high = BITS(20, 13) },
        },
    },
    [X86_PG_PAE] = {
        /* Unlike long mode, nothing is ignored above the address: bits 62:52 are reserved. */
        .name = "PAE", .levels = 3, .entry_len = 8, .linear_bits = 32,
        .root = BITS(31, 5), .addr = BITS(51, 12),
        .level = {
            [1] = { .shift = 12, .bits = 9, .rsvd = BITS(62, 52) },
            [2] = { .shift = 21, .bits = 9, .rsvd = BITS(62, 52), .large = LARGE_ALWAYS,
                    .large_rsvd = BITS(20, 13) },
            [3] = { .shift = 30, .bits = 2, .rsvd = BITS(63, 52) | BITS(8, 5) | BITS(2, 1),
                    .no_rights = true },
        },
    },
    [X86_PG_4LEVEL] = {
        .name = "4-level", .levels = 4, .entry_len = 8, .linear_bits = 48,
        .root = BITS(51, 12), .addr = BITS(51, 12),
        .level = { LONG_LEVELS },
    },
    [X86_PG_5LEVEL] = {
        .name = "5-level", .levels = 5, .entry_len = 8, .linear_bits = 57,
        .root = BITS(51, 12), .addr = BITS(51, 12),
        .level = { LONG_LEVELS, [5] = { .shift = 48, .bits = 9, .rsvd = BIT(7) } },
    },
};
/* clang-format on */

struct pager {
    const struct x86_paging_regs *r;
    const struct x86_phys *phys;
    const struct form_row *f;
};

struct rights {
    bool writable, user, executable;
};

/* What an entry with P = 1 says. */
struct entry {
    bool leaf, reserved;
    uint64_t gpa; /* of the page or of the next table */
};

void x86_paging_regs_from(const struct x86_state *s, unsigned maxphyaddr,
                          struct x86_paging_regs *out)
{
    *out = (struct x86_paging_regs){
        .cr0 = s->cr0,
        .cr3 = s->cr3,
        .cr4 = s->cr4,
        .efer = s->efer,
        .pdptr_valid = s->pdptr_valid,
        .maxphyaddr = maxphyaddr,
    };
    for (unsigned i = 0; i < ARRAY_LEN(out->pdptr); i++)
        out->pdptr[i] = s->pdptr[i];
}

/* SDM 3A, "Paging Modes and Control Bits". LMA, not LME: with PG = 1 they agree in a real CPU. */
enum x86_paging x86_paging_form(const struct x86_paging_regs *r)
{
    if (!(r->cr0 & X86_CR0_PG))
        return X86_PG_NONE;
    if (!(r->cr4 & X86_CR4_PAE))
        return X86_PG_32;
    if (!(r->efer & X86_EFER_LMA))
        return X86_PG_PAE;
    return r->cr4 & X86_CR4_LA57 ? X86_PG_5LEVEL : X86_PG_4LEVEL;
}

const char *x86_paging_name(enum x86_paging form)
{
    assert((unsigned)form < ARRAY_LEN(forms));
    return forms[form].name;
}

const char *x86_level_name(unsigned level)
{
    static const char *const names[] = {
        [1] = "PT", [2] = "PD", [3] = "PDPT", [4] = "PML4", [5] = "PML5",
    };

    assert(level >= 1 && level < ARRAY_LEN(names));
    return names[level];
}

const char *x86_walk_end_text(enum x86_walk_end end)
{
    static const char *const texts[] = {
        [X86_WALK_MAPPED] = "mapped",
        [X86_WALK_NOT_PRESENT] = "not present",
        [X86_WALK_RESERVED] = "reserved bit set",
        [X86_WALK_NO_MEMORY] = "table outside memory",
        [X86_WALK_NON_CANONICAL] = "address not canonical",
        [X86_WALK_BEYOND] = "address beyond 32 bits",
    };

    assert((unsigned)end < ARRAY_LEN(texts));
    return texts[end];
}

unsigned x86_paging_levels(enum x86_paging form)
{
    assert((unsigned)form < ARRAY_LEN(forms));
    return forms[form].levels;
}

static struct pager pager_of(const struct x86_paging_regs *r, const struct x86_phys *phys)
{
    assert(r->maxphyaddr >= 32 && r->maxphyaddr <= 52);
    return (struct pager){ .r = r, .phys = phys, .f = &forms[x86_paging_form(r)] };
}

/* Repeats the top linear-address bit upwards in long mode, drops what is above it elsewhere. */
static uint64_t linear(const struct form_row *f, uint64_t gva)
{
    uint64_t top = BIT(f->linear_bits - 1);

    gva &= top | (top - 1);
    return f->linear_bits > 32 ? (gva ^ top) - top : gva;
}

/* The PDPTEs are loaded with CR3 and stay as they were, whatever memory holds by now: SDM 3A,
 * "PDPTE Registers". *out is written on success only. */
static bool entry_read(const struct pager *p, unsigned level, uint64_t table, unsigned index,
                       struct x86_walk_step *out)
{
    unsigned len = p->f->entry_len;
    bool held = p->f == &forms[X86_PG_PAE] && level == 3 && p->r->pdptr_valid;
    uint64_t gpa = held ? UINT64_MAX : table + (uint64_t)index * len;
    uint64_t raw = held ? p->r->pdptr[index] : 0;
    uint8_t buf[8];

    if (!held) {
        if (!p->phys->read(p->phys->ctx, gpa, buf, len))
            return false;
        raw = le_get(buf, len);
    }
    *out = (struct x86_walk_step){
        .level = (uint8_t)level,
        .entry_len = (uint8_t)len,
        .index = (uint16_t)index,
        .gpa = gpa,
        .raw = raw,
    };
    return true;
}

static bool is_leaf(const struct pager *p, unsigned level, uint64_t raw)
{
    enum large large = p->f->level[level].large;

    if (level == 1)
        return true;
    if (large == LARGE_NEVER || !(raw & X86_PTE_PS))
        return false;
    return large == LARGE_ALWAYS || p->r->cr4 & X86_CR4_PSE;
}

static struct entry entry_decode(const struct pager *p, const struct x86_walk_step *st)
{
    const struct level_row *lv = &p->f->level[st->level];
    struct entry e = { .leaf = is_leaf(p, st->level, st->raw), .gpa = st->raw & p->f->addr };
    uint64_t rsvd = lv->rsvd;

    if (e.leaf && st->level > 1) {
        rsvd |= lv->large_rsvd;
        e.gpa &= ~(BIT(lv->shift) - 1);
        e.gpa |= (st->raw & lv->large_high) << (32 - 13);
    }
    if (!(p->r->efer & X86_EFER_NXE))
        rsvd |= X86_PTE_NX; /* an entry of 4 bytes has no bit 63 to trip over */
    e.reserved = st->raw & rsvd || e.gpa >> p->r->maxphyaddr;
    return e;
}

static struct rights rights_below(const struct pager *p, struct rights above,
                                  const struct x86_walk_step *st)
{
    bool none = p->f->level[st->level].no_rights;

    return (struct rights){
        .writable = above.writable && (none || st->raw & X86_PTE_W),
        .user = above.user && (none || st->raw & X86_PTE_U),
        .executable = above.executable && !(st->raw & X86_PTE_NX),
    };
}

static void walk_mapped(const struct pager *p, struct rights rights, uint64_t page,
                        struct x86_walk *out)
{
    const struct x86_walk_step *st = &out->step[out->nsteps - 1];

    out->page_bytes = BIT(p->f->level[st->level].shift);
    out->gpa = page | (out->gva & (out->page_bytes - 1));
    out->writable = rights.writable;
    out->user = rights.user;
    out->executable = rights.executable;
    out->global = st->raw & X86_PTE_G && p->r->cr4 & X86_CR4_PGE;
    out->dirty = st->raw & X86_PTE_D;
    out->accessed = st->raw & X86_PTE_A;
}

static enum x86_walk_end walk_tables(const struct pager *p, struct x86_walk *out)
{
    struct rights rights = { true, true, true };
    uint64_t table = p->r->cr3 & p->f->root;

    for (unsigned level = p->f->levels; level > 0; level--) {
        const struct level_row *lv = &p->f->level[level];
        unsigned index = (unsigned)(out->gva >> lv->shift & (BIT(lv->bits) - 1));
        struct x86_walk_step *st = &out->step[out->nsteps];
        struct entry e;

        if (!entry_read(p, level, table, index, st))
            return X86_WALK_NO_MEMORY;
        out->nsteps++;
        if (!(st->raw & X86_PTE_P))
            return X86_WALK_NOT_PRESENT; /* then no bit of it is reserved */
        e = entry_decode(p, st);
        if (e.reserved)
            return X86_WALK_RESERVED;
        rights = rights_below(p, rights, st);
        if (e.leaf) {
            walk_mapped(p, rights, e.gpa, out);
            break;
        }
        table = e.gpa;
    }
    return X86_WALK_MAPPED;
}

void x86_walk(const struct x86_paging_regs *r, const struct x86_phys *phys, uint64_t gva,
              struct x86_walk *out)
{
    struct pager p = pager_of(r, phys);

    *out = (struct x86_walk){ .form = x86_paging_form(r), .gva = gva };
    if (linear(p.f, gva) != gva) {
        out->end = p.f->linear_bits > 32 ? X86_WALK_NON_CANONICAL : X86_WALK_BEYOND;
    } else if (out->form == X86_PG_NONE) {
        out->gpa = gva;
        out->writable = out->user = out->executable = true;
    } else {
        out->end = walk_tables(&p, out);
    }
}

struct tree {
    struct pager p;
    uint64_t from, to; /* both included */
    uint64_t left;     /* entries that may still be read */
    x86_tree_fn *fn;
    void *ctx;
};

static enum x86_tree_end tree_tell(const struct tree *t, const struct x86_tree_node *node)
{
    return t->fn(t->ctx, node) ? X86_TREE_DONE : X86_TREE_STOPPED;
}

static enum x86_tree_end tree_table(struct tree *t, struct x86_tree_node *owner, unsigned level);

/* node has its place and its entry; above is the node of the table it lies in. */
static enum x86_tree_end tree_entry(struct tree *t, const struct x86_tree_node *above,
                                    struct x86_tree_node *node)
{
    struct rights rights = { above->writable, above->user, above->executable };
    struct entry e;

    if (!(node->step.raw & X86_PTE_P))
        return X86_TREE_DONE;
    e = entry_decode(&t->p, &node->step);
    rights = rights_below(&t->p, rights, &node->step);
    node->gpa = e.gpa;
    node->reserved = e.reserved;
    node->leaf = e.leaf && !e.reserved;
    node->writable = rights.writable;
    node->user = rights.user;
    node->executable = rights.executable;
    if (e.leaf || e.reserved)
        return tree_tell(t, node);
    return tree_table(t, node, node->step.level - 1u);
}

/*
 * Reads the table that owner points to, and first tells of owner itself: only the first read shows
 * whether there is memory behind it. Memory comes in whole pages, so one failed read stands for the
 * table.
 */
static enum x86_tree_end tree_table(struct tree *t, struct x86_tree_node *owner, unsigned level)
{
    const struct level_row *lv = &t->p.f->level[level];
    bool told = level == t->p.f->levels; /* no entry points to the root, CR3 does */
    enum x86_tree_end end = X86_TREE_DONE;

    for (unsigned i = 0; i < BIT(lv->bits) && end == X86_TREE_DONE; i++) {
        uint64_t gva = linear(t->p.f, owner->gva + ((uint64_t)i << lv->shift));
        struct x86_tree_node node = { .gva = gva, .bytes = BIT(lv->shift) };
        bool cut = t->left == 0, readable = false;

        if (gva > t->to || gva + (node.bytes - 1) < t->from)
            continue;
        if (!cut) {
            t->left--;
            readable = entry_read(&t->p, level, owner->gpa, i, &node.step);
        }
        if (!told) {
            owner->no_memory = !cut && !readable;
            end = tree_tell(t, owner);
            told = true;
        }
        if (end != X86_TREE_DONE || !readable)
            return end == X86_TREE_DONE && cut ? X86_TREE_CUT : end;
        end = tree_entry(t, owner, &node);
    }
    return end;
}

enum x86_tree_end x86_walk_tree(const struct x86_paging_regs *r, const struct x86_phys *phys,
                                uint64_t from, uint64_t to, uint64_t max_entries, x86_tree_fn *fn,
                                void *ctx)
{
    struct tree t = { pager_of(r, phys), from, to, max_entries, fn, ctx };
    struct x86_tree_node root = {
        .gpa = r->cr3 & t.p.f->root,
        .writable = true,
        .user = true,
        .executable = true,
    };

    if (t.p.f->levels == 0 || from > to)
        return X86_TREE_DONE;
    return tree_table(&t, &root, t.p.f->levels);
}
