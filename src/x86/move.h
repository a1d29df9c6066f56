/* SPDX-License-Identifier: MIT */
/*
 * move.h - a register state on its way from one engine to another
 *
 * Engines keep different sets of MSRs and of vector registers. What moves is what both have; what only the
 * receiver has stays as it was there.
 */
#ifndef X86_MOVE_H
#define X86_MOVE_H

#include "x86/state.h"

/* The entry of an MSR; NULL when the state has none. */
const struct x86_msr *x86_state_msr(const struct x86_state *s, uint32_t index);

void x86_state_drop_msr(struct x86_state *s, uint32_t index);

/* Drops MSRs that have the same value in `was`: setting some has effects even so. */
void x86_state_drop_same(struct x86_state *s, const struct x86_state *was);

/* Parts of a state, as they are: general registers, rip and rflags. */
void x86_copy_regs(struct x86_state *to, const struct x86_state *from);
/* Segments, descriptor tables, control registers, EFER, the base of the local APIC. */
void x86_copy_sregs(struct x86_state *to, const struct x86_state *from);
/* Debug registers, and the events under way. */
void x86_copy_debug(struct x86_state *to, const struct x86_state *from);

/*
 * x86_state_move - make *to what the receiver is to be set to
 *
 * to    whole state of the receiving engine, as it is now
 * from  whole state of the engine that had the CPU last
 *
 * MSRs: those that *to lists, with the values of from where it has them. Vector registers: the components
 * that fit into from's area, and of others what *to had. XCR0 stays when from has none. The local APIC
 * moves when both have one; without one in *to the CPU is not halted there but waits outside.
 */
void x86_state_move(struct x86_state *to, const struct x86_state *from);

#endif
