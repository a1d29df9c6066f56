/* SPDX-License-Identifier: MIT */
/* scan.c - which instructions make a block: scan_kind.c says how each is translated, scan_flags.c who reads flags. */
#include "engine/soft/trans/scan.h"

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
    if (x86_decode(s->copy + at, left < X86_INSN_MAX ? left : X86_INSN_MAX, X86_CODE_64, &x->in) !=
        X86_DECODE_OK)
        return false;
    x->bytes = s->copy + at;
    x->at = (uint16_t)(at - s->begin);
    return true;
}

/* STI goes together with the next instruction, which must not be one that waits for interrupts or changes the ring. */
static void leave_shadows(struct scan *s)
{
    for (unsigned i = 0; i < s->n; i++) {
        unsigned next = i + 1 < s->n ? s->insn[i + 1].kind : SCAN_STOP;

        if (scan_is_sti(&s->insn[i]) &&
            (next == SCAN_STOP || next == SCAN_ACCESS || next == SCAN_RING))
            s->insn[i].kind = SCAN_STEP;
    }
}

void trans_scan(struct scan *s)
{
    unsigned at = s->begin;

    s->n = 0;
    s->simd = 0;
    while (s->n < BLOCK_INSNS && at < PAGE) {
        struct scan_insn *x = &s->insn[s->n];

        if (!scan_decode(s, at, x))
            break;
        x->kind = (uint8_t)scan_kind(s, x);
        s->simd |= x->simd;
        s->n++;
        at += x->in.len;
        if (scan_ends(x->kind))
            break;
    }
    s->bytes = at - s->begin;
    leave_shadows(s);
    if (s->n > 0)
        scan_live(s);
}
