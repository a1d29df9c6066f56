/* SPDX-License-Identifier: MIT */
/*
 * bits.c - bit tests, scans, counts and extractions
 *
 * Source: SDM 2, instruction pages BT BTS BTR BTC BSF BSR TZCNT LZCNT POPCNT ANDN BEXTR BLSI BLSMSK BLSR
 * BZHI PDEP PEXT BSWAP MOVBE CRC32. A bit string in memory is found by operand.c: the upper part of the
 * bit offset moves the address, what is left of it comes here.
 */
#include "engine/soft/host_alu.h"
#include "engine/soft/ops_int.h"

/* v[0] = op(v[0], v[1]) at 2, 4 and 8 bytes; b masks the second. */
#define WORDS(name, b_of)                                                               \
    bool val_##name(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o) \
    {                                                                                   \
        uint32_t ax = host_flags_of(c->s.rflags);                                       \
        uint64_t b = b_of(o);                                                           \
                                                                                        \
        (void)in;                                                                       \
        switch (o->width[0]) {                                                          \
        case 2:                                                                         \
            o->v[0] = host_##name##_16((uint16_t)o->v[0], (uint16_t)b, &ax);            \
            break;                                                                      \
        case 4:                                                                         \
            o->v[0] = host_##name##_32((uint32_t)o->v[0], (uint32_t)b, &ax);            \
            break;                                                                      \
        default:                                                                        \
            o->v[0] = host_##name##_64(o->v[0], b, &ax);                                \
        }                                                                               \
        c->s.rflags = host_flags_into(c->s.rflags, ax);                                 \
        return true;                                                                    \
    }

/* The number of the bit inside the word. */
static uint64_t bit_of(const struct soft_vals *o)
{
    return o->v[1] & (8u * o->width[0] - 1);
}

WORDS(bt, bit_of)
WORDS(bts, bit_of)
WORDS(btr, bit_of)
WORDS(btc, bit_of)

static uint64_t source_of(const struct soft_vals *o)
{
    return o->v[1];
}

WORDS(tzcnt, source_of)
WORDS(lzcnt, source_of)
WORDS(popcnt, source_of)

/* A source of 0 leaves the whole destination as it was: documented by AMD, done by Intel. */
static uint64_t scanned(struct soft_vals *o)
{
    o->no_write = o->v[1] == 0;
    return o->v[1];
}

WORDS(bsf, scanned)
WORDS(bsr, scanned)

/* ---- BMI: 4 and 8 bytes ------------------------------------------------------------------------ */

/* v[0] = op(v[1]) */
#define WIDE1(name)                                                                     \
    bool val_##name(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o) \
    {                                                                                   \
        uint32_t ax = host_flags_of(c->s.rflags);                                       \
                                                                                        \
        (void)in;                                                                       \
        if (o->width[0] == 4)                                                           \
            o->v[0] = host_##name##_32(0, (uint32_t)o->v[1], &ax);                      \
        else                                                                            \
            o->v[0] = host_##name##_64(0, o->v[1], &ax);                                \
        c->s.rflags = host_flags_into(c->s.rflags, ax);                                 \
        return true;                                                                    \
    }

WIDE1(blsr)
WIDE1(blsmsk)
WIDE1(blsi)

/* v[0] = op(v[1], v[2]) */
#define WIDE2(name)                                                                     \
    bool val_##name(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o) \
    {                                                                                   \
        uint32_t ax = host_flags_of(c->s.rflags);                                       \
                                                                                        \
        (void)in;                                                                       \
        if (o->width[0] == 4)                                                           \
            o->v[0] = host_##name##_32((uint32_t)o->v[1], (uint32_t)o->v[2], &ax);      \
        else                                                                            \
            o->v[0] = host_##name##_64(o->v[1], o->v[2], &ax);                          \
        c->s.rflags = host_flags_into(c->s.rflags, ax);                                 \
        return true;                                                                    \
    }

WIDE2(andn)
WIDE2(bextr)
WIDE2(bzhi)
WIDE2(pext)
WIDE2(pdep)

/* ---- byte order and checksum ------------------------------------------------------------------- */

static uint64_t swapped(uint64_t val, unsigned width)
{
    return __builtin_bswap64(val) >> (64 - 8 * width);
}

/* With 16-bit operands undefined; CPUs store 0. */
bool val_bswap(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    (void)c;
    (void)in;
    o->v[0] = o->width[0] == 2 ? 0 : swapped(o->v[0], o->width[0]);
    return true;
}

bool val_movbe(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    (void)c;
    (void)in;
    o->v[0] = swapped(o->v[1], o->width[0]);
    return true;
}

bool val_crc32(struct soft_cpu *c, const struct x86_insn *in, struct soft_vals *o)
{
    (void)c;
    (void)in;
    o->v[0] = host_crc32((uint32_t)o->v[0], o->v[1], o->width[1]);
    return true;
}
