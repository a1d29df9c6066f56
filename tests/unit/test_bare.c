/* SPDX-License-Identifier: MIT */
/* test_bare.c - the bare board over a stub engine: memory, tables, placement, refusals, start state. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "board/bare.h"
#include "core/mem_phys.h"
#include "stub_engine.h"
#include "x86/walk.h"

/* ---- an engine that only remembers the state it was given -------------------------------------- */

static struct x86_state started;

static int remember(struct vcpu *cpu, unsigned parts, const struct x86_state *in,
                    struct vitro_err *err)
{
    (void)parts;
    (void)err;
    if (cpu->idx == 0)
        started = *in;
    return 0;
}

static const struct engine_ops engine = {
    STUB_BASICS,
    .set = remember,
};

static int make(struct board_config *cfg, const uint8_t *bytes, size_t len, uint64_t origin,
                enum x86_start start, struct bare **out, struct vitro_err *err)
{
    struct board *board = NULL;
    struct image img;
    int rc = image_flat(bytes, len, origin, start, &img, err);

    *out = NULL;
    if (rc < 0)
        return rc;
    cfg->name = "test";
    cfg->engine = &engine;
    cfg->image = &img;
    cfg->console_fd = -1;
    cfg->debug_exit_port = -1;
    if (cfg->ncpus == 0)
        cfg->ncpus = 1;
    if (cfg->mem_bytes == 0)
        cfg->mem_bytes = 2 * MIB;
    rc = bare_new(cfg, &board, err);
    if (rc == 0)
        *out = (struct bare *)board;
    return rc;
}

static struct x86_walk walk(struct bare *b, uint64_t gva)
{
    struct x86_phys phys = mem_phys(&b->board.m->mem);
    struct x86_paging_regs regs;
    struct x86_walk w;

    x86_paging_regs_from(&started, 52, &regs);
    x86_walk(&regs, &phys, gva, &w);
    return w;
}

static uint64_t word(struct bare *b, gpa_t gpa, unsigned bytes)
{
    return le_get(mem_host(&b->board.m->mem, gpa, bytes, false), bytes);
}

/* ---- the base case --------------------------------------------------------------------------- */

static const uint8_t code[] = { 0xf4 };

static void base_case_long(void **state)
{
    struct board_config cfg = { 0 };
    struct vitro_err err = { 0 };
    struct bare *b;

    (void)state;
    assert_int_equal(make(&cfg, code, sizeof(code), 0, X86_START_LONG, &b, &err), 0);
    assert_int_equal(b->board.m->mem.nslots, 1);
    assert_int_equal(b->board.m->mem.slot[0].len, 0x200000);
    assert_int_equal(word(b, 0, 1), 0xf4);
    assert_int_equal(word(b, 0x2000, 8), 0x3007);
    assert_int_equal(word(b, 0x3000, 8), 0x4007);
    assert_int_equal(word(b, 0x4000, 8), 0x87);
    assert_int_equal(word(b, 0x2008, 8), 0);
    assert_int_equal(word(b, 0x4008, 8), 0);
    assert_int_equal(started.rip, 0);
    assert_int_equal(started.rflags, 2);
    assert_int_equal(started.gpr[X86_RSP], 2 << 20);
    assert_int_equal(started.cr3, 0x2000);
    assert_true(started.seg[X86_CS].l);
    assert_int_equal(started.seg[X86_CS].limit, 0xffffffff);
    board_free(&b->board);
}

static void base_case_paged32(void **state)
{
    struct board_config cfg = { 0 };
    struct vitro_err err = { 0 };
    struct bare *b;

    (void)state;
    assert_int_equal(make(&cfg, code, sizeof(code), 0, X86_START_PAGED32, &b, &err), 0);
    assert_int_equal(word(b, 0x2000, 4), 0x87);
    assert_int_equal(word(b, 0x2004, 4), 0);
    assert_int_equal(started.cr4, X86_CR4_PSE);
    assert_int_equal(b->ntables, 1);
    board_free(&b->board);
}

static void no_tables_without_paging(void **state)
{
    struct board_config cfg = { 0 };
    struct vitro_err err = { 0 };
    struct bare *b;

    (void)state;
    assert_int_equal(make(&cfg, code, sizeof(code), 0, X86_START_PROTECTED, &b, &err), 0);
    assert_int_equal(b->ntables, 0);
    assert_int_equal(started.cr3, 0);
    assert_int_equal(started.cr0 & X86_CR0_PG, 0);
    board_free(&b->board);
}

/* ---- other sizes ----------------------------------------------------------------------------- */

/* Whatever the memory and page size: the first and last byte map to themselves, the next does not. */
static void maps_exactly_its_memory(void **state)
{
    static const uint64_t sizes[] = { 2 * MIB, 4 * MIB, 6 * MIB, 64 * MIB, GIB, GIB + 2 * MIB };
    static const uint64_t pages[] = { 0, 4096 };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(sizes) * ARRAY_LEN(pages); i++) {
        uint64_t size = sizes[i / 2];
        struct board_config cfg = { .mem_bytes = size, .page_bytes = pages[i % 2] };
        struct vitro_err err = { 0 };
        struct x86_walk first, last;
        struct bare *b;

        assert_int_equal(make(&cfg, code, sizeof(code), 0, X86_START_LONG, &b, &err), 0);
        first = walk(b, 0);
        last = walk(b, size - 1);
        assert_int_equal(first.end, X86_WALK_MAPPED);
        assert_int_equal(first.gpa, 0);
        assert_int_equal(first.page_bytes, pages[i % 2] ? 4096 : 2 * MIB);
        assert_int_equal(last.end, X86_WALK_MAPPED);
        assert_int_equal(last.gpa, size - 1);
        assert_int_equal(walk(b, size).end, X86_WALK_NOT_PRESENT);
        board_free(&b->board);
    }
}

static void paged32_4k_maps_its_memory(void **state)
{
    struct board_config cfg = { .mem_bytes = 16 * MIB, .page_bytes = 4096 };
    struct vitro_err err = { 0 };
    struct bare *b;

    (void)state;
    assert_int_equal(make(&cfg, code, sizeof(code), 0, X86_START_PAGED32, &b, &err), 0);
    assert_int_equal(b->ntables, 1 + 4);
    assert_int_equal(walk(b, 16 * MIB - 1).gpa, 16 * MIB - 1);
    assert_int_equal(walk(b, 16 * MIB).end, X86_WALK_NOT_PRESENT);
    board_free(&b->board);
}

/* An image over 0x2000 moves the tables, and both are whole. */
static void tables_make_way(void **state)
{
    static uint8_t big[64 * 1024];
    struct board_config cfg = { 0 };
    struct vitro_err err = { 0 };
    struct bare *b;

    (void)state;
    memset(big, 0xf4, sizeof(big));
    assert_int_equal(make(&cfg, big, sizeof(big), 0, X86_START_LONG, &b, &err), 0);
    assert_true(b->tables >= sizeof(big));
    assert_true(b->tables + b->ntables * 4096 < b->stack_top);
    assert_memory_equal(mem_host(&b->board.m->mem, 0, sizeof(big), false), big, sizeof(big));
    assert_int_equal(walk(b, 0x1234).gpa, 0x1234);
    board_free(&b->board);
}

static void no_room_for_tables(void **state)
{
    static uint8_t big[MIB];
    struct board_config cfg = { .mem_bytes = MIB };
    struct vitro_err err = { 0 };
    struct bare *b;

    (void)state;
    assert_int_not_equal(make(&cfg, big, sizeof(big), 0, X86_START_LONG, &b, &err), 0);
    assert_int_equal(err.kind, VITRO_ERR_IMAGE);
    assert_non_null(strstr(err.text, "page tables"));
}

static void cpus_have_stacks_and_numbers(void **state)
{
    struct board_config cfg = { .ncpus = 4 };
    struct vitro_err err = { 0 };
    struct bare *b;

    (void)state;
    assert_int_equal(make(&cfg, code, sizeof(code), 0, X86_START_LONG, &b, &err), 0);
    assert_int_equal(b->board.m->ncpus, 4);
    board_free(&b->board);
}

/* ---- refusals -------------------------------------------------------------------------------- */

static void bad_configurations(void **state)
{
    static const struct {
        struct board_config cfg;
        enum x86_start start;
        enum vitro_err_class kind;
        const char *word;
    } rows[] = {
        { { .mem_bytes = 4096 }, X86_START_LONG, VITRO_ERR_USAGE, "64 KiB or more" },
        { { .mem_bytes = 2 * MIB + 1 }, X86_START_LONG, VITRO_ERR_USAGE, "multiple of 4 KiB" },
        { { .mem_bytes = 1024 * GIB }, X86_START_LONG, VITRO_ERR_USAGE, "512 GiB" },
        { { .mem_bytes = 512 * GIB }, X86_START_LONG, VITRO_ERR_USAGE, "this host has" },
        { { .ncpus = 9 }, X86_START_LONG, VITRO_ERR_USAGE, "1 to 8" },
        { { .page_bytes = 4 * MIB }, X86_START_LONG, VITRO_ERR_USAGE, "4 KiB and 2 MiB" },
        { { .page_bytes = 2 * MIB }, X86_START_PAGED32, VITRO_ERR_USAGE, "4 KiB and 4 MiB" },
        { { .page_bytes = 4096 }, X86_START_REAL, VITRO_ERR_USAGE, "no paging" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct board_config cfg = rows[i].cfg;
        struct vitro_err err = { 0 };
        struct bare *b;

        if (make(&cfg, code, sizeof(code), 0, rows[i].start, &b, &err) == 0)
            fail_msg("row %zu was taken", i);
        assert_int_equal(err.kind, rows[i].kind);
        if (strstr(err.text, rows[i].word) == NULL)
            fail_msg("row %zu: '%s' does not say '%s'", i, err.text, rows[i].word);
    }
}

static void bad_flat_images(void **state)
{
    static uint8_t big[MIB + 1];
    static const struct {
        size_t len;
        uint64_t origin;
        enum x86_start start;
        const char *word;
    } rows[] = {
        { 0, 0, X86_START_LONG, "empty" },
        { sizeof(big), 0, X86_START_REAL, "first MiB" },
        { 1, MIB, X86_START_REAL, "first MiB" },
        { 1, 0x10000, X86_START_REAL, "at most 0xffff" },
        { 2, UINT64_MAX, X86_START_LONG, "2^64" },
        { 1, 2 * MIB, X86_START_LONG, "does not fit" },
        { 2, 2 * MIB - 1, X86_START_LONG, "does not fit" },
        { 1, UINT64_C(1) << 40, X86_START_LONG, "does not fit" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct board_config cfg = { 0 };
        struct vitro_err err = { 0 };
        struct bare *b;

        if (make(&cfg, big, rows[i].len, rows[i].origin, rows[i].start, &b, &err) == 0)
            fail_msg("row %zu was taken", i);
        assert_int_equal(err.kind, VITRO_ERR_IMAGE);
        if (strstr(err.text, rows[i].word) == NULL)
            fail_msg("row %zu: '%s' does not say '%s'", i, err.text, rows[i].word);
    }
}

static void odd_origin_is_fine(void **state)
{
    struct board_config cfg = { 0 };
    struct vitro_err err = { 0 };
    struct bare *b;

    (void)state;
    assert_int_equal(make(&cfg, code, sizeof(code), 0x7c01, X86_START_REAL, &b, &err), 0);
    assert_int_equal(started.rip, 0x7c01);
    assert_int_equal(word(b, 0x7c01, 1), 0xf4);
    board_free(&b->board);
}

/* The debug-exit port may not hide the console. */
static void clashing_ports(void **state)
{
    struct image img;
    struct board_config cfg = { .name = "test",
                                .engine = &engine,
                                .image = &img,
                                .ncpus = 1,
                                .mem_bytes = 2 * MIB,
                                .console_fd = -1,
                                .debug_exit_port = 0xe8 };
    struct vitro_err err = { 0 };
    struct board *b;

    (void)state;
    assert_int_equal(image_flat(code, sizeof(code), 0, X86_START_LONG, &img, &err), 0);
    assert_int_equal(bare_new(&cfg, &b, &err), -EEXIST);
    assert_non_null(strstr(err.text, "debugcon"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base_case_long),
        cmocka_unit_test(base_case_paged32),
        cmocka_unit_test(no_tables_without_paging),
        cmocka_unit_test(maps_exactly_its_memory),
        cmocka_unit_test(paged32_4k_maps_its_memory),
        cmocka_unit_test(tables_make_way),
        cmocka_unit_test(no_room_for_tables),
        cmocka_unit_test(cpus_have_stacks_and_numbers),
        cmocka_unit_test(bad_configurations),
        cmocka_unit_test(bad_flat_images),
        cmocka_unit_test(odd_origin_is_fine),
        cmocka_unit_test(clashing_ports),
    };

    return cmocka_run_group_tests_name("board/bare", tests, NULL, NULL);
}
