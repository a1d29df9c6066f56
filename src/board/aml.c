/* SPDX-License-Identifier: MIT */
/* aml.c - see aml.h. Lengths of packages always take three bytes, so that they can be filled in at the end. */
#include "board/aml.h"

#include <string.h>

#include "base/bits.h"

/* Opcodes, ACPI Specification, table "AML Opcode Data". */
enum {
    OP_ZERO = 0x00,
    OP_ONE = 0x01,
    OP_NAME = 0x08,
    OP_BYTE = 0x0a,
    OP_WORD = 0x0b,
    OP_DWORD = 0x0c,
    OP_STRING = 0x0d,
    OP_SCOPE = 0x10,
    OP_BUFFER = 0x11,
    OP_PACKAGE = 0x12,
    OP_EXT = 0x5b,
    EXT_DEVICE = 0x82,
};

/* Small resource items: tag << 3 | length. */
enum { RES_IRQ = 0x22, RES_IO = 0x47, RES_END = 0x79, IO_DECODE16 = 1 };

enum { LENGTH_BYTES = 3 };

void aml_bytes(struct aml *a, const void *bytes, size_t len)
{
    if (len > a->max - a->len) {
        a->full = true;
        return;
    }
    memcpy(a->buf + a->len, bytes, len);
    a->len += len;
}

void aml_int(struct aml *a, unsigned bytes, uint64_t val)
{
    uint8_t raw[8];

    le_put(raw, bytes, val);
    aml_bytes(a, raw, bytes);
}

static void op(struct aml *a, unsigned byte)
{
    aml_int(a, 1, byte);
}

/* ---- packages -------------------------------------------------------------------------------- */

static size_t begin(struct aml *a)
{
    size_t at = a->len;

    aml_int(a, LENGTH_BYTES, 0);
    return at;
}

/* "Package Length Encoding": bits 7:6 of the first byte say how many follow, 3:0 are the lowest four. */
void aml_end(struct aml *a, size_t at)
{
    size_t len = a->len - at;

    if (a->full)
        return;
    a->buf[at] = (uint8_t)((LENGTH_BYTES - 1) << 6 | (len & 0xf));
    le_put(a->buf + at + 1, 2, len >> 4);
}

size_t aml_scope(struct aml *a, const char *path)
{
    size_t at;

    op(a, OP_SCOPE);
    at = begin(a);
    aml_bytes(a, path, strlen(path));
    return at;
}

size_t aml_device(struct aml *a, const char name[4])
{
    size_t at;

    op(a, OP_EXT);
    op(a, EXT_DEVICE);
    at = begin(a);
    aml_bytes(a, name, 4);
    return at;
}

/* ---- names ----------------------------------------------------------------------------------- */

static void name_of(struct aml *a, const char name[4])
{
    op(a, OP_NAME);
    aml_bytes(a, name, 4);
}

static void integer(struct aml *a, uint64_t val)
{
    if (val <= 1) {
        op(a, val == 0 ? OP_ZERO : OP_ONE);
        return;
    }
    op(a, val <= 0xff ? OP_BYTE : val <= 0xffff ? OP_WORD : OP_DWORD);
    aml_int(a, val <= 0xff ? 1 : val <= 0xffff ? 2 : 4, val);
}

void aml_name_int(struct aml *a, const char name[4], uint64_t val)
{
    name_of(a, name);
    integer(a, val);
}

void aml_name_string(struct aml *a, const char name[4], const char *text)
{
    name_of(a, name);
    op(a, OP_STRING);
    aml_bytes(a, text, strlen(text) + 1);
}

static unsigned hex_digit(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)(c - 'A') + 10;
}

/* Three letters of five bits, then four hex digits; big-endian. ACPI Specification, "EISAID". */
void aml_name_eisaid(struct aml *a, const char name[4], const char *id)
{
    uint32_t val = 0;
    uint8_t raw[4];

    for (unsigned i = 0; i < 3; i++)
        val = val << 5 | ((unsigned)id[i] & 0x1f);
    for (unsigned i = 3; i < 7; i++)
        val = val << 4 | hex_digit(id[i]);
    for (unsigned i = 0; i < 4; i++)
        raw[i] = (uint8_t)(val >> (24 - 8 * i));
    name_of(a, name);
    op(a, OP_DWORD);
    aml_bytes(a, raw, sizeof(raw));
}

void aml_name_package(struct aml *a, const char name[4], const uint8_t *ints, unsigned n)
{
    size_t at;

    name_of(a, name);
    op(a, OP_PACKAGE);
    at = begin(a);
    op(a, n);
    for (unsigned i = 0; i < n; i++)
        integer(a, ints[i]);
    aml_end(a, at);
}

/* ---- resources ------------------------------------------------------------------------------- */

void aml_crs(struct aml *a, const struct aml_io *io, unsigned nio, int irq)
{
    unsigned len = nio * 8 + (irq >= 0 ? 3 : 0) + 2;
    size_t at;

    name_of(a, "_CRS");
    op(a, OP_BUFFER);
    at = begin(a);
    integer(a, len);
    for (unsigned i = 0; i < nio; i++) {
        op(a, RES_IO);
        op(a, IO_DECODE16);
        aml_int(a, 2, io[i].port);
        aml_int(a, 2, io[i].port);
        op(a, 1); /* alignment */
        op(a, io[i].len);
    }
    if (irq >= 0) {
        op(a, RES_IRQ);
        aml_int(a, 2, BIT(irq));
    }
    op(a, RES_END);
    op(a, 0); /* no checksum */
    aml_end(a, at);
}
