/* SPDX-License-Identifier: MIT */
/*
 * test_spaces.c - the map, host pages, walks, and the face over a real engine
 *
 * Host addresses are checked against /proc/self/maps, and by reading the guest's byte through them.
 */
#include "spaces_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- map ------------------------------------------------------------------------------------- */

static void test_map_rows(void **state)
{
    struct rig *r = *state;
    struct vitro_range row[16];
    size_t n;

    put_long_tables(r);
    put(r, 0, 8, 0x1122334455667788);
    map_rows(&r->s, row, ARRAY_LEN(row), &n);
    assert_int_equal(n, 8); /* slot, code, three tables, stack, slot, run area */
    for (size_t i = 0; i < n; i++) {
        uint8_t byte;

        assert_true(is_ours(row[i].host, row[i].len));
        assert_int_equal(row[i].is_slot, i == 0 || i == 6);
        assert_false(row[i].residency_known);
        if (row[i].use == VITRO_USE_RUN_AREA)
            continue;
        assert_int_equal(row[i].cpu, -1);
        assert_true(mem_get(&r->m->mem, row[i].gpa, &byte, 1));
        assert_int_equal(*(const uint8_t *)(uintptr_t)row[i].host, byte);
    }
    assert_int_equal(*(const uint64_t *)(uintptr_t)row[1].host, 0x1122334455667788);
    assert_int_equal(row[2].use, VITRO_USE_TABLES);
    assert_string_equal(row[2].name, "PML4");
    assert_int_equal(row[2].gpa, 0x2000);
    assert_int_equal(row[6].use, VITRO_USE_ROM);
    assert_int_equal(row[7].host, (uintptr_t)r->run);
    assert_int_equal(row[7].gpa, 0);
    assert_int_equal(row[7].cpu, 0);
}

static void test_map_room(void **state)
{
    struct rig *r = *state;
    struct vitro_range row[2] = { { .len = 7 }, { .len = 7 } };
    size_t n;

    put_long_tables(r);
    map_rows(&r->s, NULL, 0, &n);
    assert_int_equal(n, 8);
    map_rows(&r->s, row, 1, &n);
    assert_int_equal(n, 8);
    assert_int_equal(row[0].len, RAM_LEN);
    assert_int_equal(row[1].len, 7);
}

/* Notes are for people: they may cross slots, lie outside, overlap, and bear any name. */
static void test_map_odd_notes(void **state)
{
    struct rig *r = *state;
    struct mem *mem = &r->m->mem;
    struct vitro_range row[16];
    char *text;
    size_t n;

    mem_note(mem, MEM_USE_DATA, RAM_LEN - 4096, HIGH - RAM_LEN + 8192, "across");
    mem_note(mem, MEM_USE_DATA, 8 * MIB, 4096, "nowhere");
    mem_note(mem, MEM_USE_DATA, UINT64_MAX - 4095, 4096, "top");
    mem_note(mem, MEM_USE_DATA, 0x1000, 0x2000, "\x1b[31mred");
    mem_note(mem, MEM_USE_CODE, 0x1000, 0x3000, "outer");
    map_rows(&r->s, row, ARRAY_LEN(row), &n);
    assert_int_equal(n, 7);
    assert_string_equal(row[1].name, "outer"); /* the one that holds the other first */
    assert_int_equal(row[3].gpa, RAM_LEN - 4096);
    assert_int_equal(row[3].len, 4096);
    assert_int_equal(row[5].gpa, HIGH);
    assert_int_equal(row[5].len, 4096);
    assert_int_equal(row[5].host, (uintptr_t)r->ram + RAM_LEN);

    assert_int_equal(map_show(&r->s, &text, NULL), 0);
    assert_has(text, "data: \\x1b[31mred");
    assert_lacks(text, "\x1b");
    assert_has(text, "known use: 16384 bytes in 3 ranges"); /* overlaps counted once */
    free(text);
}

static void test_map_text(void **state)
{
    struct rig *r = *state;
    char *text;

    put_long_tables(r);
    assert_int_equal(map_show(&r->s, &text, NULL), 0);
    assert_golden(r, text, "map");
    r->s.style.color = true;
    assert_int_equal(map_show(&r->s, &text, NULL), 0);
    assert_has(text, "\x1b[32m");
    free(text);
}

static void test_map_devices(void **state)
{
    static const struct dev_ops chip_ops = { .name = "chip", .widths = W32 };
    static const struct dev_ops odd_ops = { .name = "o\x1b[31md", .widths = W8 };
    struct dev chip = { .ops = &chip_ops }, odd = { .ops = &odd_ops };
    struct rig *r = *state;
    json_t *doc, *list;
    char *text;

    assert_int_equal(bus_add(&r->m->mmio, 0xfec00000, 0x1000, &chip, NULL), 0);
    assert_int_equal(bus_add(&r->m->pio, 0x70, 2, &chip, NULL), 0);
    assert_int_equal(bus_add(&r->m->pio, 0xe9, 1, &odd, NULL), 0);
    assert_int_equal(map_show(&r->s, &text, NULL), 0);
    assert_golden(r, text, "map-devices");
    r->s.style.format = VITRO_JSON;
    assert_int_equal(map_show(&r->s, &text, NULL), 0);
    doc = parsed(text);
    list = json_object_get(doc, "devices");
    assert_int_equal(json_array_size(list), 3);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "space")),
                        "port");
    assert_int_equal(hex_of(json_array_get(list, 2), "base"), 0xfec00000);
    assert_int_equal(num_of(json_array_get(list, 2), "bytes"), 0x1000);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 2), "device")),
                        "chip");
    json_decref(doc);
    r->m->pio.nranges = r->m->mmio.nranges = 0; /* the chips are this function's */
}

static void test_map_json(void **state)
{
    struct rig *r = *state;
    struct vitro_range row[16];
    json_t *doc, *ranges;
    char *text;
    size_t n;

    put_long_tables(r);
    mem_note(&r->m->mem, MEM_USE_BOOT, 0x9000, 16, "\xff\"\\");
    r->s.style.format = VITRO_JSON;
    r->s.pages = residency_pages(&r->look);
    map_rows(&r->s, row, ARRAY_LEN(row), &n);
    assert_int_equal(map_show(&r->s, &text, NULL), 0);
    doc = parsed(text);
    ranges = json_object_get(doc, "ranges");
    assert_int_equal(json_array_size(ranges), n);
    assert_int_equal(num_of(doc, "bytes"), RAM_LEN + HIGH_LEN);
    for (size_t i = 0; i < n; i++) {
        const json_t *j = json_array_get(ranges, i);
        const json_t *pages = json_object_get(j, "host_pages");

        assert_string_equal(json_string_value(json_object_get(j, "use")), map_use_name(row[i].use));
        assert_int_equal(hex_of(j, "host"), row[i].host);
        assert_int_equal(num_of(j, "bytes"), row[i].len);
        assert_int_equal(bool_of(j, "slot"), row[i].is_slot);
        if (row[i].use == VITRO_USE_RUN_AREA)
            assert_true(null_of(j, "gpa"));
        else
            assert_int_equal(hex_of(j, "gpa"), row[i].gpa);
        assert_int_equal(json_is_null(pages), !row[i].residency_known);
        if (row[i].residency_known)
            assert_int_equal(num_of(pages, "resident"), row[i].resident);
    }
    json_decref(doc);
}

/* ---- host pages ------------------------------------------------------------------------------ */

static void test_residency(void **state)
{
    struct rig *r = *state;
    struct residency got;
    uint8_t *at = map_host(64 * 4096);

    residency_read(&r->look, at, 64 * 4096, &got);
    if (!got.known) {
        print_message("host pages: /proc/self/pagemap cannot be read here, not tested\n");
        munmap(at, 64 * 4096);
        skip();
    }
    assert_int_equal(got.resident, 0);
    at[0] = at[5 * 4096] = at[63 * 4096] = 1;
    residency_read(&r->look, at, 64 * 4096, &got);
    assert_int_equal(got.resident, 3 * 4096);
    residency_read(&r->look, at + 5 * 4096 + 10, 20, &got);
    assert_int_equal(got.resident, 20);
    residency_read(&r->look, at + 4095, 4098, &got);
    assert_int_equal(got.resident, 1);
    residency_read(&r->look, (const void *)(uintptr_t)(UINT64_MAX - 10), 100, &got);
    assert_false(got.known);
    munmap(at, 64 * 4096);
}

/* More than 4 GiB: the totals of smaps. Only the pages touched are taken from the host. */
static void test_residency_large(void **state)
{
    struct rig *r = *state;
    struct residency got;
    size_t len = 5 * GIB;
    uint8_t *at =
        mmap(NULL, len + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (at == MAP_FAILED) {
        print_message("host pages: cannot have 5 GiB of addresses here, not tested\n");
        skip();
    }
    assert_int_equal(madvise(at, len + 8192, MADV_NOHUGEPAGE), 0);
    assert_int_equal(mprotect(at + 4096, len, PROT_READ | PROT_WRITE), 0);
    at[4096] = at[4 * GIB] = 1;
    residency_read(&r->look, at + 4096, len, &got);
    if (got.known) {
        assert_int_equal(got.resident, 8192);
        residency_read(&r->look, at + 8192, len - 4096, &got);
        assert_false(got.known); /* a part of a mapping has no totals */
    }
    munmap(at, len + 8192);
}

static void test_residency_huge(void **state)
{
    struct rig *r = *state;
    uint8_t *at = map_host(6 * MIB);
    uint8_t *huge = (uint8_t *)(((uintptr_t)at + 2 * MIB - 1) & ~(uintptr_t)(2 * MIB - 1));
    struct residency got;

    if (madvise(huge, 2 * MIB, MADV_HUGEPAGE) == 0) {
        huge[0] = 1;
        residency_read(&r->look, huge, 2 * MIB, &got);
        if (got.known && got.huge != 0) {
            assert_int_equal(got.huge, 2 * MIB);
            assert_int_equal(got.resident, 2 * MIB);
            residency_read(&r->look, huge + 4096, 4096, &got);
            assert_true(!got.known || got.huge == 4096);
        } else {
            print_message("host pages: this host gave no huge page, not tested\n");
        }
    }
    munmap(at, 6 * MIB);
}

/* ---- walk ------------------------------------------------------------------------------------ */

static struct vitro_walk walk(struct rig *r, uint64_t gva)
{
    struct vitro_walk w;

    assert_int_equal(walk_read(&r->s, 0, gva, &w, NULL), 0);
    assert_int_equal(w.gva, gva);
    assert_int_equal(w.mapped, w.why == NULL);
    return w;
}

static char *walk_text(struct rig *r, uint64_t gva)
{
    char *text;

    assert_int_equal(walk_show(&r->s, 0, gva, &text, NULL), 0);
    return text;
}

static void assert_stops(struct rig *r, uint64_t gva, unsigned nsteps, const char *why,
                         const char *words)
{
    struct vitro_walk w = walk(r, gva);
    char *text = walk_text(r, gva);

    assert_false(w.mapped);
    assert_string_equal(w.why, why);
    assert_int_equal(w.nsteps, nsteps);
    assert_int_equal(w.host, 0);
    assert_has(text, words);
    free(text);
}

static void test_walk_long(void **state)
{
    struct rig *r = *state;
    struct vitro_walk w;

    put_long_tables(r);
    put(r, 0x400, 8, 42);
    r->s.pages = residency_pages(&r->look);
    w = walk(r, 0x400);
    assert_string_equal(w.paging, "4-level");
    assert_int_equal(w.nsteps, 3);
    assert_string_equal(w.step[2].table, "PD");
    assert_int_equal(w.step[1].gpa, 0x3000);
    assert_int_equal(w.step[1].raw, 0x4000 | PWU);
    assert_int_equal(*(const uint64_t *)(uintptr_t)w.step[1].host, w.step[1].raw);
    assert_int_equal(w.gpa, 0x400);
    assert_int_equal(w.page_bytes, 2 * MIB);
    assert_true(w.mapped && w.writable && w.user && w.executable && w.in_memory);
    assert_string_equal(w.slot, "RAM");
    assert_true(is_ours(w.host, 8));
    assert_int_equal(*(const uint64_t *)(uintptr_t)w.host, 42);
    if (w.residency_known)
        assert_true(w.resident);
    assert_false(walk(r, 0x180000).residency_known && walk(r, 0x180000).resident);
    r->s.pages = (struct host_pages){ 0 };
    assert_golden(r, walk_text(r, 0x181234), "walk-long");
}

static void test_walk_unmapped(void **state)
{
    struct rig *r = *state;

    put_long_tables(r);
    assert_stops(r, 0x200000, 3, "not present", "stops at PD[1]: the entry is not present");
    assert_golden(r, walk_text(r, 0x200000), "walk-unmapped");
    assert_stops(r, 0xffffffff80000000, 1, "not present", "0xffffff8000000000-0xffffffffffffffff");
    assert_stops(r, BIT(47), 0, "address not canonical", "bits 63:47 must all be equal");
    put(r, 0x3008, 8, 0x80000000 | PWU);
    assert_stops(r, GIB, 2, "table outside memory", "the PD it leads to is outside memory");
    put(r, 0x3010, 8, NX | 0x4000 | PWU); /* EFER.NXE is off: bit 63 is reserved */
    assert_stops(r, 2 * GIB, 2, "reserved bit set", "stops at PDPT[2]");
    r->state.cr3 = 0x7fff000;
    assert_stops(r, 0, 0, "table outside memory", "cr3 says that the PML4 is at 0x7fff000");
    r->state.cr4 |= X86_CR4_LA57;
    assert_stops(r, BIT(57), 0, "address not canonical", "5-level paging translates 57");
}

/* Mapped to where there is no memory: a device's, or nobody's. */
static void test_walk_no_memory(void **state)
{
    struct rig *r = *state;
    struct dev_ops ops = { .name = "lamp", .widths = W32 };
    struct dev lamp = { .ops = &ops };
    struct vitro_walk w;
    char *text;

    put_long_tables(r);
    put(r, 0x4008, 8, 0xfee00000 | PS | PWU);
    w = walk(r, 0x200010);
    assert_true(w.mapped);
    assert_false(w.in_memory);
    assert_int_equal(w.gpa, 0xfee00010);
    assert_int_equal(w.host, 0);
    assert_has(text = walk_text(r, 0x200010), "no device answers");
    free(text);
    assert_int_equal(bus_add(&r->m->mmio, 0xfee00000, 0x1000, &lamp, NULL), 0);
    assert_has(text = walk_text(r, 0x200010), "device lamp answers");
    free(text);
}

static void test_walk_32bit(void **state)
{
    struct rig *r = *state;
    struct vitro_walk w;

    x86_start_state(X86_START_PAGED32, 0, RAM_LEN, 0x2000, &r->state);
    put(r, 0x2000, 4, PS | PWU);
    put(r, 0x2004, 4, 0x5000 | P);
    put(r, 0x5000 + 4 * 3, 4, 0x6000 | PWU);
    w = walk(r, 0x400);
    assert_string_equal(w.paging, "32-bit");
    assert_int_equal(w.step[0].entry_len, 4);
    assert_int_equal(w.page_bytes, 4 * MIB);
    w = walk(r, 0x403123);
    assert_int_equal(w.nsteps, 2);
    assert_int_equal(w.gpa, 0x6123);
    assert_false(w.writable || w.user);
    assert_golden(r, walk_text(r, 0x403123), "walk-32bit");
    assert_stops(r, BIT(32), 0, "address beyond 32 bits", "beyond 32 bits");
}

static void test_walk_pae(void **state)
{
    struct rig *r = *state;
    struct vitro_walk w;

    x86_start_state(X86_START_PAGED32, 0, RAM_LEN, 0x2020, &r->state);
    r->state.cr4 |= X86_CR4_PAE;
    r->state.pdptr_valid = true;
    r->state.pdptr[1] = 0x4000 | P;
    put(r, 0x4008, 8, 0x200000 | PS | P | W);
    w = walk(r, GIB + 0x200042);
    assert_string_equal(w.paging, "PAE");
    assert_true(w.step[0].in_cpu);
    assert_int_equal(w.step[0].host, 0);
    assert_int_equal(w.step[1].gpa, 0x4008);
    assert_int_equal(w.gpa, 0x200042);
    assert_false(w.user);
    assert_golden(r, walk_text(r, GIB + 0x200042), "walk-pae");
}

static void test_walk_no_paging(void **state)
{
    struct rig *r = *state;
    struct vitro_walk w;

    x86_start_state(X86_START_REAL, 0, RAM_LEN, 0, &r->state);
    w = walk(r, 0x7c00);
    assert_string_equal(w.paging, "none");
    assert_int_equal(w.nsteps, 0);
    assert_int_equal(w.gpa, 0x7c00);
    assert_int_equal(w.page_bytes, 0);
    assert_int_equal(w.host, (uintptr_t)r->ram + 0x7c00);
    assert_golden(r, walk_text(r, 0x7c00), "walk-none");
    assert_stops(r, BIT(32), 0, "address beyond 32 bits", "beyond 32 bits");
}

static void test_walk_json(void **state)
{
    struct rig *r = *state;
    struct vitro_walk w;
    json_t *doc, *steps, *target;

    put_long_tables(r);
    r->s.style.format = VITRO_JSON;
    w = walk(r, 0x181234);
    doc = parsed(walk_text(r, 0x181234));
    steps = json_object_get(doc, "steps");
    target = json_object_get(doc, "target");
    assert_int_equal(json_array_size(steps), w.nsteps);
    for (unsigned i = 0; i < w.nsteps; i++) {
        const json_t *j = json_array_get(steps, i);

        assert_int_equal(hex_of(j, "gpa"), w.step[i].gpa);
        assert_int_equal(hex_of(j, "host"), w.step[i].host);
        assert_int_equal(hex_of(j, "raw"), w.step[i].raw);
        assert_int_equal(num_of(j, "index"), w.step[i].index);
    }
    assert_int_equal(hex_of(target, "gpa"), w.gpa);
    assert_int_equal(hex_of(target, "host"), w.host);
    assert_int_equal(num_of(target, "page_bytes"), w.page_bytes);
    assert_int_equal(bool_of(target, "user"), w.user);
    assert_true(null_of(target, "host_page"));
    json_decref(doc);
    doc = parsed(walk_text(r, BIT(47)));
    assert_false(bool_of(doc, "mapped"));
    assert_true(null_of(doc, "target"));
    json_decref(doc);
}

static void test_no_such_cpu(void **state)
{
    struct rig *r = *state;
    struct vitro_err err = { 0 };
    struct vitro_walk w;

    assert_int_equal(walk_read(&r->s, 1, 0, &w, &err), -EINVAL);
    assert_int_equal(err.kind, VITRO_ERR_USAGE);
    assert_string_equal(err.text, "CPU 1: this machine has 1, from 0");
}

/* ---- the face, on a real engine --------------------------------------------------------------- */

static void test_face(void **state)
{
    struct vitro_err err = { 0 };
    struct vitro_range row[16];
    struct vitro_guest *guest;
    struct vitro_walk w;
    struct vitro *m;
    uint64_t addr;
    char *text;
    size_t n;

    (void)state;
    assert_int_equal(
        vitro_guest_open(&(struct vitro_guest_config){ .name = "hello" }, &guest, &err), 0);
    if (access("/dev/kvm", R_OK | W_OK) != 0 ||
        vitro_new(&(struct vitro_config){ .console_fd = -1, .engine = VITRO_ENGINE_KVM }, guest, &m,
                  &err) < 0) {
        print_message("views over KVM: cannot use /dev/kvm here, not tested\n");
        vitro_guest_free(guest);
        skip();
    }
    assert_int_equal(vitro_map(m, row, ARRAY_LEN(row), &n, &err), 0);
    assert_true(n >= 7 && n <= ARRAY_LEN(row));
    for (size_t i = 0; i < n; i++)
        assert_true(is_ours(row[i].host, row[i].len));
    assert_int_equal(vitro_walk(m, 0, 0x400, &w, &err), 0);
    assert_int_equal(w.host, row[0].host + 0x400);
    assert_int_equal(vitro_mem_write(m, 0x400, "\x2a", 1), 0);
    assert_int_equal(*(const uint8_t *)(uintptr_t)w.host, 42);
    assert_int_equal(vitro_show_disasm(m, 0, 0, 2, NULL, &text, &err), 0);
    assert_has(text, "> 0x00000000");
    free(text);
    assert_false(vitro_symbol_addr(m, "nosuch", &addr));
    assert_string_equal(vitro_use_name(VITRO_USE_RAM), "ram");
    vitro_free(m);
    vitro_guest_free(guest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_map_rows),    RIG_TEST(test_map_room),        RIG_TEST(test_map_odd_notes),
        RIG_TEST(test_map_devices), RIG_TEST(test_map_text),        RIG_TEST(test_map_json),
        RIG_TEST(test_residency),   RIG_TEST(test_residency_large), RIG_TEST(test_residency_huge),
        RIG_TEST(test_walk_long),   RIG_TEST(test_walk_unmapped),   RIG_TEST(test_walk_no_memory),
        RIG_TEST(test_walk_32bit),  RIG_TEST(test_walk_pae),        RIG_TEST(test_walk_no_paging),
        RIG_TEST(test_walk_json),   RIG_TEST(test_no_such_cpu),     cmocka_unit_test(test_face),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
