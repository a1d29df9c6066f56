/* SPDX-License-Identifier: MIT */
/*
 * test_walk_bits.c - what each bit of an entry does to a walk: reserved, rights, flags, held PDPTEs
 *
 * What is reserved where is written down here a second time, from the SDM's tables of entry formats,
 * not taken from walk.c.
 */
#include "walk_rig.h"

/* --- reserved bits --- */

enum { TO_M = 99 }; /* stands for MAXPHYADDR in a bit range */

struct bit_range {
    unsigned lo, hi;
};

/* SDM 3A, tables "Format of a ... Entry that ..."; NX is told apart. */
static const struct rsvd_row {
    enum x86_paging form;
    unsigned level;
    bool large;
    bool never_nx;            /* bit 63 is reserved whatever EFER.NXE says */
    struct bit_range rsvd[4]; /* hi 0 ends the list */
} rsvd_rows[] = {
    { X86_PG_32, 1, 0, 0, { { 0, 0 } } },
    { X86_PG_32, 2, 0, 0, { { 0, 0 } } },
    { X86_PG_PAE, 1, 0, 0, { { TO_M, 62 } } },
    { X86_PG_PAE, 2, 0, 0, { { TO_M, 62 } } },
    { X86_PG_PAE, 2, 1, 0, { { 13, 20 }, { TO_M, 62 } } },
    { X86_PG_PAE, 3, 0, 1, { { 1, 2 }, { 5, 8 }, { TO_M, 63 } } },
    { X86_PG_4LEVEL, 1, 0, 0, { { TO_M, 51 } } },
    { X86_PG_4LEVEL, 2, 0, 0, { { TO_M, 51 } } },
    { X86_PG_4LEVEL, 2, 1, 0, { { 13, 20 }, { TO_M, 51 } } },
    { X86_PG_4LEVEL, 3, 0, 0, { { TO_M, 51 } } },
    { X86_PG_4LEVEL, 3, 1, 0, { { 13, 29 }, { TO_M, 51 } } },
    { X86_PG_4LEVEL, 4, 0, 0, { { 7, 7 }, { TO_M, 51 } } },
    { X86_PG_5LEVEL, 1, 0, 0, { { TO_M, 51 } } },
    { X86_PG_5LEVEL, 2, 0, 0, { { TO_M, 51 } } },
    { X86_PG_5LEVEL, 2, 1, 0, { { 13, 20 }, { TO_M, 51 } } },
    { X86_PG_5LEVEL, 3, 0, 0, { { TO_M, 51 } } },
    { X86_PG_5LEVEL, 3, 1, 0, { { 13, 29 }, { TO_M, 51 } } },
    { X86_PG_5LEVEL, 4, 0, 0, { { 7, 7 }, { TO_M, 51 } } },
    { X86_PG_5LEVEL, 5, 0, 0, { { 7, 7 }, { TO_M, 51 } } },
};

static bool rsvd_expected(const struct rsvd_row *row, unsigned bit, unsigned maxphyaddr, bool nxe)
{
    if (bit == 63 && !row->never_nx)
        return !nxe;
    for (size_t i = 0; i < ARRAY_LEN(row->rsvd) && row->rsvd[i].hi != 0; i++) {
        unsigned lo = row->rsvd[i].lo == TO_M ? maxphyaddr : row->rsvd[i].lo;

        if (bit >= lo && bit <= row->rsvd[i].hi)
            return true;
    }
    return false;
}

static void rsvd_check_row(struct path *p, const struct rsvd_row *row, unsigned m, bool nxe)
{
    bool ps_is_size = row->level == 2 || (row->level == 3 && row->form != X86_PG_PAE);
    uint64_t base = (row->level - 1) * PAGE | table_rights(row->form, row->level);

    if (row->large)
        base = PS | PWU;
    else if (row->level == 1)
        base = PAGE_GPA | PWU;
    path_init(p, row->form);
    p->r.maxphyaddr = m;
    p->r.efer &= nxe ? UINT64_MAX : ~(uint64_t)X86_EFER_NXE;
    for (unsigned bit = 1; bit < 8 * p->entry_len; bit++) {
        struct x86_walk w;

        if (bit == 7 && ps_is_size)
            continue;
        set(p, row->level, base | BIT(bit));
        w = walk(p, p->gva);
        assert_int_equal(w.end == X86_WALK_RESERVED, rsvd_expected(row, bit, m, nxe));
        if (w.end == X86_WALK_RESERVED)
            expect_end(p, p->gva, X86_WALK_RESERVED, p->levels - row->level + 1);
    }
}

static void reserved_bits_of_every_entry(void **state)
{
    static const unsigned m[] = { 32, 36, 39, 40, 46, 51, 52 };

    for (size_t i = 0; i < ARRAY_LEN(rsvd_rows); i++) {
        for (size_t j = 0; j < ARRAY_LEN(m); j++) {
            rsvd_check_row(*state, &rsvd_rows[i], m[j], true);
            rsvd_check_row(*state, &rsvd_rows[i], m[j], false);
        }
    }
}

static void bit_21_of_4m_page_is_reserved(void **state)
{
    struct path *p = *state;

    path_init(p, X86_PG_32);
    p->r.maxphyaddr = 52;
    set(p, 2, BIT(21) | PWU | PS);
    expect_end(p, p->gva, X86_WALK_RESERVED, 1);
    p->r.cr4 &= ~(uint64_t)X86_CR4_PSE; /* now it is an address bit of a table that is not there */
    expect_end(p, p->gva, X86_WALK_NO_MEMORY, 1);
}

static void address_bits_up_to_52_are_used(void **state)
{
    static const enum x86_paging wide[] = { X86_PG_PAE, X86_PG_4LEVEL, X86_PG_5LEVEL };
    const uint64_t top = BIT(52) - PAGE;
    struct path *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(wide); i++) {
        struct x86_walk w;

        path_init(p, wide[i]);
        p->r.maxphyaddr = 52;
        set(p, 2, top | PWU);
        put8(&p->ram, top + 5 * 8, (top - PAGE) | PWU);
        w = walk(p, p->gva);
        expect_mapped(&w, top - PAGE + 0xabc, PAGE);
        assert_int_equal(w.step[w.nsteps - 1].gpa, top + 5 * 8);
    }
}

static void ignored_bits_are_ignored(void **state)
{
    static const enum x86_paging wide[] = { X86_PG_4LEVEL, X86_PG_5LEVEL };
    struct path *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(wide); i++) {
        path_init(p, wide[i]);
        for (unsigned level = 1; level <= p->levels; level++) {
            uint64_t to = level == 1 ? PAGE_GPA : (level - 1) * PAGE;
            struct x86_walk w;

            /* 62:52 and 11:9 */
            set(p, level, to | PWU | UINT64_C(0x7ff0000000000e00));
            w = walk(p, p->gva);
            expect_mapped(&w, PAGE_GPA + 0xabc, PAGE);
        }
    }
}

static void cr3_bits_that_are_no_address(void **state)
{
    struct path *p = *state;
    struct x86_walk w;

    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        path_init(p, paged[i]);
        p->r.cr3 |= paged[i] == X86_PG_PAE ? 0x1f : 0xfff; /* PCID, PWT, PCD */
        p->r.cr3 |= paged[i] == X86_PG_32 || paged[i] == X86_PG_PAE ? 0xffffffff00000000
                                                                    : 0x6000000000000000; /* LAM */
        w = walk(p, p->gva);
        expect_mapped(&w, PAGE_GPA + 0xabc, PAGE);
        p->r.cr3 |=
            BIT(51); /* the CPU would not load it with 40 bits; long mode shows it as it is */
        assert_int_equal(walk(p, p->gva).end, p->entry_len == 4 || p->levels == 3
                                                  ? X86_WALK_MAPPED
                                                  : X86_WALK_NO_MEMORY);
    }
}

/* --- rights and flags --- */

static void check_rights(struct path *p, unsigned mask)
{
    bool wr = true, us = true, ex = true;
    struct x86_walk w;

    for (unsigned level = 1; level <= p->levels; level++) {
        unsigned bits = mask >> 3 * (level - 1) & 7;
        uint64_t to = level == 1 ? PAGE_GPA : (level - 1) * PAGE;
        bool pdpte = p->form == X86_PG_PAE && level == 3;

        if (pdpte)
            bits = 3;
        if (p->form == X86_PG_32)
            bits &= 3;
        wr = wr && bits & 1;
        us = us && bits & 2;
        ex = ex && !(bits & 4);
        set(p, level,
            to | P | (bits & 1 && !pdpte ? W : 0) | (bits & 2 && !pdpte ? U : 0) |
                (bits & 4 ? NX : 0));
    }
    w = walk(p, p->gva);
    expect_mapped(&w, PAGE_GPA + 0xabc, PAGE);
    assert_int_equal(w.writable, wr);
    assert_int_equal(w.user, us);
    assert_int_equal(w.executable, ex);
}

static void rights_are_of_all_levels_together(void **state)
{
    struct path *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        path_init(p, paged[i]);
        for (unsigned mask = 0; mask < 1u << 3 * p->levels; mask++)
            check_rights(p, mask);
    }
}

static void flags_are_of_the_last_entry(void **state)
{
    struct path *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        struct x86_walk w;

        path_init(p, paged[i]);
        for (unsigned mask = 0; mask < 8; mask++) {
            uint64_t flags = (mask & 1 ? A : 0) | (mask & 2 ? D : 0) | (mask & 4 ? G : 0);

            set(p, 1, PAGE_GPA | PWU | flags);
            set(p, 2, PAGE | PWU | (flags ^ (A | D | G))); /* to be taken no notice of */
            w = walk(p, p->gva);
            expect_mapped(&w, PAGE_GPA + 0xabc, PAGE);
            assert_int_equal(w.accessed, (mask & 1) != 0);
            assert_int_equal(w.dirty, (mask & 2) != 0);
            assert_int_equal(w.global, (mask & 4) != 0);
        }
        p->r.cr4 &= ~(uint64_t)X86_CR4_PGE;
        w = walk(p, p->gva);
        assert_true(w.accessed && w.dirty);
        assert_false(w.global);
    }
}

/* --- PAE's four entries in the CPU --- */

static void held_pdptes_win_over_memory(void **state)
{
    struct path *p = *state;
    struct x86_walk w;

    path_init(p, X86_PG_PAE);
    p->r.pdptr_valid = true;
    expect_end(p, p->gva, X86_WALK_NOT_PRESENT, 1);
    assert_int_equal(p->ram.reads, 0);

    p->r.pdptr[2] = 2 * PAGE | P;
    p->r.cr3 = 0x7000000; /* no memory there, and none needed */
    w = walk(p, p->gva);
    expect_mapped(&w, PAGE_GPA + 0xabc, PAGE);
    assert_int_equal(w.step[0].gpa, UINT64_MAX);
    assert_int_equal(w.step[0].raw, 2 * PAGE | P);
    assert_int_equal(w.step[0].index, 2);
    assert_int_equal(w.step[0].level, 3);
    assert_int_equal(w.step[0].entry_len, 8);
    assert_true(w.writable && w.user && w.executable);

    p->r.pdptr[2] |= W;
    expect_end(p, p->gva, X86_WALK_RESERVED, 1);
}

static void held_pdptes_are_for_pae_only(void **state)
{
    struct path *p = *state;

    for (size_t i = 0; i < ARRAY_LEN(paged); i++) {
        struct x86_walk w;

        if (paged[i] == X86_PG_PAE)
            continue;
        path_init(p, paged[i]);
        p->r.pdptr_valid = true;
        w = walk(p, p->gva);
        expect_mapped(&w, PAGE_GPA + 0xabc, PAGE);
    }
}

static void pdpt_needs_only_32_byte_alignment(void **state)
{
    struct path *p = *state;
    struct x86_walk w;

    path_init(p, X86_PG_PAE);
    p->r.cr3 = 0x8fe0;
    put8(&p->ram, 0x8ff0, 2 * PAGE | P);
    w = walk(p, p->gva);
    expect_mapped(&w, PAGE_GPA + 0xabc, PAGE);
    assert_int_equal(w.step[0].gpa, 0x8ff0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reserved_bits_of_every_entry),   TEST(bit_21_of_4m_page_is_reserved),
        TEST(address_bits_up_to_52_are_used), TEST(ignored_bits_are_ignored),
        TEST(cr3_bits_that_are_no_address),   TEST(rights_are_of_all_levels_together),
        TEST(flags_are_of_the_last_entry),    TEST(held_pdptes_win_over_memory),
        TEST(held_pdptes_are_for_pae_only),   TEST(pdpt_needs_only_32_byte_alignment),
    };

    return cmocka_run_group_tests_name("x86/walk bits", tests, NULL, NULL);
}
