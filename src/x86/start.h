/* SPDX-License-Identifier: MIT */
/*
 * start.h - the register states a guest can be started in, as data
 *
 * real       16-bit, segments at 0, as a boot sector would find it
 * protected  32-bit flat segments, no paging
 * paged32    the same with 32-bit paging and 4 MiB pages allowed (CR4.PSE)
 * long       64-bit, 4-level paging
 *
 * Boot protocols of other kernels fix the selectors, which name entries of a table in guest memory:
 *
 * boot32     32-bit flat, code 0x10, data 0x18, no paging (Linux 32-bit entry, PVH, multiboot)
 * boot64     64-bit, code 0x10, data 0x18, identity-mapped by 4-level paging (Linux 64-bit entry)
 */
#ifndef X86_START_H
#define X86_START_H

#include <stdint.h>

#include "x86/state.h"

enum x86_start {
    X86_START_REAL,
    X86_START_PROTECTED,
    X86_START_PAGED32,
    X86_START_LONG,
    X86_START_BOOT32,
    X86_START_BOOT64,
};
enum {
    X86_STARTS = X86_START_LONG + 1, /* those a user can ask for */
    X86_START_ROWS = X86_START_BOOT64 + 1
};

enum { X86_BOOT_CS = 0x10, X86_BOOT_DS = 0x18 }; /* Linux: __BOOT_CS, __BOOT_DS */

/* "real", "protected", "paged32", "long", "boot32", "boot64" */
extern const char *const x86_start_names[X86_START_ROWS];

/*
 * x86_start_state - a whole register state, but for x87 and vector registers and MSRs, which it leaves to the engine
 *
 * rip    entry: offset in CS (base 0 in every mode)
 * rsp    stack top
 * tables guest-physical address of the top page table; ignored without paging
 *
 * Overwrites *out; general registers are 0 but rsp, rflags is 2. The descriptor tables are empty, but for real mode's
 * interrupt table at 0: a loader whose guest may reload its selectors sets gdtr to the table it has written. The
 * local APIC is enabled, and the CPU the bootstrap processor.
 */
void x86_start_state(enum x86_start how, uint64_t rip, uint64_t rsp, uint64_t tables,
                     struct x86_state *out);

/*
 * x86_reset_state - the registers after power-up or INIT, SDM 3A table "IA-32 and Intel 64 Processor States
 * Following Power-up, Reset, or INIT"
 *
 * apic_base  IA32_APIC_BASE, which INIT keeps
 *
 * Overwrites *out; as x86_start_state.
 */
void x86_reset_state(uint64_t apic_base, struct x86_state *out);

#endif
