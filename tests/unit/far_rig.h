/* SPDX-License-Identifier: MIT */
/*
 * far_rig.h - a software CPU with tables, stacks and 4 MiB of memory, for tests of control transfers
 *
 * Everything is flat and identity-mapped: an address is linear, physical and an offset.
 */
#ifndef TESTS_FAR_RIG_H
#define TESTS_FAR_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "engine/soft/far.h"
#include "engine/soft/ops_far.h"
#include "stub_engine.h"

/* Where things lie. */
enum {
    AT_IVT = 0,
    AT_GDT = 0x1000,
    AT_IDT = 0x2000,
    AT_TSS = 0x3000,
    AT_TSS_B = 0x3100,
    AT_TSS_16 = 0x3200,
    AT_LDT = 0x3400,
    AT_TABLES = 0x8000,
    AT_CODE = 0x10000,
    AT_HANDLERS = 0x20000, /* vector n: 16 * n further */
    TOP_STACK = 0x30000,
    TOP_RING0 = 0x31000,
    TOP_IST = 0x32008, /* not aligned on purpose */
    TOP_RING1 = 0x33000,
    AT_ELSEWHERE = 0x40000,
    AT_ABSENT = 0x200000, /* the second 2 MiB */
    RAM_BYTES = 0x400000,
};

/* Selectors of the GDT, RPL 0. Those below twice as far as they should be have 16 bytes in long mode. */
enum {
    CODE0 = 0x08,
    DATA0 = 0x10,
    CODE3 = 0x18,
    DATA3 = 0x20,
    TSS_A = 0x28,
    CODE64 = 0x38,
    CODE64_3 = 0x40,
    CODE16 = 0x48,
    DATA16 = 0x50,
    CONFORMING = 0x58,
    TSS_B = 0x60,
    TASK_GATE = 0x68,
    CALL_GATE = 0x70,
    LDT = 0x80,
    CODE_ABSENT = 0x90,
    CODE_SMALL = 0x98,
    TSS_16 = 0xa0,
    DATA_RO = 0xa8,
    DATA_ABSENT = 0xb0,
    CODE1 = 0xb8,
    DATA1 = 0xc0,
    CODE_XO = 0xc8,
    CODE_LD = 0xd0,
    TSS_ABSENT = 0xd8,
    OUTSIDE = 0x100,
};

/* Descriptor bytes: access, and the flags nibble. */
enum {
    ACC_P = 0x80,
    ACC_S = 0x10,
    ACC_DPL3 = 0x60,
    ACC_DPL1 = 0x20,
    FLAG_G = 8,
    FLAG_DB = 4,
    FLAG_L = 2,
    CODE_BYTE = ACC_P | ACC_S | TYPE_CODE | TYPE_READ,
    DATA_BYTE = ACC_P | ACC_S | TYPE_WRITE,
};

struct rig {
    struct stub stub;
    struct machine *m;
    struct soft_cpu *c;
    uint8_t *ram;
    struct x86_state before; /* the last execution */
};

/* cmocka's setup and teardown: *state is a struct rig in 32-bit protected mode, ring 0. */
int rig_setup(void **state);
int rig_teardown(void **state);

/* Other modes, from the first. */
void rig_ring3(struct rig *r);
void rig_real(struct rig *r);
void rig_vm86(struct rig *r, unsigned iopl);
void rig_long(struct rig *r, unsigned cpl);

void rig_desc(struct rig *r, unsigned selector, uint32_t base, uint32_t limit, unsigned access,
              unsigned flags);
/* At any address; high is written in long mode only. */
void rig_gate(struct rig *r, uint32_t at, unsigned selector, uint64_t offset, unsigned access,
              unsigned count);
/* IDT gate of a vector to its place in AT_HANDLERS. */
void rig_vector(struct rig *r, unsigned vector, unsigned selector, unsigned access);

void rig_put(struct rig *r, uint32_t at, unsigned width, uint64_t val);
uint64_t rig_get(const struct rig *r, uint32_t at, unsigned width);
void rig_seg(struct rig *r, unsigned seg, unsigned selector);
uint64_t rig_sp(const struct rig *r);
/* Moves rsp below values, the first at the lowest address. */
void rig_stack(struct rig *r, unsigned width, const uint64_t *vals, unsigned n);

/* Executes one instruction at rip, as soft_execute and what follows it do. */
bool rig_exec(struct rig *r, const uint8_t *bytes, unsigned len);
/* It faults so, and no register has changed. */
void rig_faults(struct rig *r, const uint8_t *bytes, unsigned len, unsigned vector, uint32_t error);
/* Raises as an instruction would, and delivers. */
bool rig_deliver(struct rig *r, unsigned vector, bool has_error, uint32_t error);

#define BYTES(...)   (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
#define EXEC(r, ...) rig_exec(r, BYTES(__VA_ARGS__))
#define STACK(r, width, ...)                               \
    rig_stack(r, width, (const uint64_t[]){ __VA_ARGS__ }, \
              sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))
#define W16(x)        (uint8_t)(x), (uint8_t)((x) >> 8)
#define W32(x)        (uint8_t)(x), (uint8_t)((x) >> 8), (uint8_t)((x) >> 16), (uint8_t)((x) >> 24)
#define SEL(r, which) ((r)->c->s.seg[X86_##which].selector)

#endif
