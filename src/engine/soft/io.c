/* SPDX-License-Identifier: MIT */
/*
 * io.c - IN and OUT, and who may
 *
 * Sources: SDM 1 "Protected-Mode I/O" ("I/O Permission Bit Map"); SDM 2 "IN", "OUT". INS and OUTS
 * (string.c) ask the same question.
 */
#include "engine/soft/breakpoint.h"
#include "engine/soft/ops_int.h"

enum { TSS_MAP_BASE = 0x66, TSS_MIN_LIMIT = 0x67, TSS_386 = 9, TSS_386_BUSY = 11 };

/* The bits of all bytes of the access are 0 in the map behind the TSS. */
static bool map_allows(struct soft_cpu *c, uint16_t port, unsigned width)
{
    const struct x86_seg *tr = &c->s.tr;
    uint8_t bytes[2];
    uint64_t at;

    if (tr->unusable || !tr->present || (tr->type != TSS_386 && tr->type != TSS_386_BUSY) ||
        tr->limit < TSS_MIN_LIMIT)
        return soft_raise_error(c, VEC_GP, 0);
    if (!soft_sys_load(c, tr->base + TSS_MAP_BASE, bytes, 2))
        return false;
    at = le_get(bytes, 2) + port / 8u;
    /* Two bytes are always read: the map ends with a byte of ones. */
    if (at + 1 > tr->limit)
        return soft_raise_error(c, VEC_GP, 0);
    if (!soft_sys_load(c, tr->base + at, bytes, 2))
        return false;
    if (le_get(bytes, 2) >> port % 8u & (BIT(width) - 1))
        return soft_raise_error(c, VEC_GP, 0);
    return true;
}

bool soft_port_allowed(struct soft_cpu *c, uint16_t port, unsigned width)
{
    unsigned iopl = (unsigned)(c->s.rflags & X86_RFLAGS_IOPL) >> 12;

    if ((c->mode == X86_MODE_VM86 || (c->mode != X86_MODE_REAL && c->cpl > iopl)) &&
        !map_allows(c, port, width))
        return false;
    soft_meet_port(c, port, width);
    return true;
}

bool val_in(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    uint16_t port = (uint16_t)o->v[1];

    (void)in;
    return soft_port_allowed(c, port, o->width[0]) &&
           soft_device(c, true, false, port, o->width[0], &o->v[0]);
}

bool val_out(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    uint16_t port = (uint16_t)o->v[0];

    (void)in;
    return soft_port_allowed(c, port, o->width[1]) &&
           soft_device(c, true, true, port, o->width[1], &o->v[1]);
}
