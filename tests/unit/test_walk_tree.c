/* SPDX-License-Identifier: MIT */
/* test_walk_tree.c - the whole tree of tables told in order, within a range and a budget. */
#include "walk_rig.h"

static void tree_of_nothing(void **state)
{
    struct path *p = *state;
    struct nodes out;

    nodes_init(&out);
    path_init(p, X86_PG_32);
    p->r.cr0 = X86_CR0_PE;
    assert_int_equal(tree(p, 0, UINT64_MAX, NO_LIMIT, &out), X86_TREE_DONE);
    assert_int_equal(out.n, 0);
    assert_int_equal(p->ram.reads, 0);

    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        path_init(p, paged[i]);
        p->r.cr3 = 0x7000000;
        assert_int_equal(tree(p, 0, UINT64_MAX, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, 0);
        assert_int_equal(p->ram.reads, 1);
    }
    free(out.node);
}

static void tree_tells_tables_then_leaf(void **state)
{
    struct path *p = *state;
    struct nodes out;

    nodes_init(&out);
    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        path_init(p, paged[i]);
        set(p, 1, PAGE_GPA | P | U);
        assert_int_equal(tree(p, 0, UINT64_MAX, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, p->levels);
        for (unsigned n = 0; n < out.n; n++) {
            const struct x86_tree_node *node = &out.node[n];
            struct x86_walk w = walk(p, p->gva);

            assert_memory_equal(&node->step, &w.step[n], sizeof(node->step));
            assert_int_equal(node->gva, p->gva & ~(node->bytes - 1));
            assert_int_equal(node->leaf, n + 1 == out.n);
            assert_int_equal(node->gpa, node->leaf ? PAGE_GPA : (p->levels - n - 1) * PAGE);
            assert_int_equal(node->writable, !node->leaf);
            assert_true(node->user && node->executable);
            assert_false(node->reserved || node->no_memory);
        }
        assert_int_equal(out.node[out.n - 1].bytes, PAGE);
    }
    free(out.node);
}

static void tree_marks_what_leads_nowhere(void **state)
{
    struct path *p = *state;
    struct nodes out;

    nodes_init(&out);
    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        path_init(p, paged[i]);
        set(p, 2, 0x7000000 | PWU);
        assert_int_equal(tree(p, 0, UINT64_MAX, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, p->levels - 1);
        assert_true(out.node[out.n - 1].no_memory);
        assert_false(out.node[out.n - 1].leaf || out.node[out.n - 1].reserved);
        assert_int_equal(out.node[out.n - 1].gpa, 0x7000000);

        if (paged[i] == X86_PG_32)
            continue;
        path_reset(p);
        set(p, 1, PAGE_GPA | BIT(50) | PWU);
        assert_int_equal(tree(p, 0, UINT64_MAX, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, p->levels);
        assert_true(out.node[out.n - 1].reserved);
        assert_false(out.node[out.n - 1].leaf || out.node[out.n - 1].no_memory);

        set(p, 2, PAGE | BIT(50) | PWU);
        p->ram.reads = 0;
        assert_int_equal(tree(p, p->gva, p->gva, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, p->levels - 1);
        assert_true(out.node[out.n - 1].reserved);
        assert_int_equal(p->ram.reads, p->levels - 1);
    }
    free(out.node);
}

static void tree_uses_held_pdptes(void **state)
{
    struct path *p = *state;
    struct nodes out;

    nodes_init(&out);
    path_init(p, X86_PG_PAE);
    p->r.pdptr_valid = true;
    p->r.pdptr[1] = 2 * PAGE | P;
    p->r.pdptr[3] = 2 * PAGE | P;
    p->r.cr3 = 0x7000000;
    assert_int_equal(tree(p, 0, UINT64_MAX, NO_LIMIT, &out), X86_TREE_DONE);
    assert_int_equal(out.n, 6);
    assert_int_equal(out.node[0].step.gpa, UINT64_MAX);
    assert_int_equal(out.node[0].gva, GIB);
    assert_int_equal(out.node[2].gva, 0x40605000);
    assert_int_equal(out.node[3].gva, 3 * GIB);
    assert_int_equal(out.node[5].gva, 0xc0605000);
    assert_int_equal(p->ram.reads, 2 * (512 + 512));
    free(out.node);
}

static void tree_sign_extends(void **state)
{
    static const enum x86_paging wide[] = { X86_PG_4LEVEL, X86_PG_5LEVEL };
    struct path *p = *state;
    struct nodes out;

    nodes_init(&out);
    for (size_t i = 0; i < ARRAY_LEN(wide); i++) {
        uint64_t half, bytes;

        path_init(p, wide[i]);
        half = BIT(p->levels * 9 + 12 - 1);
        bytes = half / 256;
        memset(ram_at(&p->ram, p->levels * PAGE), 0, PAGE);
        put8(&p->ram, p->levels * PAGE + 255 * 8, 0x7000000 | PWU);
        put8(&p->ram, p->levels * PAGE + 256 * 8, 0x7000000 | PWU);
        put8(&p->ram, p->levels * PAGE + 511 * 8, 0x7000000 | PWU);
        assert_int_equal(tree(p, 0, UINT64_MAX, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, 3);
        assert_int_equal(out.node[0].gva, half - bytes);
        assert_int_equal(out.node[1].gva, 0 - half);
        assert_int_equal(out.node[2].gva, 0 - bytes);
        assert_int_equal(out.node[2].bytes, bytes);
        assert_int_equal(tree(p, half, 0 - half - 1, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, 0);
        assert_int_equal(p->ram.reads, 0);
    }
    free(out.node);
}

static void tree_range_is_inclusive_and_reads_no_more(void **state)
{
    struct path *p = *state;
    struct nodes out;

    nodes_init(&out);
    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        uint64_t page, levels;

        path_init(p, paged[i]);
        page = p->gva & ~(PAGE - 1);
        levels = p->levels;

        assert_int_equal(tree(p, p->gva, p->gva, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, levels);
        assert_int_equal(p->ram.reads, levels);
        assert_int_equal(tree(p, page - PAGE, page - 1, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, levels - 1);
        assert_int_equal(p->ram.reads, levels);
        assert_int_equal(tree(p, page - PAGE, page, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, levels);
        assert_int_equal(p->ram.reads, levels + 1);
        assert_int_equal(tree(p, page + PAGE, page + PAGE, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, levels - 1);
        assert_int_equal(tree(p, page + PAGE - 1, UINT64_MAX, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, levels);
        assert_int_equal(tree(p, 0, 0, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, 0);
        assert_int_equal(p->ram.reads, 1);
        assert_int_equal(tree(p, UINT64_MAX, UINT64_MAX, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, 0);
        assert_int_equal(tree(p, p->gva, p->gva - 1, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, 0);
        assert_int_equal(p->ram.reads, 0);
    }
    free(out.node);
}

static void tree_stops_when_told(void **state)
{
    struct path *p = *state;
    struct nodes out;

    nodes_init(&out);
    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        path_init(p, paged[i]);
        for (out.stop_after = 1; out.stop_after <= p->levels; out.stop_after++) {
            assert_int_equal(tree(p, 0, UINT64_MAX, NO_LIMIT, &out), X86_TREE_STOPPED);
            assert_int_equal(out.n, out.stop_after);
        }
    }
    free(out.node);
}

static void tree_budget_is_exact(void **state)
{
    struct path *p = *state;
    struct nodes out;

    nodes_init(&out);
    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        uint64_t all;

        path_init(p, paged[i]);
        assert_int_equal(tree(p, 0, UINT64_MAX, NO_LIMIT, &out), X86_TREE_DONE);
        all = p->ram.reads;
        assert_int_equal(tree(p, 0, UINT64_MAX, all, &out), X86_TREE_DONE);
        assert_int_equal(out.n, p->levels);
        assert_int_equal(tree(p, 0, UINT64_MAX, all - 1, &out), X86_TREE_CUT);
        assert_int_equal(p->ram.reads, all - 1);
        assert_int_equal(tree(p, 0, UINT64_MAX, 0, &out), X86_TREE_CUT);
        assert_int_equal(out.n, 0);

        /* an entry read is an entry told, even when nothing is left to look behind it */
        for (unsigned n = 1; n <= p->levels; n++) {
            assert_int_equal(tree(p, p->gva, p->gva, n, &out),
                             n == p->levels ? X86_TREE_DONE : X86_TREE_CUT);
            assert_int_equal(out.n, n);
            assert_false(out.node[n - 1].no_memory);
        }
    }
    free(out.node);
}

/* A root whose entries all point to itself: every level reads the same page. */
static void tree_survives_self_maps(void **state)
{
    static const enum x86_paging loops[] = { X86_PG_32, X86_PG_4LEVEL, X86_PG_5LEVEL };
    struct path *p = *state;
    struct nodes out;

    nodes_init(&out);
    for (size_t i = 0; i < ARRAY_LEN(loops); i++) {
        unsigned n;

        path_init(p, loops[i]);
        n = 4096 / p->entry_len;
        for (unsigned k = 0; k < n; k++)
            le_put(ram_at(&p->ram, p->r.cr3 + k * p->entry_len), p->entry_len, p->r.cr3 | PWU);
        assert_int_equal(tree(p, 0, UINT64_MAX, 5000, &out), X86_TREE_CUT);
        assert_int_equal(p->ram.reads, 5000);

        /* one slot only: the usual self-map, seen once a level and then as a page */
        memset(ram_at(&p->ram, p->r.cr3), 0, PAGE);
        le_put(ram_at(&p->ram, p->r.cr3 + 8 * p->entry_len), p->entry_len, p->r.cr3 | PWU);
        assert_int_equal(tree(p, 0, UINT64_MAX, NO_LIMIT, &out), X86_TREE_DONE);
        assert_int_equal(out.n, p->levels);
        assert_true(out.node[out.n - 1].leaf);
        assert_int_equal(out.node[out.n - 1].gpa, p->r.cr3);
        assert_int_equal(p->ram.reads, p->levels * n);
    }
    free(out.node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tree_of_nothing),
        TEST(tree_tells_tables_then_leaf),
        TEST(tree_marks_what_leads_nowhere),
        TEST(tree_uses_held_pdptes),
        TEST(tree_sign_extends),
        TEST(tree_range_is_inclusive_and_reads_no_more),
        TEST(tree_stops_when_told),
        TEST(tree_budget_is_exact),
        TEST(tree_survives_self_maps),
    };

    return cmocka_run_group_tests_name("x86/walk tree", tests, NULL, NULL);
}
