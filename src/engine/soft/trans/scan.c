/* SPDX-License-Identifier: MIT */
/* scan.c - which instructions make a block: scan_kind.c says how each is translated, scan_flags.c who reads flags. */
#include "engine/soft/trans/scan.h"

#include <string.h>

#include "base/bits.h"
#include "core/mem_access.h"

enum { PAGE = 4096 };

static void copy_line(struct scan *s, unsigned line)
{
    if (line == PAGE / 64 || s->copied >> line & 1)
        return;
    mem_load(s->copy + 64 * line, s->page + 64 * line, 64);
    s->copied |= UINT64_C(1) << line;
}

bool scan_decode(struct scan *s, unsigned at, struct scan_insn *x)
{
    unsigned left = PAGE - at;

    copy_line(s, at / 64);
    copy_line(s, (at + X86_INSN_MAX - 1) / 64);
    if (x86_decode(s->copy + at, left < X86_INSN_MAX ? left : X86_INSN_MAX,
                   s->flat32 ? X86_CODE_32 : X86_CODE_64, &x->in) != X86_DECODE_OK)
        return false;
    x->bytes = s->copy + at;
    x->at = (uint16_t)(at - s->begin);
    return true;
}

bool scan_is_fixed(const struct scan *s, const struct scan_insn *x, uint64_t *address)
{
    const struct x86_insn *in = &x->in;

    *address = in->disp;
    if (in->base == X86_BASE_RIP)
        *address +=
            s->rip + (uint64_t)(int16_t)x->at + in->len; /* what is looked at may lie before it */
    *address &= ones(in->addrsize);
    return in->index == X86_REG_NONE && (in->base == X86_REG_NONE || in->base == X86_BASE_RIP);
}

/* STI goes together with the next instruction, which must not be one that waits for interrupts, or STAC or CLAC. */
static void leave_shadows(struct scan *s)
{
    for (unsigned i = 0; i < s->n; i++) {
        unsigned next = i + 1 < s->n ? s->insn[i + 1].kind : SCAN_STOP;

        if (scan_is_sti(&s->insn[i]) && (next == SCAN_STOP || next == SCAN_ACCESS))
            s->insn[i].kind = SCAN_STEP;
    }
}

/* The first instruction goes on in the next page, and is all of the block. */
static bool decode_across(struct scan *s)
{
    unsigned left = PAGE - s->begin;
    struct scan_insn *x = &s->insn[0];

    if (s->next_page == NULL || left >= X86_INSN_MAX)
        return false;
    memcpy(s->across, s->copy + s->begin, left);
    mem_load(s->across + left, s->next_page, X86_INSN_MAX - left);
    if (x86_decode(s->across, X86_INSN_MAX, s->flat32 ? X86_CODE_32 : X86_CODE_64, &x->in) !=
        X86_DECODE_OK)
        return false;
    x->bytes = s->across;
    x->at = 0;
    x->kind = (uint8_t)scan_kind(s, x);
    s->simd = x->simd;
    s->n = 1;
    return true;
}

/* The first instruction is none, or not known: it is the interpreter's. So other code can be linked to it. */
static void undecoded(struct scan *s)
{
    unsigned left = PAGE - s->begin;

    s->insn[0] = (struct scan_insn){ .kind = SCAN_STOP, .bytes = s->copy + s->begin };
    s->insn[0].in.len = (uint8_t)(left < X86_INSN_MAX ? left : X86_INSN_MAX);
    s->n = 1;
}

void trans_scan(struct scan *s)
{
    unsigned at = s->begin;

    s->n = 0;
    s->simd = 0;
    while (s->n < BLOCK_INSNS && at < PAGE) {
        struct scan_insn *x = &s->insn[s->n];

        if (s->n > 0 && scan_is_point(s, s->rip + (at - s->begin)))
            break;
        if (!scan_decode(s, at, x))
            break;
        x->kind = (uint8_t)scan_kind(s, x);
        s->simd |= x->simd;
        s->n++;
        at += x->in.len;
        if (scan_ends(x->kind))
            break;
    }
    if (s->n == 0) {
        if (!decode_across(s))
            undecoded(s);
        at += s->insn[0].in.len;
    }
    s->bytes = at - s->begin;
    leave_shadows(s);
    scan_live(s);
}
