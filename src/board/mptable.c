/* SPDX-License-Identifier: MIT */
/*
 * mptable.c - the MP configuration table, for small systems that do not read ACPI
 *
 * Source: MultiProcessor Specification 1.4, chapter "MP Configuration Table".
 */
#include <assert.h>

#include "base/bits.h"
#include "board/acpi.h"
#include "board/aml.h"
#include "board/pc_rows.h"

enum {
    POINTER_LEN = 16,
    HEADER_LEN = 44,
    ENTRY_CPU = 0,
    ENTRY_BUS = 1,
    ENTRY_IOAPIC = 2,
    ENTRY_IRQ = 3,
    ENTRY_LOCAL = 4,
    CPU_ENABLED = 1,
    CPU_BOOT = 2,
    APIC_VERSION = 0x14,
    IOAPIC_VERSION = 0x11,
    INT_VECTORED = 0,
    INT_NMI = 1,
    INT_EXTINT = 3,
    ISA_IRQS = 16,
    CPU_SIGNATURE = 0x600,
    CPU_FEATURES = 0x201, /* FPU, APIC */
};

static void interrupt(struct aml *a, unsigned entry, unsigned type, unsigned irq, unsigned apic,
                      unsigned pin)
{
    aml_int(a, 1, entry);
    aml_int(a, 1, type);
    aml_int(a, 2, 0); /* polarity and trigger as the bus has them */
    aml_int(a, 1, 0); /* bus: ISA */
    aml_int(a, 1, irq);
    aml_int(a, 1, apic);
    aml_int(a, 1, pin);
}

static unsigned entries(struct aml *a, unsigned ncpus)
{
    unsigned n = ncpus + 2;

    for (unsigned i = 0; i < ncpus; i++) {
        aml_int(a, 1, ENTRY_CPU);
        aml_int(a, 1, i);
        aml_int(a, 1, APIC_VERSION);
        aml_int(a, 1, CPU_ENABLED | (i == 0 ? CPU_BOOT : 0));
        aml_int(a, 4, CPU_SIGNATURE);
        aml_int(a, 4, CPU_FEATURES);
        aml_int(a, 8, 0);
    }
    aml_int(a, 1, ENTRY_BUS);
    aml_int(a, 1, 0);
    aml_bytes(a, "ISA   ", 6);
    aml_int(a, 1, ENTRY_IOAPIC);
    aml_int(a, 1, ncpus);
    aml_int(a, 1, IOAPIC_VERSION);
    aml_int(a, 1, 1); /* usable */
    aml_int(a, 4, pc_rows[PC_IOAPIC].base);
    for (unsigned irq = 0; irq < ISA_IRQS; irq++) {
        if (irq == 2)
            continue; /* the cascade; its pin has the timer */
        interrupt(a, ENTRY_IRQ, INT_VECTORED, irq, ncpus, irq == 0 ? PC_PIT_GSI : irq);
        n++;
    }
    interrupt(a, ENTRY_LOCAL, INT_EXTINT, 0, 0, 0);
    interrupt(a, ENTRY_LOCAL, INT_NMI, 0, 0xff, 1);
    return n + 2;
}

static uint8_t checksum(const uint8_t *bytes, size_t len)
{
    uint8_t sum = 0;

    for (size_t i = 0; i < len; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return (uint8_t)-sum;
}

void mptable_write(const struct mem *mem, unsigned ncpus)
{
    uint8_t buf[MPTABLE_BYTES] = { "_MP_" }, *table = buf + POINTER_LEN;
    struct aml a = { .buf = table, .len = HEADER_LEN, .max = sizeof(buf) - POINTER_LEN };
    unsigned n = entries(&a, ncpus);
    struct aml h = { .buf = table, .max = HEADER_LEN };
    bool ok;

    assert(!a.full);
    aml_bytes(&h, "PCMP", 4);
    aml_int(&h, 2, a.len);
    aml_int(&h, 1, 4); /* revision 1.4 */
    aml_int(&h, 1, 0); /* checksum */
    aml_bytes(&h, "VITRO   ", 8);
    aml_bytes(&h, "VITROPC     ", 12);
    aml_int(&h, 4, 0); /* no OEM table */
    aml_int(&h, 2, 0);
    aml_int(&h, 2, n);
    aml_int(&h, 4, pc_rows[PC_LAPIC].base);
    table[7] = checksum(table, a.len);
    le_put(buf + 4, 4, MPTABLE_BASE + POINTER_LEN);
    buf[8] = 1; /* paragraphs */
    buf[9] = 4; /* revision 1.4 */
    buf[10] = checksum(buf, POINTER_LEN);
    ok = mem_put(mem, MPTABLE_BASE, buf, POINTER_LEN + a.len);
    assert(ok);
}
