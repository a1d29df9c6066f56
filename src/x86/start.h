/* SPDX-License-Identifier: MIT */
/*
 * start.h - the register states a guest can be started in, as data
 *
 * real       16-bit, segments at 0, as a boot sector would find it
 * protected  32-bit flat segments, no paging
 * paged32    the same with 32-bit paging and 4 MiB pages allowed (CR4.PSE)
 * long       64-bit, 4-level paging
 */
#ifndef X86_START_H
#define X86_START_H

#include <stdint.h>

#include "x86/state.h"

enum x86_start { X86_START_REAL, X86_START_PROTECTED, X86_START_PAGED32, X86_START_LONG };
enum { X86_STARTS = X86_START_LONG + 1 };

extern const char *const x86_start_names[X86_STARTS]; /* "real", "protected", "paged32", "long" */

/*
 * x86_start_state - a whole register state
 *
 * rip    entry: offset in CS (base 0 in every mode)
 * rsp    stack top
 * tables guest-physical address of the top page table; ignored without paging
 *
 * Overwrites *out; general registers are 0 but rsp, rflags is 2.
 */
void x86_start_state(enum x86_start how, uint64_t rip, uint64_t rsp, uint64_t tables,
                     struct x86_state *out);

/*
 * x86_reset_state - the registers after power-up or INIT, SDM 3A table "IA-32 and Intel 64 Processor States
 * Following Power-up, Reset, or INIT"
 *
 * apic_base  kept by INIT
 */
void x86_reset_state(uint64_t apic_base, struct x86_state *out);

#endif
