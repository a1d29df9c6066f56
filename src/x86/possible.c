/* SPDX-License-Identifier: MIT */
/*
 * possible.c - the rules that tie control registers and segments to each other
 *
 * Sources: SDM 3A, "Control Registers", "IA-32e Mode Operation" (consistency checks), "Segment Descriptors", "Privilege
 * Levels", "Debug Registers"; SDM 3C, "Checks on the Guest Area", for what processors refuse to be entered with.
 */
#include "x86/possible.h"

#include <assert.h>
#include <stddef.h>

#include "base/bits.h"
#include "x86/canonical.h"

enum { TYPE_CODE = 8, TYPE_CONFORMING = 4, TYPE_WRITE = 2 };
enum { TYPE_LDT = 2, TYPE_TSS16_BUSY = 3, TYPE_TSS_BUSY = 11, LOCAL_SELECTOR = 4 };
enum { SHADOW_STI = 1, SHADOW_SS = 2, VEC_NMI = 2, VEC_BP = 3, VEC_OF = 4, EXCEPTIONS = 32 };

#define DR6_SETTABLE UINT64_C(0xe00f)
#define DR7_SETTABLE UINT64_C(0xffff23ff)

#define EFER_DEFINED ((uint64_t)(X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE))

enum { CHECKS_MAX = 64 };

/* What has been checked of a state, in the same order for every state. */
struct checks {
    unsigned n;
    uint64_t broken;
    const char *words[CHECKS_MAX]; /* of those that are broken, as the next */
    uint64_t value[CHECKS_MAX];
};

/* value: what is wrong, so that it is known from another that is. */
static void check(struct checks *c, bool wrong, uint64_t value, const char *words)
{
    assert(c->n < CHECKS_MAX);
    if (wrong) {
        c->broken |= BIT(c->n);
        c->words[c->n] = words;
        c->value[c->n] = value;
    }
    c->n++;
}

/* What is judged of a segment but its base, limit and selector. */
static uint64_t attributes(const struct x86_seg *seg)
{
    return (uint64_t)seg->type | (uint64_t)seg->dpl << 8 | (uint64_t)seg->present << 16 |
           (uint64_t)seg->s << 17 | (uint64_t)seg->unusable << 18;
}

static void check_control(struct checks *c, const struct x86_state *s,
                          const struct x86_possible *can)
{
    bool paging = s->cr0 & X86_CR0_PG, lme = s->efer & X86_EFER_LME, lma = s->efer & X86_EFER_LMA;

    check(c, s->cr0 >> 32 != 0, s->cr0 >> 32, "CR0: bits 63 to 32 are always 0");
    check(c, paging && !(s->cr0 & X86_CR0_PE), 0,
          "CR0.PG without CR0.PE: paging is there in protected mode only");
    check(c, s->cr0 & X86_CR0_NW && !(s->cr0 & X86_CR0_CD), 0, "CR0.NW without CR0.CD");
    check(c, s->efer & ~EFER_DEFINED, s->efer & ~EFER_DEFINED,
          "EFER: a bit that this CPU does not have");
    check(c, lma != (lme && paging), lma,
          "EFER.LMA: it is set while EFER.LME and CR0.PG are, and else clear");
    check(c, s->cr4 & ~can->cr4, s->cr4 & ~can->cr4, "CR4: a bit that this CPU does not have");
    check(c, lma && !(s->cr4 & X86_CR4_PAE), 0, "long mode without CR4.PAE");
    check(c, s->cr4 & X86_CR4_PCIDE && !lma, 0, "CR4.PCIDE outside long mode");
    check(c, s->cr3 & ~(BIT(can->phys_bits) - 1), s->cr3,
          "CR3: beyond the CPU's physical addresses");
}

static void check_bases(struct checks *c, const struct x86_state *s)
{
    for (unsigned i = 0; i < X86_NSREG; i++) {
        bool wide = s->efer & X86_EFER_LMA && (i == X86_FS || i == X86_GS);
        uint64_t base = s->seg[i].base;

        if (wide)
            check(c, !x86_canonical(base), base,
                  "a segment's base: bits 63 to 47 must be the same");
        else
            check(
                c, base >> 32 != 0, base,
                "a segment's base: beyond 4 GiB, where only those of FS and GS in long mode may lie");
    }
}

/* Limits of 1 MiB and more count pages: their last bytes are those of a page. */
static void check_limit(struct checks *c, const struct x86_seg *seg, const char *words)
{
    check(c, !seg->unusable && (seg->g ? (seg->limit & 0xfff) != 0xfff : seg->limit >> 20 != 0),
          seg->limit, words);
}

static void check_limits(struct checks *c, const struct x86_state *s)
{
    static const char tables[] =
        "the limit of TR or LDTR: from 1 MiB on it ends with a page, 0x...fff";

    for (unsigned i = 0; i < X86_NSREG; i++)
        check_limit(c, &s->seg[i],
                    "a segment's limit: from 1 MiB on it ends with a page, 0x...fff");
    check_limit(c, &s->tr, tables);
    check_limit(c, &s->ldtr, tables);
}

/* Of a system segment that is in use. */
static void check_table_base(struct checks *c, const struct x86_seg *seg, bool lma)
{
    check(c, !seg->unusable && (lma ? !x86_canonical(seg->base) : seg->base >> 32 != 0), seg->base,
          lma ? "the base of TR or LDTR: bits 63 to 47 must be the same"
              : "the base of TR or LDTR: beyond 4 GiB, where only those of long mode may lie");
}

static void check_tables(struct checks *c, const struct x86_state *s)
{
    static const char base[] = "the base of GDT or IDT: bits 63 to 47 must be the same",
                      local[] = "TR or LDTR: a selector of the local table";
    const struct x86_seg *tr = &s->tr, *ldtr = &s->ldtr;
    bool lma = s->efer & X86_EFER_LMA;

    check(c, !x86_canonical(s->gdtr.base), s->gdtr.base, base);
    check(c, !x86_canonical(s->idtr.base), s->idtr.base, base);
    check(c,
          tr->unusable || tr->s || !tr->present ||
              (tr->type != TYPE_TSS_BUSY && (lma || tr->type != TYPE_TSS16_BUSY)),
          attributes(tr),
          lma ? "TR: no task state segment of long mode that is present"
              : "TR: no task state segment that is present");
    check(c, !ldtr->unusable && (ldtr->s || !ldtr->present || ldtr->type != TYPE_LDT),
          attributes(ldtr), "LDTR: no local descriptor table that is present");
    check(c, tr->selector & LOCAL_SELECTOR, tr->selector, local);
    check(c, !ldtr->unusable && ldtr->selector & LOCAL_SELECTOR, ldtr->selector, local);
    check_table_base(c, tr, lma);
    check_table_base(c, ldtr, lma);
}

static void check_debug(struct checks *c, const struct x86_state *s)
{
    check(c, s->dr6 & ~(DR6_SETTABLE | X86_DR6_FIXED), s->dr6, "DR6: a bit that is always 0");
    check(c, s->dr7 & ~(DR7_SETTABLE | X86_DR7_FIXED), s->dr7, "DR7: a bit that is always 0");
    check(c, s->cr8 > 15, s->cr8, "CR8: 0 to 15");
}

bool x86_has_error_code(unsigned vector)
{
    const uint32_t with = BIT(8) | BIT(10) | BIT(11) | BIT(12) | BIT(13) | BIT(14) | BIT(17) |
                          BIT(21) | BIT(29) | BIT(30);

    return vector < EXCEPTIONS && with >> vector & 1;
}

static void check_exception(struct checks *c, const struct x86_events *e)
{
    uint8_t vector = e->exception_vector;
    bool there = e->exception_injected;

    check(c, there && (vector >= EXCEPTIONS || vector == VEC_NMI), vector,
          "an exception: 0 to 31, but 2, which is the NMI's");
    check(c, there && (vector == VEC_BP || vector == VEC_OF), vector,
          "exceptions 3 and 4 are of the instructions INT3 and INTO: set rip to one");
    check(c, there && !e->exception_has_error && e->exception_error != 0, e->exception_error,
          "an error code: this exception pushes none");
    check(c, there && e->interrupt_injected, 0,
          "an exception and an interrupt: one comes after the other");
}

static void check_events(struct checks *c, const struct x86_state *s)
{
    const struct x86_events *e = &s->events;
    bool enabled = s->rflags & X86_RFLAGS_IF;

    check(c, e->shadow > SHADOW_SS || (e->shadow == SHADOW_STI && !enabled), e->shadow,
          "interrupts held off: by STI (1), after which RFLAGS.IF is set, or by SS (2)");
    check(c, e->interrupt_injected && !e->interrupt_soft && (!enabled || e->shadow != 0),
          e->interrupt_vector, "an interrupt while RFLAGS.IF is clear or interrupts are held off");
    check_exception(c, e);
}

/* Of code and stack in protected mode (on); the ring is SS's. */
static void check_code(struct checks *c, const struct x86_state *s, bool on)
{
    const struct x86_seg *cs = &s->seg[X86_CS], *ss = &s->seg[X86_SS];
    bool lma = s->efer & X86_EFER_LMA;

    check(c, on && (cs->unusable || !cs->present || !cs->s || !(cs->type & TYPE_CODE)),
          attributes(cs), "CS: no code segment that is present");
    check(c, on && lma && cs->l && cs->db, 0, "CS: L and D both set");
    check(c, on && (cs->type & TYPE_CONFORMING ? cs->dpl > ss->dpl : cs->dpl != ss->dpl),
          (uint64_t)cs->dpl << 8 | ss->dpl, "CS and SS: of different rings");
    check(c, on && ss->unusable && !(lma && ss->dpl != 3), 0,
          "SS: null, which only rings 0 to 2 of 64-bit code allow");
    check(c,
          on && !ss->unusable &&
              (!ss->present || !ss->s || ss->type & TYPE_CODE || !(ss->type & TYPE_WRITE)),
          attributes(ss), "SS: no data segment that is present and can be written");
}

static void check_data(struct checks *c, const struct x86_state *s, bool on)
{
    static const uint8_t data[] = { X86_ES, X86_DS, X86_FS, X86_GS };

    for (size_t i = 0; i < ARRAY_LEN(data); i++) {
        const struct x86_seg *seg = &s->seg[data[i]];

        check(
            c,
            on && !seg->unusable &&
                (!seg->present || !seg->s || (seg->type & TYPE_CODE && !(seg->type & TYPE_WRITE))),
            attributes(seg), "a data segment: not present, or nothing that can be read");
    }
}

static void check_all(struct checks *c, const struct x86_state *s, const struct x86_possible *can)
{
    bool protected = s->cr0 & X86_CR0_PE, vm86 = protected && s->rflags & X86_RFLAGS_VM;

    *c = (struct checks){ 0 };
    check_control(c, s, can);
    check_bases(c, s);
    check_limits(c, s);
    check_tables(c, s);
    check_debug(c, s);
    check_events(c, s);
    check(c, vm86 && s->efer & X86_EFER_LMA, 0, "virtual-8086 mode in long mode");
    check_code(c, s, protected && !vm86);
    check_data(c, s, protected && !vm86);
}

const char *x86_impossible(const struct x86_state *s, const struct x86_state *before,
                           const struct x86_possible *can)
{
    struct checks now, then = { 0 };

    check_all(&now, s, can);
    if (before != NULL)
        check_all(&then, before, can);
    for (unsigned i = 0; i < now.n; i++) {
        bool stays =
            then.broken & BIT(i) && then.value[i] == now.value[i] && then.words[i] == now.words[i];

        if (now.broken & BIT(i) && !stays)
            return now.words[i];
    }
    return NULL;
}
