/* SPDX-License-Identifier: MIT */
/*
 * aml.h - writes ACPI Machine Language, as much of it as a table of devices needs; used by acpi.c
 *
 * Source: ACPI Specification, "ACPI Machine Language (AML) Specification" and "Resource Data Types for ACPI".
 */
#ifndef BOARD_AML_H
#define BOARD_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A buffer that bytes are appended to; what does not fit sets `full` and is left out. */
struct aml {
    uint8_t *buf; /* borrowed */
    size_t len, max;
    bool full;
};

void aml_bytes(struct aml *a, const void *bytes, size_t len);
void aml_int(struct aml *a, unsigned bytes, uint64_t val); /* little-endian */

/* Opens a package with a length (Scope, Device, Package ...) and returns where; aml_end closes it. */
size_t aml_scope(struct aml *a, const char *path);
size_t aml_device(struct aml *a, const char name[4]);
void aml_end(struct aml *a, size_t at);

/* Name (NAME, value). Integers take the shortest form. */
void aml_name_int(struct aml *a, const char name[4], uint64_t val);
void aml_name_string(struct aml *a, const char name[4], const char *text);
void aml_name_eisaid(struct aml *a, const char name[4], const char *id); /* "PNP0501" */
void aml_name_package(struct aml *a, const char name[4], const uint8_t *ints, unsigned n);

/* Name (_CRS, ResourceTemplate () { IO (Decode16, port, port, 0, len) IRQNoFlags () { irq } }); irq -1: none. */
struct aml_io {
    uint16_t port;
    uint8_t len;
};
void aml_crs(struct aml *a, const struct aml_io *io, unsigned nio, int irq);

#endif
