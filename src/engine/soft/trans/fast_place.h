/* SPDX-License-Identifier: MIT */
/*
 * fast_place.h - places of the host that fast_string.c and fast_look.c may access
 */
#ifndef ENGINE_SOFT_TRANS_FAST_PLACE_H
#define ENGINE_SOFT_TRANS_FAST_PLACE_H

#include "engine/soft/trans/block.h"
#include "engine/soft/trans/fast.h"

enum { FAST_PAGE = 4096 };

/* Of the element of 1 << shift bytes at `linear`, and in *n at most how many lie in its page; NULL: not known. */
static inline uint8_t *fast_place(const struct trans_frame *f, enum trans_access how,
                                  uint64_t linear, unsigned shift, uint64_t *n)
{
    const struct trans_pages *p = &f->tlb[f->trans->c->bank];
    const uint64_t *ntag = p->ntag[how];
    uint64_t index = linear / FAST_PAGE % TRANS_TLB, at = linear + ntag[index], room;

    if (at >= FAST_PAGE && trans_fill_page(f->trans, how, linear))
        at = linear + ntag[index];
    room = (FAST_PAGE - at) >> shift;
    if (at >= FAST_PAGE || room == 0)
        return NULL;
    if (*n > room)
        *n = room;
    return p->host[index] + at;
}

#endif
