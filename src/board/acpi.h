/* SPDX-License-Identifier: MIT */
/*
 * acpi.h - the tables by which a PC tells its guest what there is: ACPI, and the older MP table
 *
 * Made from the board's own rows (pc_rows.h), so that they cannot say anything else. Used by pc.c.
 */
#ifndef BOARD_ACPI_H
#define BOARD_ACPI_H

#include "core/mem.h"

/* Where they lie: in the range that guests search. */
enum { ACPI_BASE = 0xe0000, ACPI_BYTES = 0x10000, MPTABLE_BASE = 0xf0000, MPTABLE_BYTES = 0x1000 };

enum { ACPI_SLEEP_S5 = 5 }; /* the sleep type that switches off */

/* Writes RSDP, XSDT, FADT, FACS, MADT and DSDT. ncpus 1..254. Returns the RSDP's address. */
gpa_t acpi_write(const struct mem *mem, unsigned ncpus);

/* Writes the floating pointer and the configuration table of the MultiProcessor Specification 1.4. */
void mptable_write(const struct mem *mem, unsigned ncpus);

#endif
