/* SPDX-License-Identifier: MIT */
/*
 * test_acpi.c - the tables a PC's guest finds, read the way a guest reads them
 *
 * With ACPI_DUMP=FOLDER in the environment each table is also written there, for iasl -d.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "board/acpi.h"
#include "board/pc_rows.h"

enum { MEM = 1 << 20, CPUS = 4 };

struct rig {
    uint8_t *host;
    struct mem mem;
};

static void make(struct rig *r)
{
    struct mem_slot slot = { .len = MEM, .kind = MEM_RAM, .name = "RAM" };

    *r = (struct rig){ .host = calloc(1, MEM) };
    slot.host = r->host;
    assert_int_equal(mem_add(&r->mem, &slot, NULL), 0);
}

static uint8_t sum(const uint8_t *p, size_t len)
{
    uint8_t s = 0;

    while (len-- > 0)
        s = (uint8_t)(s + *p++);
    return s;
}

static void dump(const uint8_t *table, size_t len)
{
    const char *folder = getenv("ACPI_DUMP");
    char path[256];
    FILE *f;

    if (folder == NULL)
        return;
    snprintf(path, sizeof(path), "%s/%.4s.dat", folder, (const char *)table);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(table, 1, len, f), len);
    fclose(f);
}

/* A table with a header: its signature and checksum are right. */
static const uint8_t *table(const struct rig *r, uint64_t gpa, const char *sig)
{
    const uint8_t *t = r->host + gpa;
    size_t len = le_get(t + 4, 4);

    assert_true(gpa >= ACPI_BASE && gpa + len <= ACPI_BASE + ACPI_BYTES);
    assert_memory_equal(t, sig, 4);
    assert_int_equal(sum(t, len), 0);
    dump(t, len);
    return t;
}

static bool holds(const uint8_t *t, const void *bytes, size_t n)
{
    return memmem(t, le_get(t + 4, 4), bytes, n) != NULL;
}

static void check_fadt(const struct rig *r, const uint8_t *fadt)
{
    const uint8_t *facs = r->host + le_get(fadt + 36, 4);

    assert_int_equal(le_get(fadt + 4, 4), 276);
    assert_memory_equal(facs, "FACS", 4);
    assert_int_equal(le_get(fadt + 36, 4) % 64, 0);
    assert_int_equal(le_get(fadt + 46, 2), pc_rows[PC_PM1_EVENT].pin);
    assert_int_equal(le_get(fadt + 48, 4), 0); /* SMI_CMD: ACPI mode is on */
    assert_int_equal(le_get(fadt + 56, 4), pc_rows[PC_PM1_EVENT].base);
    assert_int_equal(le_get(fadt + 152, 8), pc_rows[PC_PM1_EVENT].base);
    assert_int_equal(le_get(fadt + 64, 4), pc_rows[PC_PM1_CONTROL].base);
    assert_int_equal(le_get(fadt + 76, 4), pc_rows[PC_PM_TIMER].base);
    assert_int_equal(fadt[91], 4);
    assert_int_equal(le_get(fadt + 120, 8), 0xcf9);
    assert_int_equal(fadt[128], 6);
    assert_int_equal(le_get(fadt + 109, 2),
                     7); /* ISA devices and an 8042 are there, no VGA to be probed for */
    assert_false(le_get(fadt + 112, 4) & BIT(20)); /* not hardware-reduced */
    assert_false(le_get(fadt + 112, 4) & BIT(4));  /* the power button is the fixed one */
}

static void check_dsdt(const uint8_t *dsdt)
{
    static const uint8_t pnp0501[] = { 0x0c, 0x41, 0xd0, 0x05, 0x01 };
    static const uint8_t com1[] = { 0x47, 1, 0xf8, 3, 0xf8, 3, 1, 8, 0x22, 0x10, 0, 0x79, 0 };
    static const uint8_t s5[] = { 0x08, '_', 'S', '5', '_', 0x12 };

    assert_true(holds(dsdt, pnp0501, sizeof(pnp0501)));
    assert_true(holds(dsdt, com1, sizeof(com1)));
    assert_true(holds(dsdt, s5, sizeof(s5)));
    assert_true(holds(dsdt, "CP03", 4));
    assert_false(holds(dsdt, "CP04", 4));
}

static void check_madt(const uint8_t *madt)
{
    unsigned cpus = 0, ioapics = 0, overrides = 0;

    assert_int_equal(le_get(madt + 36, 4), 0xfee00000);
    for (size_t at = 44; at < le_get(madt + 4, 4); at += madt[at + 1]) {
        assert_true(madt[at + 1] >= 6);
        cpus += madt[at] == 0;
        ioapics += madt[at] == 1;
        overrides += madt[at] == 2;
        if (madt[at] == 2 && madt[at + 3] == 0)
            assert_int_equal(le_get(madt + at + 4, 4), PC_PIT_GSI);
        if (madt[at] == 2 && madt[at + 3] == PC_SCI)
            assert_int_equal(le_get(madt + at + 8, 2), 0xd); /* level, active high */
    }
    assert_int_equal(cpus, CPUS);
    assert_int_equal(ioapics, 1);
    assert_int_equal(overrides, 2);
}

static void test_acpi(void **state)
{
    const uint8_t *rsdp, *xsdt, *fadt;
    struct rig r;

    (void)state;
    make(&r);
    rsdp = r.host + acpi_write(&r.mem, CPUS);
    assert_memory_equal(rsdp, "RSD PTR ", 8);
    assert_int_equal((rsdp - r.host) % 16, 0);
    assert_int_equal(sum(rsdp, 20), 0);
    assert_int_equal(sum(rsdp, 36), 0);
    xsdt = table(&r, le_get(rsdp + 24, 8), "XSDT");
    assert_int_equal(le_get(xsdt + 4, 4), 36 + 2 * 8);
    fadt = table(&r, le_get(xsdt + 36, 8), "FACP");
    check_fadt(&r, fadt);
    check_dsdt(table(&r, le_get(fadt + 140, 8), "DSDT"));
    check_madt(table(&r, le_get(xsdt + 44, 8), "APIC"));
    free(r.host);
}

static void test_most_cpus(void **state)
{
    const uint8_t *rsdp;
    struct rig r;

    (void)state;
    make(&r);
    rsdp = r.host + acpi_write(&r.mem, 254);
    table(&r, le_get(rsdp + 24, 8), "XSDT");
    free(r.host);
}

static void test_mptable(void **state)
{
    const uint8_t *p, *t;
    unsigned n = 0;
    struct rig r;

    (void)state;
    make(&r);
    mptable_write(&r.mem, CPUS);
    p = r.host + MPTABLE_BASE;
    assert_memory_equal(p, "_MP_", 4);
    assert_int_equal(sum(p, 16), 0);
    t = r.host + le_get(p + 4, 4);
    assert_memory_equal(t, "PCMP", 4);
    assert_int_equal(sum(t, le_get(t + 4, 2)), 0);
    for (size_t at = 44; at < le_get(t + 4, 2); at += t[at] == 0 ? 20 : 8) {
        n++;
        if (t[at] ==
            3) { /* interrupt: each ISA line's pin of the I/O APIC, the timer's in the cascade's place */
            assert_int_equal(t[at + 6], CPUS);
            assert_int_equal(t[at + 7], t[at + 5] == 0 ? 2 : t[at + 5]);
        }
    }
    assert_int_equal(n, le_get(t + 34, 2));
    assert_int_equal(t[44 + 3], 3); /* the first CPU: enabled, boots */
    assert_int_equal(t[44 + 20 + 3], 1);
    free(r.host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_acpi),
        cmocka_unit_test(test_most_cpus),
        cmocka_unit_test(test_mptable),
    };

    return cmocka_run_group_tests_name("board/acpi", tests, NULL, NULL);
}
