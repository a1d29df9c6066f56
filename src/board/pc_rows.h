/* SPDX-License-Identifier: MIT */
/*
 * pc_rows.h - the PC board as a table: which chip answers where, on which pin
 *
 * The constructor (pc.c), the ACPI and MP tables and the documentation all read these rows.
 *
 * GAP: The board has no PCI bus. Linux looks for one by ports that nobody answers, says "PCI: Fatal: No config space
 * access function found" and goes on without; no table can tell it beforehand.
 */
#ifndef BOARD_PC_ROWS_H
#define BOARD_PC_ROWS_H

#include <stddef.h>
#include <stdint.h>

/* Name, space, base, length, ISA interrupt (-1: none), Plug and Play ID for ACPI (NULL: not listed). */
#define PC_ROWS(X)                                \
    X(I8259_MASTER, PIO, 0x20, 2, -1, NULL)       \
    X(I8254, PIO, 0x40, 4, 0, NULL)               \
    X(I8042_DATA, PIO, 0x60, 1, 1, "PNP0303")     \
    X(PORT61, PIO, 0x61, 1, -1, NULL)             \
    X(I8042_COMMAND, PIO, 0x64, 1, -1, NULL)      \
    X(MC146818, PIO, 0x70, 2, 8, "PNP0B00")       \
    X(POST, PIO, 0x80, 1, -1, NULL)               \
    X(PORT92, PIO, 0x92, 1, -1, NULL)             \
    X(I8259_SLAVE, PIO, 0xa0, 2, 2, NULL)         \
    X(FERR, PIO, 0xf0, 1, 13, NULL)               \
    X(COM2, PIO, 0x2f8, 8, 3, "PNP0501")          \
    X(COM1, PIO, 0x3f8, 8, 4, "PNP0501")          \
    X(ELCR, PIO, 0x4d0, 2, -1, NULL)              \
    X(PM1_EVENT, PIO, 0x600, 4, 9, NULL)          \
    X(PM1_CONTROL, PIO, 0x604, 2, -1, NULL)       \
    X(PM_TIMER, PIO, 0x608, 4, -1, NULL)          \
    X(RESET, PIO, 0xcf9, 1, -1, NULL)             \
    X(IOAPIC, MMIO, 0xfec00000, 0x1000, -1, NULL) \
    X(LAPIC, MMIO, 0xfee00000, 0x1000, -1, NULL)

#define X(name, where, base, len, pin, id) PC_##name,
enum pc_id { PC_ROWS(X) PC_NROWS };
#undef X

struct pc_row {
    enum { ON_PIO, ON_MMIO } where;
    uint64_t base, len;
    int pin;
    const char *id;
};

extern const struct pc_row pc_rows[PC_NROWS];

enum { PC_SCI = 9, PC_GSIS = 24, PC_PIT_GSI = 2 /* where the I/O APIC has ISA interrupt 0 */ };

#endif
