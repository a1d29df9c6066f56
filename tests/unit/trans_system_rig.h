/* SPDX-License-Identifier: MIT */
/*
 * trans_system_rig.h - a kernel in ring 0 and a program in ring 3, for tests of what is between them
 *
 * On trans_rig.h: a GDT as SYSCALL and IRETQ want it, a stack, and the kernel's entry in the page of code.
 */
#ifndef TESTS_TRANS_SYSTEM_RIG_H
#define TESTS_TRANS_SYSTEM_RIG_H

#include "trans_rig.h"

enum { SYSTEM_PAGE = 4096 };
enum { GDT_AT = WINDOW_DATA + 0x800, STACK_AT = WINDOW_DATA + 0x2800, LSTAR_AT = 0x800 };
enum { CS0 = 0x08, SS0 = 0x10, STAR3 = 0x18, SS3 = 0x23, CS3 = 0x2b, GDT_BYTES = 0x30 };

/* For pair_open(). */
void system_set_up(struct soft_cpu *c);

/* One side at WINDOW in ring 3, with this page of code; fmask: what SYSCALL clears of RFLAGS. */
void system_begin(struct side *s, const uint8_t code[SYSTEM_PAGE], uint64_t fmask);
/* The same in ring 0, with these instructions and NOPs behind them. */
void system_begin_ring_0(struct side *s, const uint8_t *insns, unsigned len);

#endif
