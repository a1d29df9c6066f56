/* SPDX-License-Identifier: MIT */
/*
 * fast_impl.h - what fast handlers are made of: registers by size, plain memory, the end
 *
 * Guest words are little-endian as the host's are: the host is x86-64 (host_alu.h).
 */
#ifndef ENGINE_SOFT_FAST_IMPL_H
#define ENGINE_SOFT_FAST_IMPL_H

#include <string.h>

#include "core/mem_access.h"
#include "engine/soft/fast_table.h"

enum { FAST_PAGE = 4096 };

/* ---- registers and memory by size ------------------------------------------------------------ */

#define FAST_SIZED(bits)                                                                \
    static inline uint##bits##_t reg_##bits(const struct soft_cpu *c, unsigned reg)     \
    {                                                                                   \
        return (uint##bits##_t)c->s.gpr[reg];                                           \
    }                                                                                   \
    static inline void set_##bits(struct soft_cpu *c, unsigned reg, uint##bits##_t val) \
    {                                                                                   \
        soft_set_gpr(c, reg, (bits) / 8, val);                                          \
    }                                                                                   \
    static inline uint##bits##_t get_##bits(const uint8_t *p)                           \
    {                                                                                   \
        return mem_load_##bits(p);                                                      \
    }                                                                                   \
    static inline void put_##bits(uint8_t *p, uint##bits##_t val)                       \
    {                                                                                   \
        mem_store_##bits(p, val);                                                       \
    }

FAST_SIZED(8)
FAST_SIZED(16)
FAST_SIZED(32)
FAST_SIZED(64)
#undef FAST_SIZED

/* ---- plain memory ---------------------------------------------------------------------------- */

static inline uint64_t fast_word(const struct soft_cpu *c, unsigned offset)
{
    uint64_t val;

    memcpy(&val, (const char *)c + offset, sizeof(val));
    return val;
}

/* Effective address, without the segment's base. */
static inline uint64_t fast_ea(const struct soft_cpu *c, const struct soft_fast *f)
{
    return (uint64_t)f->disp + fast_word(c, f->base) + (fast_word(c, f->index) << f->scale);
}

/*
 * The host's place of a range, or NULL: it is not known, not memory, not all in one page, or not
 * allowed. Addresses that are not canonical are in no entry.
 */
static inline uint8_t *fast_linear(struct soft_cpu *c, uint64_t linear, unsigned width,
                                   enum soft_how how)
{
    const struct soft_tlb_entry *e = &c->tlb[linear / FAST_PAGE % SOFT_TLB];
    unsigned at = (unsigned)(linear % FAST_PAGE);

    if (e->tag != (linear - at + c->tlb_generation) || !(e->allow[c->bank] & how) ||
        at > FAST_PAGE - width || e->host == NULL)
        return NULL;
    return e->host + at;
}

static inline uint8_t *fast_place(struct soft_cpu *c, const struct soft_fast *f, unsigned width,
                                  enum soft_how how)
{
    return fast_linear(c, fast_ea(c, f) + fast_word(c, f->segment), width, how);
}

/* ---- the end --------------------------------------------------------------------------------- */

static inline bool fast_done(struct soft_cpu *c, const struct soft_fast *f)
{
    c->s.rip += f->len;
    return true;
}

/* ---- conditions ------------------------------------------------------------------------------ */

/* As soft_condition; cc is constant wherever this is used, so that one test remains. */
static inline bool fast_holds(uint64_t flags, unsigned cc)
{
    uint64_t less = (flags >> 7 ^ flags >> 11) & 1, yes = 0; /* SF, OF */

    switch (cc >> 1) {
    case 0:
        yes = flags & X86_RFLAGS_OF;
        break;
    case 1:
        yes = flags & X86_RFLAGS_CF;
        break;
    case 2:
        yes = flags & X86_RFLAGS_ZF;
        break;
    case 3:
        yes = flags & (X86_RFLAGS_CF | X86_RFLAGS_ZF);
        break;
    case 4:
        yes = flags & X86_RFLAGS_SF;
        break;
    case 5:
        yes = flags & X86_RFLAGS_PF;
        break;
    case 6:
        yes = less;
        break;
    case 7:
        yes = less | (flags & X86_RFLAGS_ZF);
        break;
    }
    return cc & 1 ? yes == 0 : yes != 0;
}

/* Name as in mnemonics, and code. */
#define FAST_CONDITIONS(X) \
    X(O, 0)                \
    X(NO, 1)               \
    X(B, 2)                \
    X(NB, 3)               \
    X(Z, 4)                \
    X(NZ, 5)               \
    X(BE, 6)               \
    X(NBE, 7)              \
    X(S, 8)                \
    X(NS, 9)               \
    X(P, 10)               \
    X(NP, 11)              \
    X(L, 12)               \
    X(NL, 13)              \
    X(LE, 14)              \
    X(NLE, 15)

#endif
