/* SPDX-License-Identifier: MIT */
/*
 * fast_look.c - repeated SCAS and CMPS in pages that translated code may access
 *
 * Source: SDM 2, "REP/REPE/REPZ/REPNE/REPNZ", SCAS and CMPS. A page at a time, as far as the frame's tables and the
 * budget go: each element counts as an instruction, and only the last one leaves flags. DF, elements that cross a page
 * and pages that are in no table are left to others.
 */
#include "engine/soft/trans/fast.h"

#include "core/mem_access.h"
#include "engine/soft/trans/fast_place.h"

struct look {
    unsigned shift, addr_size; /* elements are of 1 << shift bytes; bytes */
    bool pairs, while_equal;   /* CMPS; REPE */
    bool ended;                /* by the elements in a and b */
    uint64_t a, b;
};

static uint64_t element(const uint8_t *p, unsigned shift)
{
    switch (shift) {
    case 0:
        return mem_load_8(p);
    case 1:
        return mem_load_16(p);
    case 2:
        return mem_load_32(p);
    default:
        return mem_load_64(p);
    }
}

/* At most n elements, in one page on both sides. Returns how many. */
static uint64_t chunk(const struct trans_frame *f, struct look *l, uint64_t n)
{
    struct soft_cpu *c = f->trans->c;
    uint64_t from = soft_gpr(c, X86_RSI, l->addr_size), to = soft_gpr(c, X86_RDI, l->addr_size);
    uint64_t done = 0;
    const uint8_t *src = NULL, *dst = fast_place(f, TRANS_READ, to, l->shift, &n);

    if (dst == NULL || (l->pairs && (src = fast_place(f, TRANS_READ, from, l->shift, &n)) == NULL))
        return 0;
    while (done < n && !l->ended) {
        l->b = element(dst + (done << l->shift), l->shift);
        if (l->pairs)
            l->a = element(src + (done << l->shift), l->shift);
        l->ended = (l->a == l->b) != l->while_equal;
        done++;
    }
    if (l->pairs)
        soft_set_gpr(c, X86_RSI, l->addr_size, from + (done << l->shift));
    soft_set_gpr(c, X86_RDI, l->addr_size, to + (done << l->shift));
    return done;
}

/* AX as LAHF and SETO leave it after CMP a, b. */
#define COMPARED(bits, suffix)                                   \
    static uint32_t compared_##bits(uint64_t a, uint64_t b)      \
    {                                                            \
        uint32_t ax = 0;                                         \
                                                                 \
        __asm__("cmp" suffix "\n\tlahf\n\tseto %%al"             \
                : "+&a"(ax)                                      \
                : "r"((uint##bits##_t)a), "r"((uint##bits##_t)b) \
                : "cc");                                         \
        return ax;                                               \
    }

COMPARED(8, "b %b2, %b1")
COMPARED(16, "w %w2, %w1")
COMPARED(32, "l %k2, %k1")
COMPARED(64, "q %q2, %q1")
#undef COMPARED

static uint32_t compared(const struct look *l)
{
    switch (l->shift) {
    case 0:
        return compared_8(l->a, l->b);
    case 1:
        return compared_16(l->a, l->b);
    case 2:
        return compared_32(l->a, l->b);
    default:
        return compared_64(l->a, l->b);
    }
}

bool trans_look(struct trans_frame *f, const struct site *at)
{
    struct soft_cpu *c = f->trans->c;
    struct look l = { .shift = at->how & 3,
                      .addr_size = c->code_bits / 8u,
                      .pairs = at->how & TRANS_STRING_PAIRS,
                      .while_equal = at->how & TRANS_STRING_EQUAL };
    int64_t budget = (int64_t)f->budget - at->executed;
    uint64_t left = soft_gpr(c, X86_RCX, l.addr_size), done = 0;

    l.a = soft_gpr(c, X86_RAX, 1u << l.shift);
    soft_set_gpr(c, X86_RCX, l.addr_size, left);
    if (left == 0)
        return true;
    if (f->rflags & X86_RFLAGS_DF)
        return false;
    while (left > 0 && !l.ended && budget > (int64_t)done) {
        uint64_t most = (uint64_t)budget - done, n = chunk(f, &l, left < most ? left : most);

        if (n == 0)
            break;
        left -= n;
        done += n;
    }
    if (done == 0)
        return false;
    l.ended |= left == 0;
    c->s.gpr[X86_RCX] = left;
    f->shadow = 0;
    c->repeats = !l.ended;
    if (l.ended)
        f->leave_flags = compared(&l);
    f->budget -= done - l.ended; /* the block counts the instruction itself */
    return l.ended;
}
