/* SPDX-License-Identifier: MIT */
/*
 * state.h - the one form of a virtual CPU's registers
 *
 * Engines fill and load it, views read it, tests compare it. Nothing here depends on how an engine keeps its state.
 */
#ifndef X86_STATE_H
#define X86_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "x86/regs.h"

enum { X86_MSR_MAX = 192, X86_XSAVE_MAX = 12288, X86_LAPIC_BYTES = 1024 };

/* A segment register with its hidden part, SDM 3A "Segment Descriptors". */
struct x86_seg {
    uint64_t base;
    uint32_t limit; /* in bytes, as the CPU keeps it: 0xffffffff for a 4 GiB segment */
    uint16_t selector;
    uint8_t type; /* 0..15; with s = 1: bit 3 code, bit 1 writable or readable, bit 0 accessed */
    uint8_t dpl;
    bool s; /* code or data, not a system segment */
    bool present;
    bool avl;
    bool l;  /* 64-bit code */
    bool db; /* 32-bit default size */
    bool g;  /* limit counts 4 KiB units */
    bool unusable;
};

struct x86_dtable {
    uint64_t base;
    uint16_t limit; /* bytes minus one */
};

struct x86_msr {
    uint32_t index;
    uint64_t value;
};

/* Events in flight at the moment the state was read. */
struct x86_events {
    bool exception_injected, exception_pending, exception_has_error, exception_has_payload;
    uint8_t exception_vector;
    uint32_t exception_error;
    uint64_t exception_payload; /* CR2 of a #PF or DR6 of a #DB not yet delivered */
    bool interrupt_injected, interrupt_soft;
    uint8_t interrupt_vector;
    uint8_t shadow; /* bit 0 STI, bit 1 MOV SS: interrupts held off for one instruction */
    bool nmi_injected, nmi_pending, nmi_masked;
    bool triple_fault_pending;
};

enum x86_activity {
    X86_RUNNING,
    X86_HALTED,
    X86_WAIT_INIT,
    X86_WAIT_SIPI,
};

struct x86_state {
    uint64_t gpr[X86_NGPR]; /* enum x86_gpr */
    uint64_t rip;           /* offset in CS, not linear */
    uint64_t rflags;

    struct x86_seg seg[X86_NSREG]; /* enum x86_sreg */
    struct x86_seg tr, ldtr;
    struct x86_dtable gdtr, idtr;

    uint64_t cr0, cr2, cr3, cr4, cr8;
    uint64_t efer;
    uint64_t apic_base;
    bool pdptr_valid;  /* the four below were read from the CPU, not from memory */
    uint64_t pdptr[4]; /* PAE paging only */

    uint64_t dr[4], dr6, dr7;
    uint64_t xcr0; /* 0 when the engine has no XCR0 */

    uint32_t nmsrs;
    struct x86_msr msr[X86_MSR_MAX];

    uint32_t xsave_len; /* bytes valid in xsave; 0 when the engine did not give it */
    uint8_t xsave[X86_XSAVE_MAX] __attribute__((aligned(64)));

    bool lapic_valid;
    uint8_t lapic[X86_LAPIC_BYTES];

    struct x86_events events;
    enum x86_activity activity;
};

/* How the CPU decodes and addresses right now. */
enum x86_mode {
    X86_MODE_REAL,
    X86_MODE_VM86,
    X86_MODE_PROT16, /* protected, 16-bit code segment */
    X86_MODE_PROT32,
    X86_MODE_COMPAT, /* long mode, 16- or 32-bit code segment; its name says 32-bit of both */
    X86_MODE_LONG,
};

enum x86_mode x86_mode_of(const struct x86_state *s);

/* "long (64-bit)" and kin. */
const char *x86_mode_name(enum x86_mode mode);

/* Current privilege level: 0 in real mode, 3 in virtual-8086 mode, else SS.DPL. */
unsigned x86_cpl(const struct x86_state *s);

/* Linear address of the next instruction. */
uint64_t x86_linear_rip(const struct x86_state *s);

#endif
