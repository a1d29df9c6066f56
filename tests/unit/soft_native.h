/* SPDX-License-Identifier: MIT */
/*
 * soft_native.h - one instruction on the host CPU, in the test's own process
 *
 * The instruction runs in ring 3 with all registers given, single-stepped (TF), in a 64-bit, 32-bit or
 * 16-bit code segment; what it did is taken from the signal frame of the trap or fault that follows. It
 * sees one window of memory:
 *
 *   +0000 code   +1000 nothing   +2000..5fff read and write   +6000 read only   +7000 nothing
 *
 * 16-bit segments begin at the window; 32-bit ones are flat. Not for more than one thread.
 */
#ifndef TESTS_SOFT_NATIVE_H
#define TESTS_SOFT_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "x86/decode.h"

enum {
    WINDOW = 0x10000000, /* linear address, the same for the software CPU */
    WINDOW_CODE = 0,
    WINDOW_DATA = 0x2000,
    WINDOW_RO = 0x6000,
    WINDOW_END = 0x7000,
    WINDOW_DATA_LEN = WINDOW_END - WINDOW_DATA,
    WINDOW_PAGE = 0x1000,
};

struct native_regs {
    uint64_t gpr[X86_NGPR], rip, rflags; /* rip: offset in the code segment */
    uint64_t gs_base;                    /* where struct native has bases */
};

struct native {
    uint8_t *code;        /* where the code page can be written */
    uint8_t *data;        /* +2000 of the window, where all of it can be written */
    uint64_t fs_base;     /* of the thread, which the instruction finds there */
    bool has_bases;       /* the host's kernel lets programs use RDFSBASE and its kin */
    bool int1_stays;      /* a hypervisor hands on the #DB of INT1 with rip at it, not behind */
    bool null_keeps_base; /* a null selector leaves the base alone: AMD's CPUs up to Zen 2 */
};

/* How it ended: vector 1 when the instruction was done. */
struct native_end {
    struct native_regs regs;
    unsigned vector;
    uint32_t error;
    uint64_t cr2;
    uint16_t sel[X86_NSREG];   /* selectors */
    uint64_t fs_base, gs_base; /* 0 without struct native's has_bases */
};

/* False when this host does not let us: no LDT, no such address. */
bool native_open(struct native *n);
void native_close(struct native *n);

/* Runs from `in`, whose rflags get TF. In 32- and 16-bit code the upper halves of registers are 0. */
void native_run(struct native *n, enum x86_code code, const struct native_regs *in,
                struct native_end *out);

/*
 * The LDT that there is after native_open: NATIVE_LDT descriptors as LLDT would find them. The first two are those
 * of 16-bit code, the others differ in type, limit and presence; the last is empty.
 */
enum { NATIVE_LDT = 14 };
uint64_t native_ldt_entry(unsigned n);

/* Selectors; the 16-bit segments are in the LDT, the others are Linux's. */
enum {
    NATIVE_CS16 = 0x07,
    NATIVE_DS16 = 0x0f,
    NATIVE_CS32 = 0x23,
    NATIVE_CS64 = 0x33,
    NATIVE_DS32 = 0x2b
};

#endif
