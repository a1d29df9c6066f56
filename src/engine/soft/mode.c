/* SPDX-License-Identifier: MIT */
/* mode.c - what follows from the mode bits. SDM 3A, "Modes of Operation". */
#include "engine/soft/cpu.h"

void soft_mode_changed(struct soft_cpu *c)
{
    const struct x86_seg *cs = &c->s.seg[X86_CS], *ss = &c->s.seg[X86_SS];

    c->mode = x86_mode_of(&c->s);
    c->cpl = (uint8_t)x86_cpl(&c->s);
    if (c->mode == X86_MODE_LONG) {
        c->code_bits = 64;
        c->stack_bits = 64;
    } else {
        /* Real mode keeps the D and B bits that were loaded in protected mode. */
        c->code_bits = cs->db && c->mode != X86_MODE_VM86 ? 32 : 16;
        c->stack_bits = ss->db && c->mode != X86_MODE_VM86 ? 32 : 16;
    }
    if (c->cpl == 3)
        c->bank = BANK_USER;
    else
        c->bank = c->s.rflags & X86_RFLAGS_AC ? BANK_SUPER_AC : BANK_SUPER;
}
