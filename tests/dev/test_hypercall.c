/* SPDX-License-Identifier: MIT */
/* test_hypercall.c - the hypercall device's registers, strings, reports and host addresses. */
#include "hypercall_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- registers ------------------------------------------------------------------------------- */

static void signature_reads_vtro(void **state)
{
    struct fixture *t = *state;
    uint32_t val = in32(t, SIGNATURE);

    assert_memory_equal(&val, "VTRO", 4);
    expect(t, "", 0);
}

static void prints_bytes_and_numbers(void **state)
{
    static const struct {
        uint64_t val;
        const char *text;
    } rows[] = {
        { 0, "0\n" },
        { 42, "42\n" },
        { 1u << 31, "2147483648\n" },
        { UINT32_MAX, "4294967295\n" },
    };
    struct fixture *t = *state;

    bus_write(&t->m->pio, HYPERCALL_PORT + PRINT8, 1, 'h');
    out32(t, PRINT8, 0x11223300 | 'i');
    expect(t, "hi", 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        out32(t, PRINT32, rows[i].val);
        expect(t, rows[i].text, 0);
    }
}

static void wrong_widths_and_directions_are_refused(void **state)
{
    struct fixture *t = *state;

    for (unsigned reg = 0; reg < HYPERCALL_LEN; reg++) {
        bool readable = reg == SIGNATURE || reg == EXITS || reg == HVA_LO || reg == HVA_HI;

        if (!readable && reg <= HYPERCALL_LEN - 4) {
            assert_int_equal(in32(t, reg), UINT32_MAX);
            expect(t, "", 1);
        }
        if ((readable || reg % 4 != 0 || reg >= REGS_END) && reg <= HYPERCALL_LEN - 4) {
            out32(t, reg, 0x10000);
            expect(t, "", 1);
        }
        if (reg != PRINT8) {
            assert_int_equal(bus_read(&t->m->pio, HYPERCALL_PORT + reg, 1), 0xff);
            bus_write(&t->m->pio, HYPERCALL_PORT + reg, 1, 'x');
            expect(t, "", 2);
        }
        if (reg <= HYPERCALL_LEN - 2) {
            assert_int_equal(bus_read(&t->m->pio, HYPERCALL_PORT + reg, 2), 0xffff);
            bus_write(&t->m->pio, HYPERCALL_PORT + reg, 2, 'x');
            expect(t, "", 2);
        }
    }
}

static void nobody_accessing_is_refused(void **state)
{
    struct fixture *t = *state;

    t->m->accessing = NULL;
    for (unsigned reg = 0; reg < REGS_END; reg += 4) {
        out32(t, reg, 0x10000);
        assert_int_equal(in32(t, reg), UINT32_MAX);
    }
    expect(t, "", 2 * REGS_END / 4);
}

static void counts_exits_of_all_cpus(void **state)
{
    struct fixture *t = *state;
    struct cpu_exit x = { .kind = EXIT_PIO, .write = true, .addr = 0xe9, .width = 1 };

    assert_int_equal(in32(t, EXITS), 0);
    for (unsigned i = 0; i < 5; i++)
        exit_account(&t->m->cpu[i % 2]->exits, &x, 10, 20);
    assert_int_equal(in32(t, EXITS), 5);
    expect(t, "", 0);
}

/* ---- strings --------------------------------------------------------------------------------- */

static void prints_string_in_one_piece(void **state)
{
    struct fixture *t = *state;

    strcpy((char *)t->ram + 0x10123, "one exit\n");
    out32(t, PRINT_STR, 0x10123);
    assert_int_equal(t->writes, 1);
    expect(t, "one exit\n", 0);
    out32(t, PRINT_STR, 0x10400); /* empty */
    assert_int_equal(t->writes, 0);
    expect(t, "", 0);
    no_paging(t);
    out32(t, PRINT_STR, 0x10123);
    expect(t, "one exit\n", 0);
    strcpy((char *)t->rom, "from ROM"); /* reading it is fine */
    out32(t, PRINT_STR, ROM_AT);
    expect(t, "from ROM", 0);
}

static void string_follows_page_tables(void **state)
{
    struct fixture *t = *state;

    /* the second half lies before the first in guest-physical memory */
    memcpy(t->ram + 0x51ffc, "abcd", 4);
    memcpy(t->ram + 0x50000, "efgh", 5);
    out32(t, PRINT_STR, SWAP_A + 0xffc);
    assert_int_equal(t->writes, 1);
    expect(t, "abcdefgh", 0);
}

static void string_ends_where_pages_end(void **state)
{
    static const struct {
        uint64_t gva;
        const char *printed;
    } rows[] = {
        { SWAP_B + 0xffd, "xyz" },
        { HOLE - 3, "ABC" },
        { TOP + 0xffe, "!?" },
        { ABSENT, "" },
        { HOLE, "" },
        { UINT64_C(1) << 47, "" },
        { ROM + 0x1fff, "R" },
    };
    struct fixture *t = *state;

    memcpy(t->ram + 0x50ffd, "xyz", 3);
    memcpy(t->ram + 0x5affd, "ABC", 3);
    memcpy(t->ram + 0x59ffe, "!?", 2);
    t->rom[0x1fff] = 'R';
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        out_addr(t, PRINT_STR, rows[i].gva);
        expect(t, rows[i].printed, 1);
    }
    no_paging(t);
    out32(t, PRINT_STR, UINT32_MAX); /* above RAM */
    expect(t, "", 1);
    t->deaf = true;
    out32(t, PRINT_STR, 0x10000);
    expect(t, "", 1);
}

static void string_is_cut_at_4096(void **state)
{
    struct fixture *t = *state;

    memset(t->ram + 0x10801, 'a', 4095);
    out32(t, PRINT_STR, 0x10801);
    assert_int_equal(t->len, 4095);
    assert_int_equal(t->dev->refused, 0);
    memset(t->ram + 0x10801, 'a', 5000);
    t->len = 0;
    out32(t, PRINT_STR, 0x10801);
    assert_int_equal(t->len, 4096);
    assert_int_equal(t->dev->refused, 1);
}

static void addr_hi_is_used_once(void **state)
{
    struct fixture *t = *state;

    strcpy((char *)t->ram + 0x58000, "high");
    strcpy((char *)t->ram + 0x10000, "low");
    out32(t, ADDR_HI, HIGH >> 32);
    out32(t, PRINT32, 7); /* takes no address */
    out32(t, PRINT_STR, (uint32_t)HIGH);
    out32(t, PRINT_STR, (uint32_t)HIGH);
    expect(t, "7\nhighlow", 0);
    /* every address register takes it, also when it refuses */
    for (unsigned reg = PRINT_STR; reg < REGS_END; reg += 4) {
        if (reg != PRINT_STR && reg != EXITS_BY_TYPE && reg != TIME_BY_TYPE && reg != GVA_TO_HVA &&
            reg != FILE_CALL)
            continue;
        out_addr(t, reg, UINT64_C(0x7777) << 32 | 0x10000);
        out32(t, PRINT_STR, 0x10000);
        assert_string_equal(t->out + t->len - 3, "low");
    }
}

static void cpus_do_not_share_registers(void **state)
{
    struct fixture *t = *state;

    strcpy((char *)t->ram + 0x10000, "low");
    strcpy((char *)t->ram + 0x58000, "high");
    out32(t, ADDR_HI, HIGH >> 32);
    t->m->accessing = t->m->cpu[1];
    out32(t, PRINT_STR, 0x10000);
    t->m->accessing = t->m->cpu[0];
    out32(t, PRINT_STR, 0x10000);
    expect(t, "lowhigh", 0);
    out32(t, GVA_TO_HVA, 0x10000);
    t->m->accessing = t->m->cpu[1];
    assert_int_equal(in32(t, HVA_LO), 0);
    t->m->accessing = t->m->cpu[0];
    assert_int_not_equal(in32(t, HVA_LO), 0);
    t->dev->ops->reset(t->dev);
    assert_int_equal(in32(t, HVA_LO), 0);
}

/* ---- reports --------------------------------------------------------------------------------- */

static void account(struct fixture *t, enum exit_kind kind, bool write, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        struct cpu_exit x = { .kind = kind, .write = write, .addr = i, .rip = i * 7 };

        exit_account(&t->m->cpu[i % 2]->exits, &x, 1000000, 5000000);
    }
}

static const char report_wanted[] = "pio in 3\npio out 14\n"
                                    "mmio read 1\nmmio write 2\nhlt 1\n"
                                    "shutdown 0\ndebug 0\nrefused 0\nmsr 0\nirq-window 0\neoi 0\n"
                                    "system-event 0\nfailed 0\n";

static void account_all(struct fixture *t)
{
    account(t, EXIT_PIO, false, 3);
    account(t, EXIT_PIO, true, 14);
    account(t, EXIT_MMIO, false, 1);
    account(t, EXIT_MMIO, true, 2);
    account(t, EXIT_HLT, false, 1);
    account(t, EXIT_KICKED, false, 9); /* not the guest's */
}

static void exits_by_type_is_exact(void **state)
{
    struct fixture *t = *state;
    char *at = (char *)t->ram + 0x10ff0;

    account_all(t);
    memset(at, '#', 512);
    out32(t, BUF_LEN, 512);
    out32(t, EXITS_BY_TYPE, 0x10ff0); /* over the end of a page */
    assert_string_equal(at, report_wanted);
    assert_int_equal(at[sizeof(report_wanted)], '#');
    assert_int_equal(in32(t, EXITS), 21); /* the sum of the lines */
    expect(t, "", 0);
}

/* A guest that exits in more places than the table has rows: nothing may be lost. */
static void exits_by_type_after_the_table_is_full(void **state)
{
    struct fixture *t = *state;
    const char *at = (const char *)t->ram + 0x11000;
    unsigned in, out;

    account(t, EXIT_PIO, true, 3000);
    account(t, EXIT_HLT, false, 5);
    out32(t, BUF_LEN, 4096);
    out32(t, EXITS_BY_TYPE, 0x11000);
    assert_int_equal(sscanf(at, "pio in %u\npio out %u\n", &in, &out), 2);
    assert_int_equal(in, 0);
    assert_int_equal(out, 3000);
    assert_non_null(strstr(at, "\nhlt 5\n"));
}

static void report_never_passes_buf_len(void **state)
{
    struct fixture *t = *state;
    char *at = (char *)t->ram + 0x11000;

    account_all(t);
    for (uint32_t len = 1; len <= sizeof(report_wanted) + 3; len++) {
        size_t text = len < sizeof(report_wanted) ? len - 1 : sizeof(report_wanted) - 1;

        memset(at - 1, '#', 512);
        out32(t, BUF_LEN, len);
        out32(t, EXITS_BY_TYPE, 0x11000);
        assert_memory_equal(at, report_wanted, text);
        assert_int_equal(at[text], '\0');
        assert_int_equal(at[text + 1], '#');
        assert_int_equal(at[-1], '#');
    }
    expect(t, "", 0);
}

static void time_by_type_has_two_times(void **state)
{
    struct fixture *t = *state;
    const char *at = (const char *)t->ram + 0x11000;
    static const char zeros[] = "pio in 0 0\npio out 0 0\n"
                                "mmio read 0 0\nmmio write 0 0\nhlt ";
    unsigned long long guest, monitor;

    account(t, EXIT_HLT, false, 4);
    out32(t, BUF_LEN, UINT32_MAX);
    out32(t, TIME_BY_TYPE, 0x11000);
    assert_memory_equal(at, zeros, sizeof(zeros) - 1);
    assert_int_equal(sscanf(at + sizeof(zeros) - 1, "%llu %llu\n", &guest, &monitor), 2);
    assert_true(guest > 0 && monitor >= guest * 4 && monitor <= guest * 6);
    assert_non_null(strstr(at + sizeof(zeros) - 1, "\nfailed 0 0\n"));
    expect(t, "", 0);
}

static void bad_report_buffers_are_left_alone(void **state)
{
    static const uint64_t bad[] = { HOLE - 8, ABSENT - 8,        ABSENT,     ROM,
                                    HOLE,     UINT64_C(1) << 47, TOP + 0xff8 };
    struct fixture *t = *state;
    uint8_t *before = malloc(RAM_LEN);

    out32(t, EXITS_BY_TYPE, 0x11000); /* BUF_LEN is 0 */
    out32(t, TIME_BY_TYPE, 0x11000);
    expect(t, "", 2);
    out32(t, BUF_LEN, UINT32_MAX);
    memcpy(before, t->ram, RAM_LEN);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        out_addr(t, EXITS_BY_TYPE, bad[i]);
        expect(t, "", 1);
        out_addr(t, TIME_BY_TYPE, bad[i]);
        expect(t, "", 1);
    }
    assert_memory_equal(t->ram, before, RAM_LEN);
    for (size_t i = 0; i < ROM_LEN; i++)
        assert_int_equal(t->rom[i], 0);
    free(before);
}

/* ---- addresses ------------------------------------------------------------------------------- */

static uint64_t hva(struct fixture *t, uint64_t gva)
{
    out_addr(t, GVA_TO_HVA, gva);
    return in32(t, HVA_LO) | (uint64_t)in32(t, HVA_HI) << 32;
}

static void gva_to_hva_finds_the_byte(void **state)
{
    struct fixture *t = *state;

    assert_int_equal(hva(t, 0x12345), (uintptr_t)t->ram + 0x12345);
    assert_int_equal(hva(t, SWAP_A + 5), (uintptr_t)t->ram + 0x51005);
    assert_int_equal(hva(t, HIGH), (uintptr_t)t->ram + 0x58000);
    assert_int_equal(hva(t, TOP + 0xfff), (uintptr_t)t->ram + 0x59fff);
    assert_int_equal(hva(t, ROM), (uintptr_t)t->rom);
    expect(t, "", 0);
}

static void gva_to_hva_of_nothing_says_so(void **state)
{
    static const uint64_t bad[] = { 0x1000, ABSENT, HOLE, UINT64_C(1) << 47, TOP - 1 };
    struct fixture *t = *state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_not_equal(hva(t, 0x12345), 0);
        assert_int_equal(hva(t, bad[i]), 0);
        expect(t, "Invalid GVA\n", 1);
    }
}

static void host_addresses_need_the_right(void **state)
{
    struct fixture *t = *state;

    attach(t, HYPERCALL_BASIC, false);
    assert_int_equal(hva(t, 0x12345), 0);
    assert_int_equal(hva(t, ABSENT), 0);
    expect(t, "", 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(signature_reads_vtro),
        TEST(prints_bytes_and_numbers),
        TEST(wrong_widths_and_directions_are_refused),
        TEST(nobody_accessing_is_refused),
        TEST(counts_exits_of_all_cpus),
        TEST(prints_string_in_one_piece),
        TEST(string_follows_page_tables),
        TEST(string_ends_where_pages_end),
        TEST(string_is_cut_at_4096),
        TEST(addr_hi_is_used_once),
        TEST(cpus_do_not_share_registers),
        TEST(exits_by_type_is_exact),
        TEST(exits_by_type_after_the_table_is_full),
        TEST(report_never_passes_buf_len),
        TEST(time_by_type_has_two_times),
        TEST(bad_report_buffers_are_left_alone),
        TEST(gva_to_hva_finds_the_byte),
        TEST(gva_to_hva_of_nothing_says_so),
        TEST(host_addresses_need_the_right),
    };

    return cmocka_run_group_tests_name("dev/hypercall", tests, NULL, NULL);
}
