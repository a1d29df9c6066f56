/* SPDX-License-Identifier: MIT */
/*
 * hypercall_rig.h - a machine with a hypercall device, for the device's tests
 *
 * Two vCPUs over an engine that only tells registers: long mode with 4 KiB pages by the table in
 * hypercall_rig.c, or no paging.
 */
#ifndef TESTS_HYPERCALL_RIG_H
#define TESTS_HYPERCALL_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/bits.h"
#include "dev/hypercall.h"

enum {
    SIGNATURE = 0x00,
    PRINT8 = 0x04,
    PRINT32 = 0x08,
    ADDR_HI = 0x0c,
    PRINT_STR = 0x10,
    BUF_LEN = 0x14,
    EXITS = 0x18,
    EXITS_BY_TYPE = 0x1c,
    TIME_BY_TYPE = 0x20,
    GVA_TO_HVA = 0x24,
    HVA_LO = 0x28,
    HVA_HI = 0x2c,
    FILE_CALL = 0x30,
    REGS_END = 0x34,
};

enum {
    RAM_LEN = 0x60000,
    ROM_AT = 0x200000,
    ROM_LEN = 0x2000,
    TABLES = 0x1000,
    TABLES_END = 0xf000
};

/* What is mapped, besides 0x10000..0x4ffff to itself. */
#define HIGH   UINT64_C(0x500010000)        /* needs ADDR_HI */
#define TOP    UINT64_C(0xfffffffffffff000) /* the last page there is */
#define SWAP_A UINT64_C(0x50000)            /* these two the other way round */
#define SWAP_B UINT64_C(0x51000)
#define ABSENT UINT64_C(0x52000)  /* not mapped; the page before it is */
#define HOLE   UINT64_C(0x100000) /* mapped to where no memory is */
#define ROM    UINT64_C(0x101000) /* mapped to ROM */

struct fixture {
    struct machine *m;
    struct dev *dev;
    struct x86_state state;
    bool deaf; /* the engine cannot tell the registers */
    uint8_t *ram, *rom;
    uint64_t next_table;
    char out[16384];
    size_t len;
    unsigned writes;
    /* the directory behind FILE_CALL */
    char path[64], data[70000];
    unsigned calls, flags;
    uint32_t moved;
    int fd, whence;
    int64_t off, answer;
};

void no_paging(struct fixture *t);
/* The device under test is made anew with other rights; it answers at HYPERCALL_PORT. */
void attach(struct fixture *t, unsigned allow, bool with_files);
int setup(void **state);
int teardown(void **state);

void out32(struct fixture *t, unsigned reg, uint64_t val);
uint32_t in32(struct fixture *t, unsigned reg);
/* Both halves of an address; `reg` takes the lower one. */
void out_addr(struct fixture *t, unsigned reg, uint64_t gva);
/* Checks and forgets what was printed and refused since the last time. */
void expect(struct fixture *t, const char *printed, uint64_t refused);

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

#endif
