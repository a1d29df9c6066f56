/* SPDX-License-Identifier: MIT */
/*
 * fast.h - C code that translated code calls without leaving
 *
 * Its file is compiled for general registers only and calls nothing, since the guest's vectors are in theirs.
 */
#ifndef ENGINE_SOFT_TRANS_FAST_H
#define ENGINE_SOFT_TRANS_FAST_H

#include <stdint.h>

struct trans_frame;

/* site.how of an instruction that changes the ring. */
enum trans_ring { TRANS_IRET, TRANS_SYSRET, TRANS_SYSCALL };

/* Besides an address of translated code: the interpreter's, or done, with frame.data the target and no code for it. */
enum trans_ring_end { TRANS_RING_STEP = 0, TRANS_RING_LANDED = 1 };

/*
 * trans_ring - SYSCALL, SYSRET and IRETQ in their ordinary cases, at a site
 *
 * Called by enter.S with the guest's registers in the state, but for those that calls preserve.
 */
uint64_t trans_ring(struct trans_frame *f, uint32_t site);

#endif
