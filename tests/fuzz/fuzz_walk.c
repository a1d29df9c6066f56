/* SPDX-License-Identifier: MIT */
/*
 * fuzz_walk.c - page walks and tree enumeration over memory a fuzzer made up
 *
 * Input: a head of HEAD_BYTES (control registers, addresses, switches: layout in head_read), then guest
 * memory from guest-physical 0 on, filled up with zeros to whole pages. With F_REPEAT memory repeats
 * for ever, so that every table address leads somewhere. What the tree says is held against single
 * walks and the other way round.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "x86/walk.h"

enum { PAGE = 4096, PAGES_MAX = 16, HEAD_BYTES = 84, BUDGET = 4096 };
enum { F_REPEAT = 1, F_HELD = 2, F_PAGED = 4, F_LONG = 8 };

struct mem {
    uint8_t bytes[PAGES_MAX * PAGE];
    uint64_t len; /* whole pages, at least one */
    bool repeats;
    uint64_t reads;
};

struct head {
    struct x86_paging_regs r;
    uint64_t gva, from, to;
    uint32_t stop_after; /* nodes; 0: never */
    uint8_t flags;
};

struct check {
    const struct head *h;
    const struct x86_phys *phys;
    uint64_t calls;
    uint64_t last_gva; /* of the node before */
    uint64_t next;     /* first address after the last leaf */
    bool any, full;    /* a leaf was told; it ended at 2^64 */
    bool found;        /* a leaf holds h->gva */
};

static bool mem_read(void *ctx, uint64_t gpa, void *buf, unsigned len)
{
    struct mem *m = ctx;

    CHECK(len == 4 || len == 8);
    CHECK(gpa % len == 0);
    CHECK(gpa < BIT(52));
    m->reads++;
    if (m->repeats)
        gpa %= m->len;
    if (gpa >= m->len)
        return false;
    memcpy(buf, m->bytes + gpa, len);
    return true;
}

static void head_read(struct head *h, const uint8_t *p)
{
    *h = (struct head){
        .r = {
            .cr0 = le_get(p, 4),
            .cr3 = le_get(p + 4, 8),
            .cr4 = le_get(p + 12, 4),
            .efer = le_get(p + 16, 4),
            .maxphyaddr = 32 + p[20] % 21u,
        },
        .flags = p[21],
        .stop_after = (uint32_t)le_get(p + 22, 2),
        .gva = le_get(p + 28, 8),
        .from = le_get(p + 36, 8),
        .to = le_get(p + 44, 8),
    };
    h->r.pdptr_valid = h->flags & F_HELD;
    for (unsigned i = 0; i < 4; i++)
        h->r.pdptr[i] = le_get(p + 52 + 8 * i, 8);
    /* A short way to the forms, next to the long way over the bits themselves. */
    if (h->flags & F_PAGED)
        h->r.cr0 |= X86_CR0_PG;
    if (h->flags & F_LONG) {
        h->r.cr4 |= X86_CR4_PAE;
        h->r.efer |= X86_EFER_LMA;
    }
}

static void mem_fill(struct mem *m, const uint8_t *data, size_t size)
{
    if (size > sizeof(m->bytes))
        size = sizeof(m->bytes);
    m->len = size == 0 ? PAGE : (size + PAGE - 1) / PAGE * PAGE;
    m->reads = 0;
    memset(m->bytes, 0, m->len);
    memcpy(m->bytes, data, size);
}

static struct x86_walk walk(const struct head *h, const struct x86_phys *phys, uint64_t gva)
{
    unsigned levels = x86_paging_levels(x86_paging_form(&h->r));
    struct mem *m = phys->ctx;
    uint64_t reads = m->reads;
    struct x86_walk w;

    memset(&w, 0xa5, sizeof(w));
    x86_walk(&h->r, phys, gva, &w);
    CHECK(w.form == x86_paging_form(&h->r));
    CHECK(w.gva == gva);
    CHECK(w.nsteps <= levels);
    CHECK(m->reads - reads <= levels);
    CHECK(x86_walk_end_text(w.end) != NULL);
    for (unsigned i = 0; i < w.nsteps; i++) {
        CHECK(w.step[i].level == levels - i);
        CHECK(i + 1 == w.nsteps || w.step[i].raw & 1);
    }
    if (w.end != X86_WALK_MAPPED) {
        CHECK(w.gpa == 0 && w.page_bytes == 0 && !w.writable && !w.user && !w.executable);
    } else if (w.form == X86_PG_NONE) {
        CHECK(w.gpa == gva && gva <= UINT32_MAX && w.nsteps == 0);
    } else {
        CHECK(w.gpa < BIT(52) && w.gpa >> h->r.maxphyaddr == 0);
        CHECK(((w.gpa ^ gva) & (w.page_bytes - 1)) == 0);
    }
    return w;
}

static void check_leaf(struct check *c, const struct x86_tree_node *leaf)
{
    const uint64_t off[] = { 0, leaf->bytes / 2 + 1, leaf->bytes - 1 };

    CHECK(!c->full && (!c->any || leaf->gva >= c->next));
    CHECK(leaf->gpa % leaf->bytes == 0);
    CHECK(!leaf->reserved && !leaf->no_memory);
    for (size_t i = 0; i < ARRAY_LEN(off); i++) {
        struct x86_walk w = walk(c->h, c->phys, leaf->gva + off[i]);

        CHECK(w.end == X86_WALK_MAPPED);
        CHECK(w.gpa == leaf->gpa + off[i]);
        CHECK(w.page_bytes == leaf->bytes);
        CHECK(w.writable == leaf->writable && w.user == leaf->user);
        CHECK(w.executable == leaf->executable);
        CHECK(w.step[w.nsteps - 1].raw == leaf->step.raw);
        CHECK(w.step[w.nsteps - 1].gpa == leaf->step.gpa);
    }
    c->any = true;
    c->next = leaf->gva + leaf->bytes;
    c->full = c->next == 0;
    c->found = c->found || c->h->gva - leaf->gva < leaf->bytes;
}

static bool check_node(void *ctx, const struct x86_tree_node *node)
{
    struct check *c = ctx;
    struct mem *m = c->phys->ctx;
    uint64_t reads = m->reads;
    uint64_t inside = node->gva > c->h->from ? node->gva : c->h->from;

    CHECK(c->h->stop_after == 0 || c->calls < c->h->stop_after);
    c->calls++;
    CHECK(node->step.raw & 1);
    CHECK(node->gva % node->bytes == 0);
    CHECK(node->gva <= c->h->to && node->gva + (node->bytes - 1) >= c->h->from);
    CHECK(node->gva >= c->last_gva);
    c->last_gva = node->gva;
    if (node->leaf)
        check_leaf(c, node);
    else if (node->reserved)
        CHECK(walk(c->h, c->phys, inside).end == X86_WALK_RESERVED);
    else if (node->no_memory)
        CHECK(walk(c->h, c->phys, inside).end == X86_WALK_NO_MEMORY);
    m->reads = reads; /* the walks of this check are not the tree's */
    return c->calls != c->h->stop_after;
}

static void check_tree(const struct head *h, const struct x86_phys *phys, const struct x86_walk *w)
{
    struct check c = { .h = h, .phys = phys };
    struct mem *m = phys->ctx;
    enum x86_tree_end end;

    m->reads = 0;
    end = x86_walk_tree(&h->r, phys, h->from, h->to, BUDGET, check_node, &c);
    CHECK(m->reads <= BUDGET);
    CHECK(c.calls <= BUDGET);
    CHECK((end == X86_TREE_STOPPED) == (h->stop_after != 0 && c.calls == h->stop_after));
    if (w->form == X86_PG_NONE)
        CHECK(c.calls == 0 && end == X86_TREE_DONE);
    else if (end == X86_TREE_DONE && h->gva >= h->from && h->gva <= h->to)
        CHECK(c.found == (w->end == X86_WALK_MAPPED));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mem *m;
    struct x86_phys phys;
    struct head h;
    struct x86_walk w;

    if (size < HEAD_BYTES)
        return 0;
    m = malloc(sizeof(*m));
    if (m == NULL)
        return 0;
    head_read(&h, data);
    mem_fill(m, data + HEAD_BYTES, size - HEAD_BYTES);
    m->repeats = h.flags & F_REPEAT;
    phys = (struct x86_phys){ mem_read, m };
    w = walk(&h, &phys, h.gva);
    check_tree(&h, &phys, &w);
    /* The whole neighbourhood of the address too: random ranges seldom hold it. */
    h.from = h.gva < GIB ? 0 : h.gva - GIB;
    h.to = h.gva > UINT64_MAX - MIB ? UINT64_MAX : h.gva + MIB;
    check_tree(&h, &phys, &w);
    h.from = h.to = h.gva;
    check_tree(&h, &phys, &w);
    free(m);
    return 0;
}
