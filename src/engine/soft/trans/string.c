/* SPDX-License-Identifier: MIT */
/*
 * string.c - REP MOVS and REP STOS, a page at a time
 *
 * Source: SDM 2, "REP/REPE/REPZ/REPNE/REPNZ", MOVS and STOS. Only in plain memory: anything
 * else, the element that faults or crosses a page, and the end where RCX is 0 from the beginning are the
 * interpreter's. Each element counts as an instruction, as there.
 */
#include <string.h>

#include "engine/soft/mem.h"
#include "engine/soft/mmu.h"
#include "engine/soft/run.h"
#include "engine/soft/trans/block.h"
#include "x86/canonical.h"

enum { PAGE = 4096 };

struct rep {
    unsigned width, addrsize; /* bytes */
    bool moves, down;         /* MOVS; DF is set */
};

/* The host's place of the element at `linear`, and in *n at most how many lie in its page; NULL: not plain. */
static uint8_t *plain(struct trans *t, const struct rep *r, uint64_t linear, enum soft_how how,
                      uint64_t *n)
{
    struct soft_cpu *c = t->c;
    uint64_t at = linear % PAGE, room = r->down ? at / r->width + 1 : (PAGE - at) / r->width;
    const struct soft_tlb_entry *e = &c->tlb[linear / PAGE % SOFT_TLB];
    struct soft_place place;

    if (at > PAGE - r->width || !x86_canonical(linear) ||
        !soft_translate(c, linear, how, c->bank, &place) || place.host == NULL || place.watched ||
        !((e->allow[c->bank] | e->held[c->bank]) & how))
        return NULL;
    if (t->check == NULL && e->allow[c->bank] & how) /* then the next one needs no look */
        (void)trans_page_fill(t, linear, how == HOW_WRITE ? TRANS_WRITE : TRANS_READ, e);
    if (*n > room)
        *n = room;
    return place.host;
}

/* One element after the other, the first at dst and src. */
static void copy(const struct rep *r, uint8_t *dst, const uint8_t *src, uint64_t n)
{
    uint64_t len = n * r->width, back = r->down ? len - r->width : 0;
    bool repeats =
        r->down ? dst < src && src - dst < (ptrdiff_t)len : dst > src && dst - src < (ptrdiff_t)len;

    if (!repeats) {
        memmove(dst - back, src - back, len);
        return;
    }
    for (uint64_t i = 0; i < n; i++) {
        ptrdiff_t at = (ptrdiff_t)(i * r->width);
        uint64_t val;

        memcpy(&val, r->down ? src - at : src + at, r->width);
        memcpy(r->down ? dst - at : dst + at, &val, r->width);
    }
}

static void fill(const struct rep *r, uint8_t *dst, uint64_t val, uint64_t n)
{
    if (r->down)
        dst -= (n - 1) * r->width;
    if (r->width == 1 || val == 0) {
        memset(dst, (int)(val & 0xff), n * r->width);
        return;
    }
    for (uint64_t i = 0; i < n; i++)
        memcpy(dst + i * r->width, &val, r->width);
}

/* Elements that are in one page on both sides; false: none. */
static bool chunk(struct trans *t, const struct rep *r, uint64_t n)
{
    struct soft_cpu *c = t->c;
    uint64_t *gpr = c->s.gpr, distance, to = soft_gpr(c, X86_RDI, r->addrsize);
    uint8_t *src = NULL, *dst;

    if (r->moves && (src = plain(t, r, soft_gpr(c, X86_RSI, r->addrsize), HOW_READ, &n)) == NULL)
        return false;
    dst = plain(t, r, to, HOW_WRITE, &n);
    if (dst == NULL)
        return false;
    trans_note_store(
        t, c->tlb[to / PAGE % SOFT_TLB].gpa + (to - (r->down ? (n - 1) * r->width : 0)) % PAGE,
        n * r->width);
    if (r->moves)
        copy(r, dst, src, n);
    else
        fill(r, dst, gpr[X86_RAX] & ones(r->width), n);
    distance = r->down ? -(n * r->width) : n * r->width;
    if (r->moves)
        soft_set_gpr(c, X86_RSI, r->addrsize, gpr[X86_RSI] + distance);
    soft_set_gpr(c, X86_RDI, r->addrsize, gpr[X86_RDI] + distance);
    soft_set_gpr(c, X86_RCX, r->addrsize, gpr[X86_RCX] - n);
    c->insns += n;
    c->s.rflags &= ~(uint64_t)X86_RFLAGS_RF;
    c->s.events.shadow = 0;
    c->repeats = soft_gpr(c, X86_RCX, r->addrsize) != 0;
    return true;
}

/* Addresses as wide as the code. */
bool trans_is_string(const struct x86_insn *in)
{
    if (x86_insn_row(in)->klass != X86_CLASS_STRING || in->addrsize != in->code / 8)
        return false;
    switch (x86_insn_row(in)->mnemonic) {
    case X86_MN_MOVSB:
    case X86_MN_MOVSW:
    case X86_MN_MOVSD:
    case X86_MN_MOVSQ:
        return in->seg != X86_FS && in->seg != X86_GS;
    case X86_MN_STOSB:
    case X86_MN_STOSW:
    case X86_MN_STOSD:
    case X86_MN_STOSQ:
        return true;
    default:
        return false;
    }
}

bool trans_is_rep(const struct x86_insn *in)
{
    return in->flags & (X86_INSN_F2 | X86_INSN_F3) && trans_is_string(in);
}

bool trans_string_moves(const struct x86_insn *in)
{
    return in->opcode < 0xaa;
}

unsigned trans_string_width(const struct x86_insn *in)
{
    return in->opcode & 1 ? in->opsize : 1;
}

bool trans_rep(struct trans *t, uint64_t most)
{
    struct soft_cpu *c = t->c;
    uint64_t before = c->insns, count;
    uint8_t bytes[X86_INSN_MAX];
    const uint8_t *host;
    struct x86_insn in;
    uint64_t gpa;
    struct rep r;
    unsigned left;

    if (c->watches_tables || !soft_fetch(c, c->s.rip, &host, &left, &gpa) || host == NULL)
        return false;
    left = left < X86_INSN_MAX ? left : X86_INSN_MAX;
    soft_load_code(bytes, host, left); /* another vCPU may change them */
    if (x86_decode(bytes, left, (enum x86_code)c->code_bits, &in) != X86_DECODE_OK ||
        !trans_is_rep(&in))
        return false;
    r = (struct rep){ .width = trans_string_width(&in),
                      .addrsize = in.addrsize,
                      .moves = trans_string_moves(&in),
                      .down = c->s.rflags & X86_RFLAGS_DF };
    while ((count = soft_gpr(c, X86_RCX, r.addrsize)) != 0 && most > c->insns - before) {
        uint64_t n = most - (c->insns - before);

        if (!chunk(t, &r, n < count ? n : count))
            break;
        if (soft_gpr(c, X86_RCX, r.addrsize) == 0)
            c->s.rip += in.len;
    }
    return c->insns != before;
}
