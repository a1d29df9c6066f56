/* SPDX-License-Identifier: MIT */
/*
 * fast.h - C code that translated code calls without leaving
 *
 * Its files are compiled for general registers only and call nothing, since the guest's vectors are in theirs.
 */
#ifndef ENGINE_SOFT_TRANS_FAST_H
#define ENGINE_SOFT_TRANS_FAST_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/soft/trans/frame.h"

struct site;

/* site.how of an instruction that changes the ring. */
enum trans_ring {
    TRANS_IRET,
    TRANS_SYSRET,
    TRANS_SYSCALL,
    TRANS_SYSCALL32, /* those of 32-bit code, and SYSRET to it */
    TRANS_SYSRET32,
    TRANS_SYSENTER,
    TRANS_SYSEXIT,
    TRANS_IRETD,
};

/* Besides an address of translated code: the interpreter's, or done, with frame.data the target and no code for it. */
enum trans_ring_end { TRANS_RING_STEP = 0, TRANS_RING_LANDED = 1 };

/*
 * trans_ring - SYSCALL, SYSRET, SYSENTER, SYSEXIT and IRET in their ordinary cases, at a site
 *
 * Called by enter.S with the guest's registers in the state, but for those that calls preserve.
 */
uint64_t trans_ring(struct trans_frame *f, uint32_t site);

/* site.how of string instructions: the logarithm of the element's bytes, and these. */
enum trans_string_how {
    TRANS_STRING_MOVES = 4, /* MOVS, else STOS */
    TRANS_STRING_REPEATED = 8,
    TRANS_STRING_LOOKS = 16, /* it is SCAS or CMPS, repeated */
    TRANS_STRING_PAIRS = 32, /* and it is CMPS */
    TRANS_STRING_EQUAL = 64, /* goes on while elements are equal */
};

static inline unsigned trans_log2(unsigned width)
{
    return width == 8 ? 3 : width >> 1;
}

/*
 * trans_string - MOVS, STOS or repeated SCAS or CMPS, or so much of it as can be done, or what else a site asks for
 *
 * False: not all of it. Called as trans_ring; changes registers in the state and frame.budget.
 */
bool trans_string(struct trans_frame *f, uint32_t site);

/*
 * trans_fill_at - what translated code has not found in a table of the frame, at a site, if it is known elsewhere
 *
 * data  the linear address of an access, or the target of a branch
 *
 * From the translation cache, and the blocks that there are. False: the code has to be left.
 */
bool trans_fill_at(struct trans_frame *f, uint32_t site, uint64_t data);

/* The host's place of a page that may be accessed so, if the translation cache has it; else NULL. */
uint8_t *trans_known_page(struct trans *t, enum trans_access how, uint64_t linear);

/*
 * trans_across_at - get ready the operand of a site that lies in two pages, in frame.across_bytes
 *
 * False: it does not, or one of them is not known. trans_across_end_at() stores what is there afterwards.
 */
bool trans_across_at(struct trans_frame *f, uint32_t site, uint64_t linear);
bool trans_across_end_at(struct trans_frame *f, uint32_t site, uint64_t unused);

/* The page of an access, into its table, from the translation cache. False: it is not there, or nothing new. */
bool trans_fill_page(struct trans *t, enum trans_access how, uint64_t linear);

/* The same of SCAS and CMPS; the flags into frame.leave_flags. */
bool trans_look(struct trans_frame *f, const struct site *at);
/* Of a segment register that is loaded. */
bool trans_segment(struct trans_frame *f, const struct site *at);

#endif
