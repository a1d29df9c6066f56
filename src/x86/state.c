/* SPDX-License-Identifier: MIT */
/* state.c - what follows from a register state. SDM 3A, "Modes of Operation". */
#include "x86/state.h"

enum x86_mode x86_mode_of(const struct x86_state *s)
{
    const struct x86_seg *cs = &s->seg[X86_CS];

    if (!(s->cr0 & X86_CR0_PE))
        return X86_MODE_REAL;
    if (s->efer & X86_EFER_LMA)
        return cs->l ? X86_MODE_LONG : X86_MODE_COMPAT;
    if (s->rflags & X86_RFLAGS_VM)
        return X86_MODE_VM86;
    return cs->db ? X86_MODE_PROT32 : X86_MODE_PROT16;
}

const char *x86_mode_name(enum x86_mode mode)
{
    static const char *const names[] = {
        [X86_MODE_REAL] = "real (16-bit)",
        [X86_MODE_VM86] = "virtual-8086 (16-bit)",
        [X86_MODE_PROT16] = "protected (16-bit)",
        [X86_MODE_PROT32] = "protected (32-bit)",
        [X86_MODE_COMPAT] = "compatibility (32-bit)",
        [X86_MODE_LONG] = "long (64-bit)",
    };

    return names[mode];
}

unsigned x86_cpl(const struct x86_state *s)
{
    switch (x86_mode_of(s)) {
    case X86_MODE_REAL:
        return 0;
    case X86_MODE_VM86:
        return 3;
    default:
        return s->seg[X86_SS].dpl;
    }
}

uint64_t x86_linear_rip(const struct x86_state *s)
{
    if (x86_mode_of(s) == X86_MODE_LONG)
        return s->rip;
    return (uint32_t)(s->seg[X86_CS].base + s->rip);
}
