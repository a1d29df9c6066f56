/* SPDX-License-Identifier: MIT */
/*
 * possible.c - the rules that tie control registers and segments to each other
 *
 * Sources: SDM 3A, "Control Registers", "IA-32e Mode Operation" (consistency checks), "Segment Descriptors", "Privilege
 * Levels", "Debug Registers"; SDM 3C, "Checks on the Guest Area", for what processors refuse to be entered with.
 */
#include "x86/possible.h"

#include <stddef.h>

#include "base/bits.h"
#include "x86/canonical.h"

enum { TYPE_CODE = 8, TYPE_CONFORMING = 4, TYPE_WRITE = 2 };
enum { TYPE_LDT = 2, TYPE_TSS16_BUSY = 3, TYPE_TSS_BUSY = 11, LOCAL_SELECTOR = 4 };
enum { SHADOW_STI = 1, SHADOW_SS = 2, VEC_NMI = 2, VEC_BP = 3, VEC_OF = 4, EXCEPTIONS = 32 };

#define DR6_SETTABLE UINT64_C(0xe00f)
#define DR7_SETTABLE UINT64_C(0xffff23ff)

#define EFER_DEFINED ((uint64_t)(X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE))

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

        if (wide && !x86_canonical(s->seg[i].base))
            return "a segment's base: bits 63 to 47 must be the same";
        if (!wide && s->seg[i].base >> 32 != 0)
            return "a segment's base: beyond 4 GiB, where only those of FS and GS in long mode may lie";
    }
    return NULL;
}

/* Limits of 1 MiB and more count pages: their last bytes are those of a page. */
static bool limit_wrong(const struct x86_seg *seg)
{
    return !seg->unusable && (seg->g ? (seg->limit & 0xfff) != 0xfff : seg->limit >> 20 != 0);
}

static const char *limits_wrong(const struct x86_state *s)
{
    for (unsigned i = 0; i < X86_NSREG; i++) {
        if (limit_wrong(&s->seg[i]))
            return "a segment's limit: from 1 MiB on it ends with a page, 0x...fff";
    }
    return limit_wrong(&s->tr) || limit_wrong(&s->ldtr)
               ? "the limit of TR or LDTR: from 1 MiB on it ends with a page, 0x...fff"
               : NULL;
}

static const char *tables_wrong(const struct x86_state *s)
{
    const struct x86_seg *tr = &s->tr, *ldtr = &s->ldtr;
    bool lma = s->efer & X86_EFER_LMA;

    if (!x86_canonical(s->gdtr.base) || !x86_canonical(s->idtr.base))
        return "the base of GDT or IDT: bits 63 to 47 must be the same";
    if (tr->unusable || tr->s || !tr->present ||
        (tr->type != TYPE_TSS_BUSY && (lma || tr->type != TYPE_TSS16_BUSY)))
        return lma ? "TR: no task state segment of long mode that is present"
                   : "TR: no task state segment that is present";
    if (!ldtr->unusable && (ldtr->s || !ldtr->present || ldtr->type != TYPE_LDT))
        return "LDTR: no local descriptor table that is present";
    if ((tr->selector | (ldtr->unusable ? 0 : ldtr->selector)) & LOCAL_SELECTOR)
        return "TR or LDTR: a selector of the local table";
    if (lma ? !x86_canonical(tr->base) || (!ldtr->unusable && !x86_canonical(ldtr->base))
            : (tr->base | (ldtr->unusable ? 0 : ldtr->base)) >> 32 != 0)
        return lma ? "the base of TR or LDTR: bits 63 to 47 must be the same"
                   : "the base of TR or LDTR: beyond 4 GiB, where only those of long mode may lie";
    return NULL;
}

static const char *debug_wrong(const struct x86_state *s)
{
    if (s->dr6 & ~(DR6_SETTABLE | X86_DR6_FIXED))
        return "DR6: a bit that is always 0";
    if (s->dr7 & ~(DR7_SETTABLE | X86_DR7_FIXED))
        return "DR7: a bit that is always 0";
    return s->cr8 > 15 ? "CR8: 0 to 15" : NULL;
}

bool x86_has_error_code(unsigned vector)
{
    const uint32_t with = BIT(8) | BIT(10) | BIT(11) | BIT(12) | BIT(13) | BIT(14) | BIT(17) |
                          BIT(21) | BIT(29) | BIT(30);

    return vector < EXCEPTIONS && with >> vector & 1;
}

static const char *exception_wrong(const struct x86_events *e)
{
    uint8_t vector = e->exception_vector;

    if (vector >= EXCEPTIONS || vector == VEC_NMI)
        return "an exception: 0 to 31, but 2, which is the NMI's";
    if (vector == VEC_BP || vector == VEC_OF)
        return "exceptions 3 and 4 are of the instructions INT3 and INTO: set rip to one";
    if (!e->exception_has_error && e->exception_error != 0)
        return "an error code: this exception pushes none";
    return e->interrupt_injected ? "an exception and an interrupt: one comes after the other"
                                 : NULL;
}

static const char *events_wrong(const struct x86_state *s)
{
    const struct x86_events *e = &s->events;
    bool enabled = s->rflags & X86_RFLAGS_IF;

    if (e->shadow > SHADOW_SS || (e->shadow == SHADOW_STI && !enabled))
        return "interrupts held off: by STI (1), after which RFLAGS.IF is set, or by SS (2)";
    if (e->interrupt_injected && !e->interrupt_soft && (!enabled || e->shadow != 0))
        return "an interrupt while RFLAGS.IF is clear or interrupts are held off";
    return e->exception_injected ? exception_wrong(e) : NULL;
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

enum { RULES = 9 };

/* What breaks one of the rules. */
static const char *broken(unsigned rule, const struct x86_state *s, const struct x86_possible *can)
{
    bool vm86 = s->cr0 & X86_CR0_PE && s->rflags & X86_RFLAGS_VM;

    switch (rule) {
    case 0:
        return control_wrong(s, can);
    case 1:
        return bases_wrong(s);
    case 2:
        return limits_wrong(s);
    case 3:
        return tables_wrong(s);
    case 4:
        return debug_wrong(s);
    case 5:
        return events_wrong(s);
    case 6:
        return vm86 && s->efer & X86_EFER_LMA ? "virtual-8086 mode in long mode" : NULL;
    case 7:
        return s->cr0 & X86_CR0_PE && !vm86 ? code_wrong(s) : NULL;
    default:
        return s->cr0 & X86_CR0_PE && !vm86 ? data_wrong(s) : NULL;
    }
}

const char *x86_impossible(const struct x86_state *s, const struct x86_state *before,
                           const struct x86_possible *can)
{
    for (unsigned rule = 0; rule < RULES; rule++) {
        const char *wrong = broken(rule, s, can);

        if (wrong != NULL && (before == NULL || broken(rule, before, can) != wrong))
            return wrong;
    }
    return NULL;
}
