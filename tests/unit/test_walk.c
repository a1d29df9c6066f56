/* SPDX-License-Identifier: MIT */
/* test_walk.c - forms of paging, good paths, page sizes, and which addresses there are. */
#include "walk_rig.h"

/* --- names, forms, registers --- */

static void names_are_there(void **state)
{
    (void)state;
    assert_string_equal(x86_paging_name(X86_PG_NONE), "none");
    assert_string_equal(x86_paging_name(X86_PG_32), "32-bit");
    assert_string_equal(x86_paging_name(X86_PG_PAE), "PAE");
    assert_string_equal(x86_paging_name(X86_PG_4LEVEL), "4-level");
    assert_string_equal(x86_paging_name(X86_PG_5LEVEL), "5-level");
    assert_string_equal(x86_level_name(1), "PT");
    assert_string_equal(x86_level_name(2), "PD");
    assert_string_equal(x86_level_name(3), "PDPT");
    assert_string_equal(x86_level_name(4), "PML4");
    assert_string_equal(x86_level_name(5), "PML5");
    for (int a = X86_WALK_MAPPED; a <= X86_WALK_BEYOND; a++) {
        assert_non_null(x86_walk_end_text((enum x86_walk_end)a));
        for (int b = X86_WALK_MAPPED; b < a; b++)
            assert_string_not_equal(x86_walk_end_text((enum x86_walk_end)a),
                                    x86_walk_end_text((enum x86_walk_end)b));
    }
    assert_int_equal(x86_paging_levels(X86_PG_NONE), 0);
    assert_int_equal(x86_paging_levels(X86_PG_32), 2);
    assert_int_equal(x86_paging_levels(X86_PG_PAE), 3);
    assert_int_equal(x86_paging_levels(X86_PG_4LEVEL), 4);
    assert_int_equal(x86_paging_levels(X86_PG_5LEVEL), 5);
}

static void form_follows_control_bits(void **state)
{
    static const struct {
        bool pg, pae, lma, la57;
        enum x86_paging form;
    } rows[] = {
        { 0, 0, 0, 0, X86_PG_NONE }, { 0, 1, 0, 0, X86_PG_NONE },   { 0, 1, 0, 1, X86_PG_NONE },
        { 1, 0, 0, 0, X86_PG_32 },   { 1, 0, 0, 1, X86_PG_32 },     { 1, 1, 0, 0, X86_PG_PAE },
        { 1, 1, 0, 1, X86_PG_PAE },  { 1, 1, 1, 0, X86_PG_4LEVEL }, { 1, 1, 1, 1, X86_PG_5LEVEL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct x86_paging_regs r = {
            .cr0 = X86_CR0_PE | (rows[i].pg ? X86_CR0_PG : 0),
            .cr4 = (rows[i].pae ? X86_CR4_PAE : 0) | (rows[i].la57 ? X86_CR4_LA57 : 0),
            .efer = rows[i].lma ? X86_EFER_LMA : 0,
            .maxphyaddr = 40,
        };

        assert_int_equal(x86_paging_form(&r), rows[i].form);
    }
}

static void regs_come_from_state(void **state)
{
    struct x86_state *s = calloc(1, sizeof(*s));
    struct x86_paging_regs r;

    (void)state;
    assert_non_null(s);
    s->cr0 = 1;
    s->cr3 = 2;
    s->cr4 = 3;
    s->efer = 4;
    s->pdptr_valid = true;
    for (unsigned i = 0; i < 4; i++)
        s->pdptr[i] = 10 + i;
    x86_paging_regs_from(s, 43, &r);
    free(s);
    assert_int_equal(r.cr0, 1);
    assert_int_equal(r.cr3, 2);
    assert_int_equal(r.cr4, 3);
    assert_int_equal(r.efer, 4);
    assert_int_equal(r.maxphyaddr, 43);
    assert_true(r.pdptr_valid);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(r.pdptr[i], 10 + i);
}

/* --- one good path in each form --- */

static void no_paging_is_identity(void **state)
{
    struct path *p = *state;
    struct x86_walk w;

    path_init(p, X86_PG_4LEVEL);
    p->r.cr0 = X86_CR0_PE;
    w = walk(p, 0xfffffff0);
    expect_mapped(&w, 0xfffffff0, 0);
    assert_int_equal(w.form, X86_PG_NONE);
    assert_int_equal(w.nsteps, 0);
    assert_true(w.writable && w.user && w.executable);
    assert_false(w.global || w.dirty || w.accessed);
    expect_end(p, BIT(32), X86_WALK_BEYOND, 0);
    assert_int_equal(p->ram.reads, 0);
}

static void path_is_walked_in_every_form(void **state)
{
    struct path *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        struct x86_walk w;

        path_init(p, paged[i]);
        w = walk(p, p->gva);
        expect_mapped(&w, PAGE_GPA + 0xabc, PAGE);
        assert_int_equal(w.form, paged[i]);
        assert_int_equal(w.gva, p->gva);
        assert_int_equal(w.nsteps, p->levels);
        assert_int_equal(p->ram.reads, p->levels);
        for (unsigned n = 0; n < w.nsteps; n++) {
            unsigned level = p->levels - n;

            assert_int_equal(w.step[n].level, level);
            assert_int_equal(w.step[n].entry_len, p->entry_len);
            assert_int_equal(w.step[n].index, shapes[paged[i]].index[level]);
            assert_int_equal(w.step[n].gpa, p->entry_gpa[level]);
            assert_int_equal(w.step[n].raw,
                             le_get(ram_at(&p->ram, p->entry_gpa[level]), p->entry_len));
        }
        assert_true(w.writable && w.user && w.executable);
        assert_false(w.global || w.dirty || w.accessed);
    }
}

static void absent_entry_ends_walk_at_each_level(void **state)
{
    struct path *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        path_init(p, paged[i]);
        for (unsigned level = 1; level <= p->levels; level++) {
            path_reset(p);
            set(p, level, UINT64_MAX - 1); /* all reserved bits, but not present */
            expect_end(p, p->gva, X86_WALK_NOT_PRESENT, p->levels - level + 1);
        }
    }
}

static void table_outside_memory_ends_walk_at_each_level(void **state)
{
    struct path *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        path_init(p, paged[i]);
        for (unsigned level = 2; level <= p->levels; level++) {
            path_reset(p);
            set(p, level, 0x7000000 | table_rights(paged[i], level));
            expect_end(p, p->gva, X86_WALK_NO_MEMORY, p->levels - level + 1);
        }
        p->r.cr3 = 0x7000000;
        expect_end(p, p->gva, X86_WALK_NO_MEMORY, 0);
        assert_int_equal(walk(p, p->gva).step[0].raw, 0);
    }
}

/* --- page sizes --- */

static void large_pages(void **state)
{
    static const struct {
        enum x86_paging form;
        unsigned level;
        uint64_t page, bytes;
    } rows[] = {
        { X86_PG_32, 2, 0x3fc00000, 4 * MIB },       { X86_PG_PAE, 2, 0x8123600000, 2 * MIB },
        { X86_PG_4LEVEL, 2, 0x8123600000, 2 * MIB }, { X86_PG_4LEVEL, 3, 0x8140000000, GIB },
        { X86_PG_5LEVEL, 2, 0x8123600000, 2 * MIB }, { X86_PG_5LEVEL, 3, 0x8140000000, GIB },
    };
    struct path *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t pat = BIT(12);
        struct x86_walk w;

        path_init(p, rows[i].form);
        set(p, rows[i].level, rows[i].page | PWU | PS);
        w = walk(p, p->gva);
        expect_mapped(&w, rows[i].page | (p->gva & (rows[i].bytes - 1)), rows[i].bytes);
        assert_int_equal(w.nsteps, p->levels - rows[i].level + 1);
        set(p, rows[i].level, rows[i].page | PWU | PS | pat);
        w = walk(p, p->gva | (rows[i].bytes - 1));
        expect_mapped(&w, rows[i].page + rows[i].bytes - 1, rows[i].bytes);
    }
}

static void pse_off_ignores_ps(void **state)
{
    struct path *p = *state;
    struct x86_walk w;

    path_init(p, X86_PG_32);
    set(p, 2, PAGE | PWU | PS);
    p->r.cr4 &= ~(uint64_t)X86_CR4_PSE;
    w = walk(p, p->gva);
    expect_mapped(&w, PAGE_GPA + 0xabc, PAGE);

    /* PAE does not look at CR4.PSE */
    path_init(p, X86_PG_PAE);
    set(p, 2, 0x600000 | PWU | PS);
    p->r.cr4 &= ~(uint64_t)X86_CR4_PSE;
    w = walk(p, p->gva);
    expect_mapped(&w, 0x600000 | (p->gva & (2 * MIB - 1)), 2 * MIB);
}

static void last_level_bit_7_is_pat(void **state)
{
    struct path *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        struct x86_walk w;

        path_init(p, paged[i]);
        set(p, 1, PAGE_GPA | PWU | PS);
        w = walk(p, p->gva);
        expect_mapped(&w, PAGE_GPA + 0xabc, PAGE);
    }
}

static void pse36_gives_40_bits(void **state)
{
    struct path *p = *state;
    struct x86_walk w;

    path_init(p, X86_PG_32);
    p->r.maxphyaddr = 52;
    set(p, 2, 0xffc00000 | 0xa5 << 13 | PWU | PS);
    w = walk(p, p->gva);
    expect_mapped(&w, 0xa5ffc00000 | (p->gva & (4 * MIB - 1)), 4 * MIB);
    set(p, 2, 0x00400000 | 0xff << 13 | PWU | PS);
    w = walk(p, p->gva);
    expect_mapped(&w, 0xff00400000 | (p->gva & (4 * MIB - 1)), 4 * MIB);
}

static void pse36_is_limited_by_maxphyaddr(void **state)
{
    struct path *p = *state;

    path_init(p, X86_PG_32);
    for (unsigned m = 32; m <= 52; m++) {
        p->r.maxphyaddr = m;
        for (unsigned bit = 13; bit <= 20; bit++) {
            set(p, 2, BIT(bit) | PWU | PS);
            assert_int_equal(walk(p, p->gva).end,
                             bit + 19 < m ? X86_WALK_MAPPED : X86_WALK_RESERVED);
        }
    }
}

/* --- which addresses there are --- */

static void canonical_edges(void **state)
{
    static const struct {
        enum x86_paging form;
        unsigned bits;
    } rows[] = { { X86_PG_4LEVEL, 48 }, { X86_PG_5LEVEL, 57 } };
    struct path *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t half = BIT(rows[i].bits - 1);
        unsigned levels;

        path_init(p, rows[i].form);
        levels = p->levels;
        put8(&p->ram, levels * PAGE, 0);
        expect_end(p, 0, X86_WALK_NOT_PRESENT, 1);
        expect_end(p, half - 1, X86_WALK_NOT_PRESENT, 1);
        expect_end(p, half, X86_WALK_NON_CANONICAL, 0);
        expect_end(p, 0 - half - 1, X86_WALK_NON_CANONICAL, 0);
        expect_end(p, 0 - half, X86_WALK_NOT_PRESENT, 1);
        expect_end(p, UINT64_MAX, X86_WALK_NOT_PRESENT, 1);
        expect_end(p, p->gva ^ BIT(63), X86_WALK_NON_CANONICAL, 0);
        expect_end(p, p->gva ^ BIT(rows[i].bits), X86_WALK_NON_CANONICAL, 0);
    }
}

static void top_of_each_space_is_mapped(void **state)
{
    struct path *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        bool wide = paged[i] == X86_PG_4LEVEL || paged[i] == X86_PG_5LEVEL;
        uint64_t gva = wide ? UINT64_MAX : UINT32_MAX;
        struct x86_walk w;

        path_init(p, paged[i]);
        for (unsigned level = 1; level <= p->levels; level++) {
            unsigned n = paged[i] == X86_PG_PAE && level == 3 ? 4 : 4096 / p->entry_len;

            p->entry_gpa[level] = level * PAGE + (n - 1) * p->entry_len;
        }
        path_reset(p);
        w = walk(p, gva);
        expect_mapped(&w, PAGE_GPA + 0xfff, PAGE);
        if (!wide)
            expect_end(p, gva + 1, X86_WALK_BEYOND, 0);
        if (!wide)
            expect_end(p, UINT64_MAX, X86_WALK_BEYOND, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(names_are_there),
        TEST(form_follows_control_bits),
        TEST(regs_come_from_state),
        TEST(no_paging_is_identity),
        TEST(path_is_walked_in_every_form),
        TEST(absent_entry_ends_walk_at_each_level),
        TEST(table_outside_memory_ends_walk_at_each_level),
        TEST(large_pages),
        TEST(pse_off_ignores_ps),
        TEST(last_level_bit_7_is_pat),
        TEST(pse36_gives_40_bits),
        TEST(pse36_is_limited_by_maxphyaddr),
        TEST(canonical_edges),
        TEST(top_of_each_space_is_mapped),
    };

    return cmocka_run_group_tests_name("x86/walk", tests, NULL, NULL);
}
