/* SPDX-License-Identifier: MIT */
/*
 * chain_why.c - which table entry made a fault, found by looking at the tables again
 *
 * A fault says little: a vector, an error code, CR2. The registers that lead to the tables have not changed
 * since (a handler that was never reached cannot have loaded others), so the entry is found as the CPU found it.
 *
 * Sources: SDM 3A, "Error Code", "Page-Fault Exception (#PF)", "IDT Descriptors", "Segment Descriptor Types".
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/bits.h"
#include "inspect/chain.h"

enum { VEC_DF = 8, VEC_TS = 10, VEC_NP = 11, VEC_SS = 12, VEC_GP = 13, VEC_PF = 14 };
enum { ERROR_IDT = 2, ERROR_LDT = 4, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 16 };
enum { GATE_TASK = 5, GATE_INT16 = 6, GATE_TRAP16 = 7, GATE_INT32 = 14, GATE_TRAP32 = 15 };

#define SAY(out, ...) snprintf((out)->why, sizeof((out)->why), __VA_ARGS__)

static bool is_long(const struct cpu_space *c)
{
    return c->state.efer & X86_EFER_LMA;
}

static bool is_real(const struct cpu_space *c)
{
    return !(c->state.cr0 & X86_CR0_PE);
}

static unsigned gate_len(const struct cpu_space *c)
{
    return is_real(c) ? 4 : is_long(c) ? 16 : 8;
}

static uint64_t gpa_of(const struct cpu_space *c, uint64_t linear)
{
    struct x86_walk w;

    x86_walk(&c->regs, &c->phys, linear, &w);
    return w.end == X86_WALK_MAPPED ? w.gpa : 0;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static bool within(uint64_t at, uint64_t base, uint64_t limit)
{
    return at >= base && at - base <= limit;
}

/* What of the delivery was reading or writing there; the first fault is the instruction's own. */
static void page_of(const struct cpu_space *c, const struct fault_chain *chain, unsigned i,
                    char buf[48])
{
    const struct x86_state *s = &c->state;
    uint64_t at = chain->link[i].cr2;

    if (i == 0)
        buf[0] = '\0';
    else if (within(at, s->idtr.base, s->idtr.limit))
        snprintf(buf, 48, "IDT entry %u: ", (unsigned)((at - s->idtr.base) / gate_len(c)));
    else if (within(at, s->gdtr.base, s->gdtr.limit))
        snprintf(buf, 48, "GDT entry 0x%x: ", (unsigned)(at - s->gdtr.base) & ~7u);
    else if (within(at, s->tr.base, s->tr.limit))
        snprintf(buf, 48, "TSS: ");
    else
        snprintf(buf, 48, "the handler's stack: ");
}

/* The first entry on the way that lacks what the access needs; the last entry when all have it. */
static const struct x86_walk_step *lacking(const struct x86_walk *w, uint64_t want, uint64_t have)
{
    unsigned i = 0;

    while (i + 1 < w->nsteps && (w->step[i].raw & want) == have)
        i++;
    return &w->step[i];
}

/* The page is there, but not for this access. */
static const struct x86_walk_step *denied(const struct x86_walk *w, uint32_t error,
                                          const char **what)
{
    if (error & PF_U && !w->user) {
        *what = "is for ring 0 only";
        return lacking(w, X86_PTE_U, X86_PTE_U);
    }
    if (error & PF_W && !w->writable) {
        *what = "is not writable";
        return lacking(w, X86_PTE_W, X86_PTE_W);
    }
    if (error & PF_I && !w->executable) {
        *what = "is not executable (NX)";
        return lacking(w, X86_PTE_NX, 0);
    }
    *what = error & PF_I   ? "is user code, which SMEP keeps from ring 0"
            : error & PF_U ? "allows this access now"
                           : "is user memory, which SMAP keeps from ring 0";
    return &w->step[w->nsteps - 1];
}

static void why_page(const struct cpu_space *c, const struct fault_chain *chain, unsigned i,
                     struct vitro_fault *out)
{
    const struct fault_link *link = &chain->link[i];
    const struct x86_walk_step *step;
    const char *what = NULL;
    struct x86_walk w;
    char where[48];

    page_of(c, chain, i, where);
    x86_walk(&c->regs, &c->phys, link->cr2, &w);
    if (w.nsteps == 0) {
        SAY(out, "%s%s", where, x86_walk_end_text(w.end));
        return;
    }
    step = &w.step[w.nsteps - 1];
    if (w.end == X86_WALK_MAPPED)
        step = denied(&w, link->error, &what);
    else if (w.end == X86_WALK_NOT_PRESENT)
        what = "not present";
    else if (w.end == X86_WALK_RESERVED)
        what = "has reserved bits set";
    else
        what = "leads to where there is no memory";
    SAY(out, "%s%s[%u] %s", where, x86_level_name(step->level), step->index, what);
    out->entry_gpa = step->gpa != UINT64_MAX ? step->gpa : 0;
}

/* ---- descriptors ----------------------------------------------------------------------------- */

static bool is_gate(const struct cpu_space *c, unsigned type)
{
    if (type == GATE_INT32 || type == GATE_TRAP32)
        return true;
    return !is_long(c) && (type == GATE_TASK || type == GATE_INT16 || type == GATE_TRAP16);
}

static void why_gate(const struct cpu_space *c, unsigned n, struct vitro_fault *out)
{
    unsigned len = gate_len(c), at = n * len;
    const char *table = is_real(c) ? "IVT" : "IDT";
    uint64_t linear = c->state.idtr.base + at;
    uint8_t raw[16] = { 0 };
    unsigned type;

    if (at + len - 1 > c->state.idtr.limit) {
        SAY(out, "%s entry %u lies beyond the table's limit 0x%x", table, n, c->state.idtr.limit);
        return;
    }
    out->entry_gpa = gpa_of(c, linear);
    if (cpu_space_read(c, linear, raw, len) != len)
        return;
    type = raw[5] & 0x1f;
    if (!is_gate(c, type))
        SAY(out, "IDT entry %u is no gate (type 0x%x)", n, type);
    else if (!(raw[5] & 0x80))
        SAY(out, "IDT entry %u not present", n);
    else
        SAY(out, "IDT entry %u is for ring %u and above", n, raw[5] >> 5 & 3);
}

static void why_selector(const struct cpu_space *c, uint32_t error, struct vitro_fault *out)
{
    bool ldt = error & ERROR_LDT;
    const char *table = ldt ? "LDT" : "GDT";
    uint64_t base = ldt ? c->state.ldtr.base : c->state.gdtr.base;
    uint32_t limit = ldt ? c->state.ldtr.limit : c->state.gdtr.limit, at = error & 0xfff8;
    uint8_t raw[8];

    if (at + 7 > limit) {
        SAY(out, "%s entry 0x%x lies beyond the table's limit 0x%x", table, at, limit);
        return;
    }
    out->entry_gpa = gpa_of(c, base + at);
    if (cpu_space_read(c, base + at, raw, sizeof(raw)) != sizeof(raw))
        return;
    if (!(raw[5] & 0x80))
        SAY(out, "%s entry 0x%x not present", table, at);
    else
        SAY(out, "%s entry 0x%x does not fit its use (type 0x%x, DPL %u)", table, at, raw[5] & 0x1f,
            raw[5] >> 5 & 3);
}

void chain_why(const struct cpu_space *c, const struct fault_chain *chain, unsigned i,
               struct vitro_fault *out)
{
    const struct fault_link *link = &chain->link[i];

    out->why[0] = '\0';
    out->entry_gpa = 0;
    if (link->interrupt)
        return;
    if (link->vector == VEC_PF)
        why_page(c, chain, i, out);
    else if (link->vector < VEC_TS || link->vector > VEC_GP || !link->has_error)
        return;
    else if (link->error & ERROR_IDT)
        why_gate(c, link->error >> 3, out);
    else if ((link->error & 0xfffc) != 0)
        why_selector(c, link->error, out);
    else if (i > 0 && link->vector == VEC_SS)
        SAY(out, "the handler's stack cannot be used (rsp 0x%" PRIx64 ")", c->state.gpr[X86_RSP]);
    else if (i > 0)
        SAY(out, "the gate leads to no code: null selector, or an address that is not canonical");
}
