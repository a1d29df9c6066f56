/* SPDX-License-Identifier: MIT */
/* move.c - one register state made of two. SDM 1, "XSAVE Area" for the layout of the vector registers. */
#include "x86/move.h"

#include <string.h>

enum { BV_AT = 512, LEGACY_END = 576, AVX_END = 832 };

/* Components of XSTATE_BV that the first AVX_END bytes of an area in standard form hold. */
static const uint64_t first_three = 7;

const struct x86_msr *x86_state_msr(const struct x86_state *s, uint32_t index)
{
    for (uint32_t i = 0; i < s->nmsrs; i++) {
        if (s->msr[i].index == index)
            return &s->msr[i];
    }
    return NULL;
}

void x86_state_drop_msr(struct x86_state *s, uint32_t index)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->nmsrs; i++) {
        if (s->msr[i].index != index)
            s->msr[n++] = s->msr[i];
    }
    s->nmsrs = n;
}

void x86_state_drop_same(struct x86_state *s, const struct x86_state *was)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < s->nmsrs; i++) {
        const struct x86_msr *old = x86_state_msr(was, s->msr[i].index);

        if (old == NULL || old->value != s->msr[i].value)
            s->msr[n++] = s->msr[i];
    }
    s->nmsrs = n;
}

static void move_msrs(struct x86_state *to, const struct x86_state *from)
{
    for (uint32_t i = 0; i < to->nmsrs; i++) {
        const struct x86_msr *msr = x86_state_msr(from, to->msr[i].index);

        if (msr != NULL)
            to->msr[i].value = msr->value;
    }
}

/* Areas that end before AVX have x87 and SSE alone; those longer than AVX are taken whole. */
static void move_vectors(struct x86_state *to, const struct x86_state *from)
{
    uint64_t moved = from->xsave_len > AVX_END    ? UINT64_MAX
                     : from->xsave_len == AVX_END ? first_three
                                                  : first_three >> 1;
    uint32_t len = from->xsave_len < to->xsave_len ? from->xsave_len : to->xsave_len;
    uint64_t old, new;

    if (len < LEGACY_END)
        return;
    if (to->xsave_len <= AVX_END)
        moved &= to->xsave_len == AVX_END ? first_three : first_three >> 1;
    old = le_get(to->xsave + BV_AT, 8);
    new = le_get(from->xsave + BV_AT, 8);
    memcpy(to->xsave, from->xsave, len);
    le_put(to->xsave + BV_AT, 8, (old & ~moved) | (new &moved));
}

void x86_copy_regs(struct x86_state *to, const struct x86_state *from)
{
    memcpy(to->gpr, from->gpr, sizeof(to->gpr));
    to->rip = from->rip;
    to->rflags = from->rflags;
}

void x86_copy_sregs(struct x86_state *to, const struct x86_state *from)
{
    memcpy(to->seg, from->seg, sizeof(to->seg));
    to->tr = from->tr;
    to->ldtr = from->ldtr;
    to->gdtr = from->gdtr;
    to->idtr = from->idtr;
    to->cr0 = from->cr0;
    to->cr2 = from->cr2;
    to->cr3 = from->cr3;
    to->cr4 = from->cr4;
    to->cr8 = from->cr8;
    to->efer = from->efer;
    to->apic_base = from->apic_base;
    to->pdptr_valid = from->pdptr_valid;
    memcpy(to->pdptr, from->pdptr, sizeof(to->pdptr));
}

void x86_copy_debug(struct x86_state *to, const struct x86_state *from)
{
    memcpy(to->dr, from->dr, sizeof(to->dr));
    to->dr6 = from->dr6;
    to->dr7 = from->dr7;
    to->events = from->events;
}

void x86_state_move(struct x86_state *to, const struct x86_state *from)
{
    x86_copy_regs(to, from);
    x86_copy_sregs(to, from);
    x86_copy_debug(to, from);
    move_msrs(to, from);
    move_vectors(to, from);
    if (from->xcr0 != 0 && to->xcr0 != 0)
        to->xcr0 = from->xcr0;
    to->activity = to->lapic_valid ? from->activity : X86_RUNNING;
    if (to->lapic_valid && from->lapic_valid)
        memcpy(to->lapic, from->lapic, sizeof(to->lapic));
    else
        to->lapic_valid = false;
}
