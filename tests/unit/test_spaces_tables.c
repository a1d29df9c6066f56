/* SPDX-License-Identifier: MIT */
/* test_spaces_tables.c - who maps a page, and the tree of page tables: merged, filtered, cut. */
#include "spaces_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "inspect/table_copies.h"
#include "inspect/tables.h"

/* ---- who maps -------------------------------------------------------------------------------- */

static char *who_text(struct rig *r, uint64_t gpa)
{
    char *text;

    assert_int_equal(who_maps_show(&r->s, 0, gpa, &text, NULL), 0);
    return text;
}

static void test_who_maps(void **state)
{
    struct rig *r = *state;
    json_t *doc;
    char *text;

    put_long_tables(r);
    put(r, 0x4008, 8, 0x5000 | PWU);
    put(r, 0x5800, 8, 0x3000 | P); /* the PDPT's page, a second time */
    assert_golden(r, who_text(r, 0x3010), "who-maps");
    assert_has(text = who_text(r, 0x2000), "the top table: cr3 points to it");
    free(text);
    assert_has(text = who_text(r, RAM_LEN - 1), "mapped by no guest-virtual address");
    free(text);
    assert_has(text = who_text(r, 0xfee00000), "no memory there; device: none");
    free(text);

    r->s.style.format = VITRO_JSON;
    doc = parsed(who_text(r, 0x3010));
    assert_int_equal(num_of(doc, "mapping_count"), 2);
    assert_int_equal(hex_of(json_array_get(json_object_get(doc, "mappings"), 1), "gva"), 0x300000);
    assert_int_equal(num_of(doc, "table_count"), 1);
    assert_false(bool_of(doc, "cut"));
    json_decref(doc);
}

static void test_who_maps_no_paging(void **state)
{
    struct rig *r = *state;
    char *text;

    x86_start_state(X86_START_PROTECTED, 0, RAM_LEN, 0, &r->state);
    assert_has(text = who_text(r, 0x3010), "guest-virtual 0x3010 is the same byte");
    free(text);
    assert_has(text = who_text(r, BIT(32)), "none reaches the page");
    free(text);
}

/* One page that is every table and every page: 2^36 mappings of it. */
static void put_self_map(struct rig *r)
{
    r->state.cr3 = 0x2000;
    for (unsigned i = 0; i < 512; i++)
        put(r, 0x2000 + 8 * i, 8, 0x2000 | PWU);
}

static void test_who_maps_bounded(void **state)
{
    struct rig *r = *state;
    char *text;

    put_self_map(r);
    text = who_text(r, 0x2000);
    assert_has(text, "cut at 4194304 entries");
    assert_has(text, " more\n");
    assert_true(count_words(text, "\n") < 160);
    free(text);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static char *tables_text(struct rig *r, const struct vitro_tables_filter *f)
{
    char *text;

    assert_int_equal(tables_show(&r->s, 0, f, &text, NULL), 0);
    return text;
}

/* A page table at `at` that maps 2 MiB from gpa on. */
static void put_full_table(struct rig *r, uint64_t at, uint64_t gpa, uint64_t flags)
{
    for (unsigned i = 0; i < 512; i++)
        put(r, at + 8 * i, 8, (gpa + 4096 * i) | flags);
}

static void test_tables_long(void **state)
{
    struct rig *r = *state;
    struct tables t;

    put_long_tables(r);
    assert_golden(r, tables_text(r, NULL), "tables-long");
    assert_int_equal(tables_read(&t, r->m, 0, NULL, NULL), 0);
    assert_int_equal(t.n, 3);
    assert_int_equal(t.ntables, 3);
    assert_int_equal(t.mapped, 2 * MIB);
    assert_false(t.cut_rows || t.cut_entries);
    tables_fini(&t);
}

static void test_tables_merge(void **state)
{
    struct rig *r = *state;
    struct tables t;

    put_long_tables(r);
    for (unsigned i = 0; i < 4; i++) { /* 0..8 MiB: the third gives one page less */
        put(r, 0x4000 + 8 * i, 8, (0x10000 + 0x1000 * i) | PWU);
        put_full_table(r, 0x10000 + 0x1000 * i, 2 * MIB * i, PWU);
    }
    put(r, 0x12000, 8, 0);
    put(r, 0x4020, 8, 0x20000 | PWU); /* all entries to one page */
    for (unsigned i = 0; i < 512; i++)
        put(r, 0x20000 + 8 * i, 8, 0x9000 | P);
    put(r, 0x20000 + 8 * 511, 8, 0xa000 | P);
    assert_int_equal(tables_read(&t, r->m, 0, NULL, NULL), 0);
    assert_int_equal(t.npages, 3 * 512 + 511 + 512);
    assert_int_equal(t.ntables, 3 + 5);
    tables_fini(&t);
    assert_golden(r, tables_text(r, NULL), "tables-merged");
}

static void test_tables_filters(void **state)
{
    struct rig *r = *state;
    char *text;

    r->state.efer |= X86_EFER_NXE;
    put_long_tables(r);
    put(r, 0x4000, 8, PS | P);                    /* r-x kernel */
    put(r, 0x4008, 8, 2 * MIB | PS | P | W | NX); /* rw- kernel */
    put(r, 0x4010, 8, 4 * MIB | PS | P | U | NX); /* r-- user */
    put(r, 0x3008, 8, 0x5000 | PWU);              /* a table without pages */
    text = tables_text(r, &(struct vitro_tables_filter){ .writable = true });
    assert_has(text, "[1] 2 MiB page");
    assert_int_equal(count_words(text, "2 MiB page"), 1);
    assert_lacks(text, "0x5000");
    assert_has(text, "shown: 2 MiB");
    free(text);
    text = tables_text(r, &(struct vitro_tables_filter){ .executable = true });
    assert_has(text, "[0] 2 MiB page");
    assert_int_equal(count_words(text, "2 MiB page"), 1);
    free(text);
    text = tables_text(r, &(struct vitro_tables_filter){ .user = true, .writable = true });
    assert_has(text, "nothing like that is mapped");
    free(text);
    text = tables_text(r, &(struct vitro_tables_filter){ .from = 4 * MIB, .to = 4 * MIB });
    assert_has(text, "[2] 2 MiB page");
    assert_int_equal(count_words(text, "2 MiB page"), 1);
    free(text);
    assert_int_equal(
        tables_show(&r->s, 0, &(struct vitro_tables_filter){ .from = 2, .to = 1 }, &text, NULL),
        -EINVAL);
}

static void test_tables_broken(void **state)
{
    struct rig *r = *state;
    struct tables t;
    char *text;

    put_long_tables(r);
    put(r, 0x4008, 8, 0xfffff000 | PWU);   /* a table in a hole */
    put(r, 0x4010, 8, PS | BIT(13) | PWU); /* reserved bits */
    put(r, 0x4018, 8, PS | BIT(14) | PWU);
    put(r, 0x2000 + 8 * 511, 8, 0x2000 | P | W); /* the classic self-map */
    assert_int_equal(tables_read(&t, r->m, 0, NULL, NULL), 0);
    assert_int_equal(t.ntables, 3); /* each once, however often it is met */
    tables_fini(&t);
    assert_golden(r, tables_text(r, NULL), "tables-broken");
    r->state.cr3 = 0x7fff000;
    text = tables_text(r, NULL);
    assert_has(text, "outside memory: every access is a fault");
    free(text);
}

static void test_tables_bounded(void **state)
{
    struct rig *r = *state;
    struct tables t;
    char *text;

    put_self_map(r);
    text = tables_text(r, NULL);
    assert_has(text, "cut at 4096 rows");
    assert_has(text, "mapped up to here: ");
    free(text);
    assert_int_equal(tables_read(&t, r->m, 0, NULL, NULL), 0);
    assert_true(t.cut_rows || t.cut_entries);
    assert_true(t.n <= SPACES_ROWS_MAX);
    assert_int_equal(t.ntables, 0); /* not known */
    tables_fini(&t);
    /* Nothing matches, so that rows do not end it. */
    assert_int_equal(
        tables_read(&t, r->m, 0, &(struct vitro_tables_filter){ .executable = true }, NULL), 0);
    assert_true(t.cut_rows);
    tables_fini(&t);
    r->state.efer |= X86_EFER_NXE;
    put(r, 0x2000, 8, 0x2000 | PWU | NX);
    for (unsigned i = 1; i < 512; i++)
        put(r, 0x2000 + 8 * i, 8, 0x2000 | PWU | NX);
    assert_int_equal(
        tables_read(&t, r->m, 0, &(struct vitro_tables_filter){ .executable = true }, NULL), 0);
    assert_true(t.cut_entries);
    assert_int_equal(t.n, 0);
    tables_fini(&t);
    text = tables_text(r, &(struct vitro_tables_filter){ .executable = true });
    assert_has(text, "cut at 4194304 entries");
    free(text);
}

/* Every walk through the copies is the one through memory as it was. */
static void check_copies(struct rig *r)
{
    struct table_copies copies;
    struct x86_walk was[256], is;
    struct cpu_space c;

    assert_int_equal(cpu_space_init(&c, r->m, 0, 0, NULL), 0);
    for (unsigned i = 0; i < 256; i++)
        x86_walk(&c.regs, &c.phys, (uint64_t)i * 0x1a7000 ^ (uint64_t)(i % 4) << 30, &was[i]);
    assert_true(table_copies_take(&copies, &c));
    memset(r->ram, 0, RAM_LEN);
    c.phys = table_copies_phys(&copies);
    for (unsigned i = 0; i < 256; i++) {
        x86_walk(&c.regs, &c.phys, was[i].gva, &is);
        assert_int_equal(is.end, was[i].end);
        assert_int_equal(is.gpa, was[i].gpa);
        assert_int_equal(is.nsteps, was[i].nsteps);
    }
    table_copies_fini(&copies);
}

/* Four pages of entries that lead among themselves, to pages, to large pages and out of memory. */
static void put_tangle(struct rig *r, unsigned entry_len)
{
    uint32_t seed = 12345;

    for (uint64_t at = 0x2000; at < 0x6000; at += entry_len) {
        seed = seed * 1103515245 + 12345;
        put(r, at, entry_len,
            (seed >> 8 & 7) == 0 ? 0
                                 : (0x2000 + (uint64_t)(seed >> 12 & 7) * 0x1000) |
                                       ((seed >> 16 & 7) == 0 ? 64 * MIB : 0) |
                                       ((seed >> 20 & 7) == 0 ? PS : 0) | P);
    }
}

static void test_tables_copied(void **state)
{
    struct rig *r = *state;

    put_long_tables(r);
    check_copies(r);
    put_long_tables(r);
    put_tangle(r, 8);
    check_copies(r);
    r->state.efer = 0; /* PAE: entries of the top table in the CPU, then in memory */
    put_tangle(r, 8);
    check_copies(r);
    r->state.cr4 &= ~X86_CR4_PAE; /* 32-bit: bit 7 is for nothing without PSE */
    put_tangle(r, 4);
    check_copies(r);
    r->state.cr4 |= X86_CR4_PSE;
    put_tangle(r, 4);
    check_copies(r);
}

/* More tables than are copied: they are walked in memory, to the same bound. */
static void test_tables_too_many(void **state)
{
    enum { FIRST = 64 * MIB, LEN = 40 * MIB, LEVEL1 = FIRST + MIB };
    struct mem_slot more = { .base = FIRST, .len = LEN, .kind = MEM_RAM, .name = "more" };
    struct rig *r = *state;
    struct table_copies copies;
    struct cpu_space c;
    struct tables t;

    more.host = map_host(LEN);
    assert_int_equal(machine_add_mem(r->m, &more, NULL), 0);
    put_long_tables(r);
    for (unsigned i = 0; i < 17; i++) {
        put(r, 0x3000 + 8 * i, 8, (FIRST + 0x1000 * i) | PWU);
        for (unsigned k = 0; k < 512; k++)
            put(r, FIRST + 0x1000 * i + 8 * k, 8, (LEVEL1 + 0x1000 * (512 * i + k)) | PWU);
    }
    put(r, LEVEL1 + 8, 8, 0x5000 | PWU);
    assert_int_equal(cpu_space_init(&c, r->m, 0, 0, NULL), 0);
    assert_false(table_copies_take(&copies, &c));
    assert_null(copies.slot);
    assert_int_equal(tables_read(&t, r->m, 0, NULL, NULL), 0);
    assert_true(t.cut_rows);
    assert_int_equal(t.npages, 1);
    tables_fini(&t);
    munmap(more.host, LEN);
}

static void test_tables_json(void **state)
{
    struct rig *r = *state;
    const json_t *row;
    json_t *doc;

    put_long_tables(r);
    r->s.style.format = VITRO_JSON;
    doc = parsed(tables_text(r, NULL));
    assert_int_equal(num_of(doc, "mapped_bytes"), 2 * MIB);
    assert_int_equal(num_of(doc, "table_pages"), 3);
    assert_int_equal(hex_of(doc, "top_table"), 0x2000);
    row = json_array_get(json_object_get(doc, "rows"), 2);
    assert_string_equal(json_string_value(json_object_get(row, "kind")), "pages");
    assert_int_equal(num_of(row, "page_bytes"), 2 * MIB);
    assert_int_equal(hex_of(row, "gpa"), 0);
    json_decref(doc);
    x86_start_state(X86_START_REAL, 0, RAM_LEN, 0, &r->state);
    doc = parsed(tables_text(r, NULL));
    assert_string_equal(json_string_value(json_object_get(doc, "paging")), "none");
    assert_true(null_of(doc, "top_table"));
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_who_maps),         RIG_TEST(test_who_maps_no_paging),
        RIG_TEST(test_who_maps_bounded), RIG_TEST(test_tables_long),
        RIG_TEST(test_tables_merge),     RIG_TEST(test_tables_filters),
        RIG_TEST(test_tables_broken),    RIG_TEST(test_tables_bounded),
        RIG_TEST(test_tables_json),      RIG_TEST(test_tables_copied),
        RIG_TEST(test_tables_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
