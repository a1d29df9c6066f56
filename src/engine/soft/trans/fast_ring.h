/* SPDX-License-Identifier: MIT */
/*
 * fast_ring.h - what changes of the ring have in common: fast.c has them for 64-bit code, fast_flat32.c for 32-bit code
 */
#ifndef ENGINE_SOFT_TRANS_FAST_RING_H
#define ENGINE_SOFT_TRANS_FAST_RING_H

#include "engine/soft/segment.h"
#include "engine/soft/trans/block.h"
#include "engine/soft/trans/fast.h"

/* Of RFLAGS, what IRET in ring 0 takes from the image: all but VM, and the bits that are fixed. */
#define FAST_IRET_FLAGS UINT64_C(0x3d7fd5)

/* All of the guest's flags, which are in the frame. */
uint64_t fast_flags(const struct trans_frame *f);
void fast_set_flags(struct trans_frame *f, uint64_t rflags);

/* With these flags in that ring nothing would end a run of translated code. */
bool fast_is_plain(const struct soft_cpu *c, uint64_t rflags, unsigned cpl);

/* Goes on in ring `cpl` in code of the size that c->code_bits says; what trans_ring returns. */
uint64_t fast_land(struct trans_frame *f, struct soft_cpu *c, unsigned cpl, uint64_t rip);

/* The host's place of len bytes that may be read, if that is known; NULL: not, or not in one page. */
const uint8_t *fast_readable(const struct soft_cpu *c, enum soft_bank bank, uint64_t linear,
                             unsigned len);

/* A code or data segment of the GDT: present, accessed, of the selector's ring. False: it is not that simple. */
bool fast_descriptor(const struct soft_cpu *c, uint16_t selector, struct x86_seg *seg);

/* Data segments that ring 3 may not use would become null on the way there: there is none. */
bool fast_data_stay(const struct soft_cpu *c);

/* fast_flat32.c: trans_ring of instructions that are executed in 32-bit code, or lead there. */
uint64_t fast_ring_flat32(struct trans_frame *f, struct soft_cpu *c, const struct site *s);
/* IRETQ to a code segment of 32 bits; its five words. */
uint64_t fast_iretq_flat32(struct trans_frame *f, struct soft_cpu *c, const uint64_t frame[5]);

#endif
