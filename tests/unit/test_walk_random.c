/* SPDX-License-Identifier: MIT */
/* test_walk_random.c - random tables: the tree against single walks. */
#include "walk_rig.h"

static uint64_t next_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

enum { POOL_PAGES = 20 };

/* Mostly sound entries; some large, some reserved, some out of memory. */
static uint64_t random_entry(const struct path *p, uint64_t *seed)
{
    uint64_t v = next_random(seed);
    uint64_t raw = P | (v & (W | U | A | D | G)) | ((v >> 10) % POOL_PAGES) << 12;

    if ((v >> 20 & 3) == 0)
        raw = (raw & 0xfff) | PS | (v >> 22 & 15) << 30;
    if ((v >> 30 & 15) == 0)
        raw |= BIT(21) << (v >> 34 & 3);
    if ((v >> 40 & 31) == 0)
        raw ^= UINT64_C(1) << (v >> 46 & 63);
    if (p->entry_len == 8 && (v >> 52 & 7) == 0)
        raw |= NX;
    return p->entry_len == 8 ? raw : (uint32_t)raw;
}

static void random_tables(struct path *p, enum x86_paging form, uint64_t *seed)
{
    uint64_t v = next_random(seed);

    path_init(p, form);
    memset(&p->ram, 0, sizeof(p->ram));
    p->r.cr3 = 0;
    p->r.maxphyaddr = 32 + (unsigned)(v % 21);
    if ((v >> 8 & 3) == 0)
        p->r.cr4 ^= X86_CR4_PSE;
    if ((v >> 10 & 7) == 0)
        p->r.efer &= ~(uint64_t)X86_EFER_NXE;
    p->r.pdptr_valid = v >> 13 & 1;
    for (unsigned i = 0; i < 4; i++)
        p->r.pdptr[i] = random_entry(p, seed) & (0xff001 | (next_random(seed) % 8 == 0 ? 6 : 0));
    for (unsigned page = 0; page < POOL_PAGES; page++) {
        ram_at(&p->ram, page * PAGE);
        for (unsigned i = 0; i < 3; i++) {
            unsigned index = (unsigned)(next_random(seed) % (PAGE / p->entry_len));

            le_put(ram_at(&p->ram, page * PAGE + index * p->entry_len), p->entry_len,
                   random_entry(p, seed));
        }
    }
    for (unsigned i = 0; i < 4; i++) /* the first entries are all there is of a PDPT */
        if (form == X86_PG_PAE)
            put8(&p->ram, i * 8, random_entry(p, seed) & 0xff001);
}

static void expect_same(const struct x86_walk *w, const struct x86_tree_node *leaf)
{
    expect_mapped(w, leaf->gpa + (w->gva - leaf->gva), leaf->bytes);
    assert_int_equal(w->writable, leaf->writable);
    assert_int_equal(w->user, leaf->user);
    assert_int_equal(w->executable, leaf->executable);
    assert_memory_equal(&w->step[w->nsteps - 1], &leaf->step, sizeof(leaf->step));
}

static void check_node(struct path *p, const struct x86_tree_node *node, uint64_t *seed)
{
    const uint64_t off[] = { 0, node->bytes - 1, next_random(seed) % node->bytes };

    for (size_t i = 0; i < ARRAY_LEN(off); i++) {
        struct x86_walk w = walk(p, node->gva + off[i]);

        if (node->leaf)
            expect_same(&w, node);
        else if (node->reserved || node->no_memory)
            assert_int_equal(w.end, node->reserved ? X86_WALK_RESERVED : X86_WALK_NO_MEMORY);
        else
            assert_true(w.nsteps > p->levels - node->step.level + 1u);
    }
}

/* No leaf lies in [from, to]: single walks must find nothing there. */
static void check_gap(struct path *p, uint64_t from, uint64_t to, uint64_t *seed)
{
    uint64_t span = to - from;
    uint64_t some = span == UINT64_MAX ? next_random(seed) : next_random(seed) % (span + 1);

    assert_int_not_equal(walk(p, from).end, X86_WALK_MAPPED);
    assert_int_not_equal(walk(p, to).end, X86_WALK_MAPPED);
    assert_int_not_equal(walk(p, from + some).end, X86_WALK_MAPPED);
}

static void check_all(struct path *p, const struct nodes *all, uint64_t *seed)
{
    uint64_t next = 0; /* first address after the last leaf */
    bool full = false;

    for (size_t i = 0; i < all->n; i++) {
        const struct x86_tree_node *node = &all->node[i];

        assert_true(i == 0 || node->gva >= all->node[i - 1].gva);
        check_node(p, node, seed);
        if (!node->leaf)
            continue;
        assert_true(!full && node->gva >= next);
        if (node->gva > next)
            check_gap(p, next, node->gva - 1, seed);
        next = node->gva + node->bytes;
        full = next == 0;
    }
    if (!full)
        check_gap(p, next, UINT64_MAX, seed);
}

/* A range gives what the whole gives, less the nodes outside. */
static void check_range(struct path *p, const struct nodes *all, struct nodes *part, uint64_t *seed)
{
    uint64_t a = next_random(seed), b = next_random(seed);
    uint64_t reads = p->ram.reads;
    size_t k = 0;

    if (all->n > 0) {
        a = all->node[a % all->n].gva + (b % 3 - 1);
        b = all->node[b % all->n].gva + (a % 5 - 1);
    }
    if (a > b) {
        uint64_t t = a;

        a = b;
        b = t;
    }
    assert_int_equal(tree(p, a, b, NO_LIMIT, part), X86_TREE_DONE);
    assert_true(p->ram.reads <= reads);
    for (size_t i = 0; i < all->n; i++) {
        const struct x86_tree_node *node = &all->node[i];

        if (node->gva > b || node->gva + (node->bytes - 1) < a)
            continue;
        assert_true(k < part->n);
        assert_memory_equal(&part->node[k].step, &node->step, sizeof(node->step));
        assert_int_equal(part->node[k].gva, node->gva);
        assert_int_equal(part->node[k].leaf, node->leaf);
        assert_int_equal(part->node[k].no_memory, node->no_memory);
        k++;
    }
    assert_int_equal(k, part->n);
}

static void random_tree_agrees_with_walks(void **state)
{
    struct path *p = *state;
    struct nodes all, part;
    size_t leaves = 0, reserved = 0, no_memory = 0;

    nodes_init(&all);
    nodes_init(&part);
    for (uint64_t n = 0; n < 400; n++) {
        uint64_t seed = n, reads;

        random_tables(p, paged[n % ARRAY_LEN(paged)], &seed);
        assert_int_equal(tree(p, 0, UINT64_MAX, NO_LIMIT, &all), X86_TREE_DONE);
        reads = p->ram.reads;
        check_all(p, &all, &seed);
        for (unsigned i = 0; i < 8; i++) {
            p->ram.reads = reads;
            check_range(p, &all, &part, &seed);
        }
        for (size_t i = 0; i < all.n; i++) {
            leaves += all.node[i].leaf;
            reserved += all.node[i].reserved;
            no_memory += all.node[i].no_memory;
        }
    }
    /* the tables must have been worth the trouble */
    assert_true(leaves > 4000 && reserved > 500 && no_memory > 100);
    free(part.node);
    free(all.node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(random_tree_agrees_with_walks),
    };

    return cmocka_run_group_tests_name("x86/walk random", tests, NULL, NULL);
}
