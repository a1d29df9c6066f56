/* SPDX-License-Identifier: MIT */
/*
 * possible.c - the rules that tie control registers and segments to each other
 *
 * Sources: SDM 3A, "Control Registers", "IA-32e Mode Operation" (consistency checks), "Segment Descriptors", "Privilege
 * Levels"; SDM 3C, "Checks on the Guest Area", for what processors refuse to be entered with. Left out: limits and
 * granularity, the task register and the LDT, which nobody sets from outside.
 */
#include "x86/possible.h"

#include <stddef.h>

#include "base/bits.h"

enum { TYPE_CODE = 8, TYPE_CONFORMING = 4, TYPE_WRITE = 2 };

#define EFER_DEFINED ((uint64_t)(X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE))

static bool canonical(uint64_t addr)
{
    return (uint64_t)((int64_t)(addr << 16) >> 16) == addr;
}

static const char *control_wrong(const struct x86_state *s, const struct x86_possible *can)
{
    bool paging = s->cr0 & X86_CR0_PG, lme = s->efer & X86_EFER_LME, lma = s->efer & X86_EFER_LMA;

    if (s->cr0 >> 32 != 0)
        return "CR0: bits 63 to 32 are always 0";
    if (paging && !(s->cr0 & X86_CR0_PE))
        return "CR0.PG without CR0.PE: paging is there in protected mode only";
    if (s->cr0 & X86_CR0_NW && !(s->cr0 & X86_CR0_CD))
        return "CR0.NW without CR0.CD";
    if (s->efer & ~EFER_DEFINED)
        return "EFER: a bit that this CPU does not have";
    if (lma != (lme && paging))
        return "EFER.LMA: it is set while EFER.LME and CR0.PG are, and else clear";
    if (s->cr4 & ~can->cr4)
        return "CR4: a bit that this CPU does not have";
    if (lma && !(s->cr4 & X86_CR4_PAE))
        return "long mode without CR4.PAE";
    if (s->cr4 & X86_CR4_PCIDE && !lma)
        return "CR4.PCIDE outside long mode";
    if (s->cr3 & ~(BIT(can->phys_bits) - 1))
        return "CR3: beyond the CPU's physical addresses";
    return NULL;
}

static const char *bases_wrong(const struct x86_state *s)
{
    for (unsigned i = 0; i < X86_NSREG; i++) {
        bool wide = s->efer & X86_EFER_LMA && (i == X86_FS || i == X86_GS);

        if (wide && !canonical(s->seg[i].base))
            return "a segment's base: bits 63 to 47 must be the same";
        if (!wide && s->seg[i].base >> 32 != 0)
            return "a segment's base: beyond 4 GiB, where only those of FS and GS in long mode may lie";
    }
    return NULL;
}

/* Of code and stack in protected mode; the ring is SS's. */
static const char *code_wrong(const struct x86_state *s)
{
    const struct x86_seg *cs = &s->seg[X86_CS], *ss = &s->seg[X86_SS];
    bool lma = s->efer & X86_EFER_LMA;

    if (cs->unusable || !cs->present || !cs->s || !(cs->type & TYPE_CODE))
        return "CS: no code segment that is present";
    if (lma && cs->l && cs->db)
        return "CS: L and D both set";
    if (cs->type & TYPE_CONFORMING ? cs->dpl > ss->dpl : cs->dpl != ss->dpl)
        return "CS and SS: of different rings";
    if (ss->unusable)
        return lma && ss->dpl != 3 ? NULL
                                   : "SS: null, which only rings 0 to 2 of 64-bit code allow";
    if (!ss->present || !ss->s || ss->type & TYPE_CODE || !(ss->type & TYPE_WRITE))
        return "SS: no data segment that is present and can be written";
    return NULL;
}

static const char *data_wrong(const struct x86_state *s)
{
    static const uint8_t data[] = { X86_ES, X86_DS, X86_FS, X86_GS };

    for (size_t i = 0; i < ARRAY_LEN(data); i++) {
        const struct x86_seg *seg = &s->seg[data[i]];

        if (!seg->unusable &&
            (!seg->present || !seg->s || (seg->type & TYPE_CODE && !(seg->type & TYPE_WRITE))))
            return "a data segment: not present, or nothing that can be read";
    }
    return NULL;
}

const char *x86_impossible(const struct x86_state *s, const struct x86_possible *can)
{
    const char *wrong = control_wrong(s, can);

    if (wrong == NULL)
        wrong = bases_wrong(s);
    if (wrong != NULL || !(s->cr0 & X86_CR0_PE))
        return wrong;
    if (s->rflags & X86_RFLAGS_VM)
        return s->efer & X86_EFER_LMA ? "virtual-8086 mode in long mode" : NULL;
    wrong = code_wrong(s);
    return wrong != NULL ? wrong : data_wrong(s);
}
