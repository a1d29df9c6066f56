/* SPDX-License-Identifier: MIT */
/*
 * flat32.h - segments that do not show in 32-bit code; used by scan_flat32.c and the fast*.c
 *
 * Source: SDM 3A, "Basic Flat Model" and "Type Checking".
 */
#ifndef ENGINE_SOFT_TRANS_FLAT32_H
#define ENGINE_SOFT_TRANS_FLAT32_H

#include "engine/soft/segment.h"

/* All of it may be written; the base is another question. */
static inline bool flat32_data(const struct x86_seg *s)
{
    return !s->unusable && s->present && s->limit == UINT32_MAX &&
           (s->type & (TYPE_CODE | TYPE_DOWN | TYPE_WRITE)) == TYPE_WRITE;
}

static inline bool flat32_code(const struct x86_seg *s)
{
    return !s->unusable && s->present && s->limit == UINT32_MAX && s->base == 0 && s->db && !s->l &&
           (s->type & (TYPE_CODE | TYPE_READ)) == (TYPE_CODE | TYPE_READ);
}

static inline bool flat32_stack(const struct x86_seg *s)
{
    return flat32_data(s) && s->base == 0 && s->db;
}

/* DS and ES. */
static inline bool flat32_others(const struct soft_cpu *c)
{
    const struct x86_seg *ds = &c->s.seg[X86_DS], *es = &c->s.seg[X86_ES];

    return (ds->base | es->base) == 0 && flat32_data(ds) && flat32_data(es);
}

/* frame.seg_poison of FS or GS. */
static inline uint64_t flat32_poison(const struct soft_cpu *c, unsigned seg)
{
    return flat32_data(&c->s.seg[seg]) ? 0 : UINT64_C(1) << 62;
}

#endif
