/* SPDX-License-Identifier: MIT */
/*
 * enter_long.c - the short way from an event to its handler in ring 0 of 64-bit mode
 *
 * Sources: as interrupt.c, which does whatever is not usual here: stacks of the interrupt stack table, what faults,
 * tables and stacks in pages that the translation cache does not know. Nothing has been changed then.
 */
#include "core/mem_access.h"
#include "engine/soft/far.h"
#include "engine/soft/mmu.h"
#include "x86/canonical.h"

enum { GATE = 16, DESCRIPTOR = 8, RSP0_AT = 4, FRAME_MAX = 6 };

static bool read_gate(const struct soft_cpu *c, unsigned vector, struct soft_gate *out)
{
    unsigned at = vector * GATE;
    const uint8_t *host = soft_known(c, BANK_SUPER, c->s.idtr.base + at, GATE, HOW_READ);

    if (at + GATE - 1 > c->s.idtr.limit || host == NULL)
        return false;
    soft_parse_gate(mem_load_64(host), mem_load_64(host + 8), out);
    return (out->type == SYS_INT32 || out->type == SYS_TRAP32) && out->present && out->ist == 0 &&
           x86_canonical(out->offset);
}

/* Code of ring 0 that has been used before. */
static bool read_code(const struct soft_cpu *c, uint16_t selector, struct x86_seg *out)
{
    unsigned at = selector & 0xfff8;
    const uint8_t *host;

    if (soft_null(selector) || selector & SEL_TI || at + DESCRIPTOR - 1 > c->s.gdtr.limit)
        return false;
    host = soft_known(c, BANK_SUPER, c->s.gdtr.base + at, DESCRIPTOR, HOW_READ);
    if (host == NULL)
        return false;
    soft_parse_desc(mem_load_64(host), selector, out);
    return soft_is_code(out) && !soft_is_conforming(out) && out->dpl == 0 && out->present &&
           out->l && !out->db && out->type & TYPE_ACCESSED;
}

static bool handler_stack(const struct soft_cpu *c, uint64_t *sp)
{
    const uint8_t *host;

    *sp = c->s.gpr[X86_RSP];
    if (c->cpl == 0)
        return true;
    host = soft_known(c, BANK_SUPER, c->s.tr.base + RSP0_AT, 8, HOW_READ);
    if (RSP0_AT + 7 > c->s.tr.limit || host == NULL)
        return false;
    *sp = mem_load_64(host);
    return true;
}

/* From the lowest address on. */
static unsigned build_frame(const struct soft_cpu *c, const struct soft_event *ev,
                            uint64_t frame[FRAME_MAX])
{
    unsigned n = 0;

    if (ev->has_error)
        frame[n++] = ev->error;
    frame[n++] = ev->rip;
    frame[n++] = c->s.seg[X86_CS].selector;
    frame[n++] = ev->rflags;
    frame[n++] = c->s.gpr[X86_RSP];
    frame[n++] = c->s.seg[X86_SS].selector;
    return n;
}

bool soft_enter_long(struct soft_cpu *c, const struct soft_event *ev)
{
    enum soft_bank bank = c->s.rflags & X86_RFLAGS_AC ? BANK_SUPER_AC : BANK_SUPER;
    uint64_t frame[FRAME_MAX], sp, gone = X86_RFLAGS_TF | X86_RFLAGS_NT | X86_RFLAGS_RF;
    struct soft_gate gate;
    struct x86_seg cs;
    unsigned n;
    uint8_t *host;

    if (c->mode != X86_MODE_LONG || c->cpl % 3 != 0 || ev->software || c->watches_tables ||
        !read_gate(c, ev->vector, &gate) || !read_code(c, gate.selector, &cs) ||
        !handler_stack(c, &sp))
        return false;
    n = build_frame(c, ev, frame);
    sp = (sp & ~UINT64_C(15)) - (uint64_t)8 * n;
    host = soft_known(c, bank, sp, 8 * n, HOW_WRITE);
    if (host == NULL)
        return false;
    for (unsigned i = 0; i < n; i++)
        mem_store_64(host + (size_t)8 * i, frame[i]);
    if (c->cpl != 0)
        c->s.seg[X86_SS] = soft_null_seg(0, 0);
    c->s.gpr[X86_RSP] = sp;
    c->s.rflags &= ~(gate.type == SYS_INT32 ? gone | X86_RFLAGS_IF : gone);
    soft_enter(c, &cs, 0, gate.offset);
    return true;
}
