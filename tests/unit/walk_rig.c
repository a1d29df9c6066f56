/* SPDX-License-Identifier: MIT */
/* walk_rig.c - guest memory, paths through tables, and the nodes of a tree. */
#include "walk_rig.h"

static uint8_t *ram_page(struct ram *ram, uint64_t gpa)
{
    for (unsigned i = 0; i < ram->npages; i++) {
        if (ram->gpa[i] == (gpa & ~(PAGE - 1)))
            return ram->bytes[i];
    }
    return NULL;
}

static bool ram_read(void *ctx, uint64_t gpa, void *buf, unsigned len)
{
    struct ram *ram = ctx;
    const uint8_t *page = ram_page(ram, gpa);

    assert_true(len == 4 || len == 8);
    assert_int_equal(gpa % len, 0);
    ram->reads++;
    if (page == NULL)
        return false;
    memcpy(buf, page + gpa % PAGE, len);
    return true;
}

uint8_t *ram_at(struct ram *ram, uint64_t gpa)
{
    uint8_t *page = ram_page(ram, gpa);

    if (page == NULL) {
        assert_true(ram->npages < RAM_PAGES);
        ram->gpa[ram->npages] = gpa & ~(PAGE - 1);
        page = ram->bytes[ram->npages++];
        memset(page, 0, PAGE);
    }
    return page + gpa % PAGE;
}

void put8(struct ram *ram, uint64_t gpa, uint64_t v)
{
    le_put(ram_at(ram, gpa), 8, v);
}

const struct shape shapes[X86_PG_5LEVEL + 1] = {
    [X86_PG_32] = {
        .levels = 2,
        .entry_len = 4,
        .cr4 = X86_CR4_PSE | X86_CR4_PGE,
        .gva = 0xc0805abc,
        .index = { [2] = 770, [1] = 5 },
    },
    [X86_PG_PAE] = {
        .levels = 3,
        .entry_len = 8,
        .cr4 = X86_CR4_PAE | X86_CR4_PGE,
        .efer = X86_EFER_NXE,
        .gva = 0x80605abc,
        .index = { [3] = 2, [2] = 3, [1] = 5 },
    },
    [X86_PG_4LEVEL] = {
        .levels = 4,
        .entry_len = 8,
        .cr4 = X86_CR4_PAE | X86_CR4_PGE,
        .efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE,
        .gva = 0xffff918200605abc,
        .index = { [4] = 291, [3] = 8, [2] = 3, [1] = 5 },
    },
    [X86_PG_5LEVEL] = {
        .levels = 5,
        .entry_len = 8,
        .cr4 = X86_CR4_PAE | X86_CR4_PGE | X86_CR4_LA57,
        .efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE,
        .gva = 0xff07118200605abc,
        .index = { [5] = 263, [4] = 35, [3] = 8, [2] = 3, [1] = 5 },
    },
};

const enum x86_paging paged[PAGED] = { X86_PG_32, X86_PG_PAE, X86_PG_4LEVEL, X86_PG_5LEVEL };

void set(struct path *p, unsigned level, uint64_t raw)
{
    le_put(ram_at(&p->ram, p->entry_gpa[level]), p->entry_len, raw);
}

uint64_t table_rights(enum x86_paging form, unsigned level)
{
    return form == X86_PG_PAE && level == 3 ? P : PWU;
}

void path_reset(struct path *p)
{
    for (unsigned level = p->levels; level > 1; level--)
        set(p, level, (level - 1) * PAGE | table_rights(p->form, level));
    set(p, 1, PAGE_GPA | PWU);
}

void path_init(struct path *p, enum x86_paging form)
{
    memset(p, 0, sizeof(*p));
    p->form = form;
    p->levels = shapes[form].levels;
    p->entry_len = shapes[form].entry_len;
    p->gva = shapes[form].gva;
    p->phys = (struct x86_phys){ ram_read, &p->ram };
    p->r = (struct x86_paging_regs){
        .cr0 = X86_CR0_PE | X86_CR0_PG,
        .cr3 = p->levels * PAGE,
        .cr4 = shapes[form].cr4,
        .efer = shapes[form].efer,
        .maxphyaddr = 40,
    };
    for (unsigned level = 1; level <= p->levels; level++)
        p->entry_gpa[level] = level * PAGE + shapes[form].index[level] * p->entry_len;
    path_reset(p);
}

struct x86_walk walk(struct path *p, uint64_t gva)
{
    struct x86_walk w;

    memset(&w, 0xa5, sizeof(w));
    x86_walk(&p->r, &p->phys, gva, &w);
    return w;
}

void expect_mapped(const struct x86_walk *w, uint64_t gpa, uint64_t bytes)
{
    assert_int_equal(w->end, X86_WALK_MAPPED);
    assert_int_equal(w->gpa, gpa);
    assert_int_equal(w->page_bytes, bytes);
}

void expect_end(struct path *p, uint64_t gva, enum x86_walk_end end, unsigned nsteps)
{
    struct x86_walk w = walk(p, gva);

    assert_int_equal(w.end, end);
    assert_int_equal(w.nsteps, nsteps);
    assert_int_equal(w.gva, gva);
    assert_int_equal(w.gpa, 0);
    assert_int_equal(w.page_bytes, 0);
    assert_false(w.writable || w.user || w.executable || w.global || w.dirty || w.accessed);
}

int setup(void **state)
{
    *state = malloc(sizeof(struct path));
    return *state == NULL ? -1 : 0;
}

int teardown(void **state)
{
    free(*state);
    return 0;
}

static bool collect(void *ctx, const struct x86_tree_node *node)
{
    struct nodes *out = ctx;

    assert_true(out->n < NODES_MAX);
    assert_true(out->stop_after == 0 || out->n < out->stop_after);
    out->node[out->n++] = *node;
    return out->n != out->stop_after;
}

void nodes_init(struct nodes *out)
{
    *out = (struct nodes){ .node = malloc(NODES_MAX * sizeof(out->node[0])) };
    assert_non_null(out->node);
}

enum x86_tree_end tree(struct path *p, uint64_t from, uint64_t to, uint64_t budget,
                       struct nodes *out)
{
    enum x86_tree_end end;

    out->n = 0;
    p->ram.reads = 0;
    end = x86_walk_tree(&p->r, &p->phys, from, to, budget, collect, out);
    assert_true(p->ram.reads <= budget);
    return end;
}
