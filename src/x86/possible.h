/* SPDX-License-Identifier: MIT */
/* possible.h - whether a CPU can be in a state that somebody has put together; for registers set from outside. */
#ifndef X86_POSSIBLE_H
#define X86_POSSIBLE_H

#include "x86/state.h"

/* The bits of DR6 and DR7 that are always set. */
enum { X86_DR7_FIXED = 0x400 };
#define X86_DR6_FIXED UINT64_C(0xffff0ff0)

struct x86_possible {
    uint64_t cr4;       /* bits that the CPU offers */
    unsigned phys_bits; /* of a physical address, 36..52 */
};

/* An exception pushes an error code, in protected mode. SDM 3A, "Exception and Interrupt Vectors". */
bool x86_has_error_code(unsigned vector);

/*
 * x86_impossible - what of a state no CPU can have, as one line of words; NULL: nothing
 *
 * before  what was wrong in it already may stay as it is, and not become something else that is; NULL: nothing may
 *
 * The words are static. Looks at control and debug registers, EFER, segment registers with TR and LDTR, GDTR and IDTR, events,
 * RFLAGS.VM and IF; nothing in memory. Pure.
 */
const char *x86_impossible(const struct x86_state *s, const struct x86_state *before,
                           const struct x86_possible *can);

#endif
