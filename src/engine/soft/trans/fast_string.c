/* SPDX-License-Identifier: MIT */
/*
 * fast_string.c - MOVS and STOS in pages that translated code may access
 *
 * Source: SDM 2, "REP/REPE/REPZ/REPNE/REPNZ", MOVS and STOS. A page at a time, as far as the frame's tables and the
 * budget go: each element counts as an instruction. DF, elements that cross a page, pages that are not known, and
 * copies that overlap so that an element is read after it has been written are left to others.
 */
#include "engine/soft/trans/fast.h"

#include "core/mem_access.h"
#include "engine/soft/trans/fast_place.h"

enum { SHORT = 96 /* bytes, below which the host's string instructions cost more */ };

struct string {
    unsigned shift;     /* elements are of 1 << shift bytes */
    unsigned addr_size; /* bytes */
    bool moves;
};

static void copy(uint8_t *dst, const uint8_t *src, uint64_t len)
{
    if (len >= SHORT) {
        __asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(len) : : "memory");
        return;
    }
    for (; len >= 8; len -= 8, dst += 8, src += 8)
        mem_store_64(dst, mem_load_64(src));
    if (len & 4) {
        mem_store_32(dst, mem_load_32(src));
        dst += 4, src += 4;
    }
    if (len & 2) {
        mem_store_16(dst, mem_load_16(src));
        dst += 2, src += 2;
    }
    if (len & 1)
        mem_store_8(dst, mem_load_8(src));
}

/* val: elements side by side. */
static void fill(uint8_t *dst, uint64_t val, uint64_t len)
{
    if (len >= SHORT) {
        uint64_t words = len / 8;

        __asm__ volatile("rep stosq" : "+D"(dst), "+c"(words) : "a"(val) : "memory");
        len %= 8;
    }
    for (; len >= 8; len -= 8, dst += 8)
        mem_store_64(dst, val);
    if (len & 4) {
        mem_store_32(dst, (uint32_t)val);
        dst += 4;
    }
    if (len & 2) {
        mem_store_16(dst, (uint16_t)val);
        dst += 2;
    }
    if (len & 1)
        mem_store_8(dst, (uint8_t)val);
}

static uint64_t repeated(uint64_t val, unsigned shift)
{
    static const uint64_t ones[] = { 0x0101010101010101, 0x0001000100010001, 0x0000000100000001,
                                     1 };
    uint64_t mask = shift == 3 ? UINT64_MAX : (UINT64_C(1) << (8 << shift)) - 1;

    return (val & mask) * ones[shift];
}

/* At most n elements, in one page on both sides. Returns how many. */
static uint64_t chunk(const struct trans_frame *f, const struct string *s, uint64_t n)
{
    struct soft_cpu *c = f->trans->c;
    uint64_t from = soft_gpr(c, X86_RSI, s->addr_size), to = soft_gpr(c, X86_RDI, s->addr_size);
    uint8_t *src = NULL, *dst;
    uint64_t len;

    if (s->moves && (src = fast_place(f, TRANS_READ, from, s->shift, &n)) == NULL)
        return 0;
    dst = fast_place(f, TRANS_WRITE, to, s->shift, &n);
    if (dst == NULL)
        return 0;
    len = n << s->shift;
    if (s->moves && dst > src && (uint64_t)(dst - src) < len)
        return 0;
    if (s->moves) {
        copy(dst, src, len);
        soft_set_gpr(c, X86_RSI, s->addr_size, from + len);
    } else {
        fill(dst, repeated(c->s.gpr[X86_RAX], s->shift), len);
    }
    soft_set_gpr(c, X86_RDI, s->addr_size, to + len);
    return n;
}

/* 32-bit addresses of a repeated instruction: the upper halves are cleared even when nothing is done (string.c). */
static void clear_halves(struct soft_cpu *c, const struct string *s)
{
    soft_set_gpr(c, X86_RCX, s->addr_size, c->s.gpr[X86_RCX]);
    soft_set_gpr(c, X86_RDI, s->addr_size, c->s.gpr[X86_RDI]);
    if (s->moves)
        soft_set_gpr(c, X86_RSI, s->addr_size, c->s.gpr[X86_RSI]);
}

bool trans_string(struct trans_frame *f, uint32_t site)
{
    const struct site *at = &f->trans->store->site[site];
    struct string s = { .shift = at->how & 3, .moves = at->how & TRANS_STRING_MOVES };
    struct soft_cpu *c = f->trans->c;
    uint64_t *rcx = at->how & TRANS_STRING_REPEATED ? &c->s.gpr[X86_RCX] : NULL;
    int64_t budget = (int64_t)f->budget - at->executed;
    uint64_t left, done = 0;

    if (at->kind == SITE_SEGMENT)
        return trans_segment(f, at);
    if (at->how & TRANS_STRING_LOOKS)
        return trans_look(f, at);
    s.addr_size = c->code_bits / 8u;
    if (rcx != NULL)
        clear_halves(c, &s);
    left = rcx != NULL ? *rcx : 1;
    if (left == 0)
        return true;
    if (f->rflags & X86_RFLAGS_DF || c->watches_tables)
        return false;
    while (left > 0 && budget > (int64_t)done) {
        uint64_t most = (uint64_t)budget - done, n = chunk(f, &s, left < most ? left : most);

        if (n == 0)
            break;
        left -= n;
        done += n;
    }
    if (done == 0)
        return false;
    if (rcx != NULL)
        *rcx = left;
    f->shadow = 0;
    c->repeats = left != 0;
    f->budget -= done - (left == 0); /* the block counts the instruction itself */
    return left == 0;
}
