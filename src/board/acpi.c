/* SPDX-License-Identifier: MIT */
/*
 * acpi.c - ACPI tables from the board's rows
 *
 * Source: ACPI Specification 6.4, "ACPI Software Programming Model" (tables RSDP, XSDT, FADT, FACS, MADT), "ACPI
 * Hardware Specification". Not the hardware-reduced profile: it makes Linux leave out PIC and PIT.
 */
#include "board/acpi.h"

#include <assert.h>
#include <string.h>

#include "base/bits.h"
#include "board/aml.h"
#include "board/pc_rows.h"

#define X(name, at, first, bytes, irq, pnp) \
    [PC_##name] = { .where = ON_##at, .base = first, .len = bytes, .pin = irq, .id = pnp },
const struct pc_row pc_rows[PC_NROWS] = { PC_ROWS(X) };
#undef X

enum {
    HEADER = 36, /* of every table but RSDP and FACS */
    RSDP_LEN = 36,
    FADT_LEN = 276,
    FACS_LEN = 64,
    TABLE_MAX = 16384,
    GAS_IO = 1,
    RESET_VALUE = 6,
    CMOS_CENTURY = 0x32,
    NO_C_STATE = 0xfff, /* a latency too long to be of use */
};

/* FADT flags and IA-PC boot architecture flags. The power button is the fixed one: its bit is clear. */
static const uint32_t fadt_flags = BIT(0) /* WBINVD */ | BIT(2) /* PROC_C1 */ |
                                   BIT(5) /* SLP_BUTTON: none */ | BIT(6) /* FIX_RTC */ |
                                   BIT(8) /* TMR_VAL_EXT */ | BIT(10) /* RESET_REG_SUP */;
static const uint16_t boot_arch =
    BIT(0) /* LEGACY_DEVICES */ | BIT(1) /* 8042 */ | BIT(2) /* VGA Not Present */;

/* Tables are laid one after the other. */
struct build {
    const struct mem *mem;
    gpa_t at;
};

static uint8_t sum_of(const uint8_t *bytes, size_t len)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return sum;
}

static gpa_t put(struct build *b, const void *bytes, size_t len)
{
    gpa_t at = b->at;
    bool ok = mem_put(b->mem, at, bytes, len);

    assert(ok); /* the board has memory here */
    b->at = (at + len + 63) & ~UINT64_C(63);
    assert(b->at <= ACPI_BASE + ACPI_BYTES);
    return at;
}

/* "System Description Table Header"; the length and checksum are filled in by put_table. */
static void header(struct aml *a, const char sig[4], unsigned revision)
{
    aml_bytes(a, sig, 4);
    aml_int(a, 4, 0);
    aml_int(a, 1, revision);
    aml_int(a, 1, 0);
    aml_bytes(a, "VITRO ", 6);
    aml_bytes(a, "VITROPC ", 8);
    aml_int(a, 4, 1);
    aml_bytes(a, "VTRO", 4);
    aml_int(a, 4, 1);
}

static gpa_t put_table(struct build *b, struct aml *a)
{
    assert(!a->full && a->len >= HEADER);
    le_put(a->buf + 4, 4, a->len);
    a->buf[9] = (uint8_t)-sum_of(a->buf, a->len);
    return put(b, a->buf, a->len);
}

/* ---- DSDT ------------------------------------------------------------------------------------ */

/* The second port range of a device that has two. */
static enum pc_id second_of(enum pc_id id)
{
    return id == PC_I8042_DATA ? PC_I8042_COMMAND : PC_NROWS;
}

static void dsdt_device(struct aml *a, enum pc_id id, unsigned uid)
{
    const struct pc_row *row = &pc_rows[id];
    struct aml_io io[2] = { { (uint16_t)row->base, (uint8_t)row->len } };
    const char name[4] = { 'D', 'E', 'V', (char)('A' + uid) };
    enum pc_id second = second_of(id);
    size_t at = aml_device(a, name);
    unsigned nio = 1;

    if (second != PC_NROWS)
        io[nio++] = (struct aml_io){ (uint16_t)pc_rows[second].base, (uint8_t)pc_rows[second].len };
    aml_name_eisaid(a, "_HID", row->id);
    aml_name_int(a, "_UID", uid);
    aml_crs(a, io, nio, row->pin);
    aml_end(a, at);
}

static void dsdt_cpu(struct aml *a, unsigned cpu)
{
    static const char hex[] = "0123456789ABCDEF";
    const char name[4] = { 'C', 'P', hex[cpu >> 4 & 15], hex[cpu & 15] };
    size_t at = aml_device(a, name);

    aml_name_string(a, "_HID", "ACPI0007");
    aml_name_int(a, "_UID", cpu);
    aml_end(a, at);
}

static gpa_t put_dsdt(struct build *b, unsigned ncpus)
{
    static const uint8_t s5[] = { ACPI_SLEEP_S5, ACPI_SLEEP_S5, 0, 0 };
    uint8_t buf[TABLE_MAX];
    struct aml a = { .buf = buf, .max = sizeof(buf) };
    size_t scope;

    header(&a, "DSDT", 2);
    aml_name_package(&a, "_S5_", s5, sizeof(s5));
    scope = aml_scope(&a, "_SB_");
    for (enum pc_id id = 0; id < PC_NROWS; id++) {
        if (pc_rows[id].id != NULL)
            dsdt_device(&a, id, id);
    }
    for (unsigned i = 0; i < ncpus; i++)
        dsdt_cpu(&a, i);
    aml_end(&a, scope);
    return put_table(b, &a);
}

/* ---- FADT ------------------------------------------------------------------------------------ */

static gpa_t put_facs(struct build *b)
{
    uint8_t buf[FACS_LEN] = { 'F', 'A', 'C', 'S', FACS_LEN };

    buf[32] = 2; /* version */
    return put(b, buf, sizeof(buf));
}

/* "Generic Address Structure" of a port range; len in bytes. */
static void gas(uint8_t *at, enum pc_id id)
{
    const struct pc_row *row = &pc_rows[id];

    at[0] = GAS_IO;
    at[1] = (uint8_t)(row->len * 8);
    at[3] = (uint8_t)(row->len > 2 ? 3 : row->len); /* access size: 1 byte, 2 word, 3 dword */
    le_put(at + 4, 8, row->base);
}

static void fadt_block(uint8_t *f, enum pc_id id, unsigned addr, unsigned len, unsigned extended)
{
    le_put(f + addr, 4, pc_rows[id].base);
    f[len] = (uint8_t)pc_rows[id].len;
    gas(f + extended, id);
}

static gpa_t put_fadt(struct build *b, gpa_t facs, gpa_t dsdt)
{
    uint8_t f[FADT_LEN] = { 0 };
    struct aml a = { .buf = f, .max = sizeof(f) };

    header(&a, "FACP", 6);
    a.len = FADT_LEN;
    f[131] = 4; /* minor version */
    le_put(f + 36, 4, facs);
    le_put(f + 40, 4, dsdt);
    le_put(f + 46, 2, PC_SCI);
    fadt_block(f, PC_PM1_EVENT, 56, 88, 148);
    fadt_block(f, PC_PM1_CONTROL, 64, 89, 172);
    fadt_block(f, PC_PM_TIMER, 76, 91, 208);
    le_put(f + 96, 2, NO_C_STATE);
    le_put(f + 98, 2, NO_C_STATE);
    f[108] = CMOS_CENTURY;
    le_put(f + 109, 2, boot_arch);
    le_put(f + 112, 4, fadt_flags);
    gas(f + 116, PC_RESET);
    f[128] = RESET_VALUE;
    le_put(f + 132, 8, facs);
    le_put(f + 140, 8, dsdt);
    return put_table(b, &a);
}

/* ---- MADT ------------------------------------------------------------------------------------ */

enum {
    MADT_LAPIC = 0,
    MADT_IOAPIC = 1,
    MADT_OVERRIDE = 2,
    MADT_LAPIC_NMI = 4,
    INTI_CONFORMS = 0,
    INTI_LEVEL_HIGH = 0xd,
    ALL_CPUS = 0xff,
};

static void override(struct aml *a, unsigned irq, unsigned gsi, unsigned flags)
{
    aml_int(a, 1, MADT_OVERRIDE);
    aml_int(a, 1, 10);
    aml_int(a, 1, 0); /* ISA */
    aml_int(a, 1, irq);
    aml_int(a, 4, gsi);
    aml_int(a, 2, flags);
}

static gpa_t put_madt(struct build *b, unsigned ncpus)
{
    uint8_t buf[TABLE_MAX];
    struct aml a = { .buf = buf, .max = sizeof(buf) };

    header(&a, "APIC", 5);
    aml_int(&a, 4, pc_rows[PC_LAPIC].base);
    aml_int(&a, 4, 1); /* PCAT_COMPAT: there are 8259s too */
    for (unsigned i = 0; i < ncpus; i++) {
        aml_int(&a, 1, MADT_LAPIC);
        aml_int(&a, 1, 8);
        aml_int(&a, 1, i); /* processor */
        aml_int(&a, 1, i); /* APIC */
        aml_int(&a, 4, 1); /* enabled */
    }
    aml_int(&a, 1, MADT_IOAPIC);
    aml_int(&a, 1, 12);
    aml_int(&a, 2, ncpus); /* its ID; then a reserved byte */
    aml_int(&a, 4, pc_rows[PC_IOAPIC].base);
    aml_int(&a, 4, 0); /* first GSI */
    override(&a, 0, PC_PIT_GSI, INTI_CONFORMS);
    override(&a, PC_SCI, PC_SCI, INTI_LEVEL_HIGH);
    aml_int(&a, 1, MADT_LAPIC_NMI);
    aml_int(&a, 1, 6);
    aml_int(&a, 1, ALL_CPUS);
    aml_int(&a, 2, INTI_CONFORMS);
    aml_int(&a, 1, 1); /* LINT1 */
    return put_table(b, &a);
}

/* ---- roots ----------------------------------------------------------------------------------- */

static gpa_t put_xsdt(struct build *b, const gpa_t *tables, unsigned n)
{
    uint8_t buf[HEADER + 8 * 8];
    struct aml a = { .buf = buf, .max = sizeof(buf) };

    header(&a, "XSDT", 1);
    for (unsigned i = 0; i < n; i++)
        aml_int(&a, 8, tables[i]);
    return put_table(b, &a);
}

/* The RSDP is the first thing in the range, and known last. */
static void write_rsdp(const struct mem *mem, gpa_t at, gpa_t xsdt)
{
    uint8_t r[RSDP_LEN] = { "RSD PTR " };
    bool ok;

    memcpy(r + 9, "VITRO ", 6);
    r[15] = 2; /* revision */
    le_put(r + 20, 4, RSDP_LEN);
    le_put(r + 24, 8, xsdt);
    r[8] = (uint8_t)-sum_of(r, 20);
    r[32] = (uint8_t)-sum_of(r, RSDP_LEN);
    ok = mem_put(mem, at, r, sizeof(r));
    assert(ok);
}

gpa_t acpi_write(const struct mem *mem, unsigned ncpus)
{
    struct build b = { .mem = mem, .at = ACPI_BASE + 64 };
    gpa_t dsdt = put_dsdt(&b, ncpus);
    gpa_t tables[2];

    tables[0] = put_fadt(&b, put_facs(&b), dsdt);
    tables[1] = put_madt(&b, ncpus);
    write_rsdp(mem, ACPI_BASE, put_xsdt(&b, tables, ARRAY_LEN(tables)));
    return ACPI_BASE;
}
