/* SPDX-License-Identifier: MIT */
/* possible.h - whether a CPU can be in a state that somebody has put together; for registers set from outside. */
#ifndef X86_POSSIBLE_H
#define X86_POSSIBLE_H

#include "x86/state.h"

struct x86_possible {
    uint64_t cr4;       /* bits that the CPU offers */
    unsigned phys_bits; /* of a physical address, 36..52 */
};

/*
 * x86_impossible - what in control registers and segments no CPU can have, as one line of words; NULL: nothing
 *
 * The words are static. Looks at CR0, CR3, CR4, EFER, the six segment registers, RFLAGS.VM; nothing in memory. Pure.
 */
const char *x86_impossible(const struct x86_state *s, const struct x86_possible *can);

#endif
