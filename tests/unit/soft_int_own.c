/* SPDX-License-Identifier: MIT */
/* soft_int_own.c - see soft_int_own.h */
#include "soft_int_own.h"

#include "host_vendor.h"

enum { IN_RM = 1 << X86_NGPR }; /* the register that ModRM names */

/* SDM 2, the instructions' pages. */
static const struct own_row {
    unsigned mnemonic;
    uint32_t regs; /* BIT(enum x86_gpr), IN_RM */
    bool sized;    /* as wide as the operand; else 32 bits, in registers that are written whole */
    bool may_fail; /* CF = 0 and a value of 0 when there is none */
} rows[] = {
    { X86_MN_RDTSC, BIT(X86_RAX) | BIT(X86_RDX), false, false },
    { X86_MN_RDTSCP, BIT(X86_RAX) | BIT(X86_RCX) | BIT(X86_RDX), false, false },
    { X86_MN_CPUID, BIT(X86_RAX) | BIT(X86_RBX) | BIT(X86_RCX) | BIT(X86_RDX), false, false },
    { X86_MN_RDPID, IN_RM, false, false },
    { X86_MN_RDRAND, IN_RM, true, true },
    { X86_MN_RDSEED, IN_RM, true, true },
};

static const struct own_row *find(const struct x86_insn *in)
{
    for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
        if (rows[i].mnemonic == x86_insn_row(in)->mnemonic)
            return &rows[i];
    }
    return NULL;
}

void own_adopt(const struct x86_insn *in, const struct native_end *native, struct native_end *soft)
{
    const struct own_row *row = find(in);
    uint64_t mask;

    if (row == NULL || soft->vector != VEC_DB || native->vector != VEC_DB)
        return;
    mask = row->sized ? ones(in->opsize) : UINT32_MAX;
    for (unsigned i = 0; i < X86_NGPR; i++) {
        bool owned = row->regs & BIT(i) || (row->regs & IN_RM && in->rm == i);
        uint64_t *gpr = &soft->regs.gpr[i];

        if (owned)
            *gpr = (*gpr & ~mask) | (native->regs.gpr[i] & mask);
        if (owned && row->may_fail && !(native->regs.rflags & X86_RFLAGS_CF)) {
            *gpr &= ~mask;
            soft->regs.rflags &= ~(uint64_t)X86_RFLAGS_CF;
        }
    }
}

void own_prepare(struct gen *g, struct gen_case *k)
{
    uint64_t *gpr = k->regs.gpr;

    switch (x86_insn_row(&k->in)->mnemonic) {
    case X86_MN_WRFSBASE:
    case X86_MN_WRGSBASE:
        gpr[k->in.rm] = gen_linear(g);
        break;
    case X86_MN_RDGSBASE:
        k->regs.gs_base = (uint64_t)((int64_t)(gen_value(g) << 16) >> 16);
        break;
    case X86_MN_XGETBV:
        /* 1 is of a feature that no model offers. */
        if (gen_below(g, 2) || (uint32_t)gpr[X86_RCX] == 1)
            gpr[X86_RCX] &= ~(uint64_t)UINT32_MAX;
        break;
    default:
        break;
    }
}

void own_open(struct rig *r, const struct native *n)
{
    uint32_t eax = 0, ebx, ecx = 0, edx = 0;

    if (n->has_bases)
        r->c->s.cr4 |= X86_CR4_FSGSBASE;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & bit_OSXSAVE))
        return;
    __asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    r->c->s.xcr0 = (uint64_t)edx << 32 | eax;
}
