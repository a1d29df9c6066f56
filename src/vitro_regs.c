/* SPDX-License-Identifier: MIT */
/* vitro_regs.c - the library's face: registers that are set, and those of x87, SSE and AVX. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/bits.h"
#include "inspect/inspect_cpu.h"
#include "inspect/inspect_spaces.h"
#include "vitro_priv.h"
#include "x86/descriptor.h"
#include "x86/possible.h"
#include "x86/canonical.h"

/* ---- setting ----------------------------------------------------------------------------------- */

/* What a debugger may set of RFLAGS; the others are fixed, or decide on the CPU's mode (VM). */
static const uint64_t rflags_settable = 0x3d7fd5;

static const unsigned all_parts = VITRO_REGS_GENERAL | VITRO_REGS_CR2 | VITRO_REGS_BASES |
                                  VITRO_REGS_CONTROL | VITRO_REGS_SEGMENTS | VITRO_REGS_TABLES |
                                  VITRO_REGS_CR8 | VITRO_REGS_DEBUG | VITRO_REGS_EVENTS;

/* Those for which it is looked at whether a CPU can be so. */
static const unsigned checked_parts = VITRO_REGS_CONTROL | VITRO_REGS_SEGMENTS | VITRO_REGS_TABLES |
                                      VITRO_REGS_CR8 | VITRO_REGS_DEBUG | VITRO_REGS_EVENTS;

static int check_regs(const struct vitro_regs *in, unsigned parts, struct vitro_err *err)
{
    const uint64_t bases[] = { in->seg[X86_FS].base, in->seg[X86_GS].base };

    if (parts == 0 || parts & ~all_parts)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "setting registers: no such part");
    if (parts & VITRO_REGS_EVENTS &&
        (in->events.exception > UINT8_MAX || in->events.interrupt > UINT8_MAX))
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "setting an exception or interrupt: vectors are 0 to 255");
    if (parts & VITRO_REGS_GENERAL && !x86_canonical(in->rip))
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "setting rip to 0x%" PRIx64 ": bits 63 to 47 must be the same", in->rip);
    for (size_t i = 0; parts & VITRO_REGS_BASES && i < ARRAY_LEN(bases); i++) {
        if (!x86_canonical(bases[i]))
            return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                             "setting a segment's base to 0x%" PRIx64
                             ": bits 63 to 47 must be the same",
                             bases[i]);
    }
    return 0;
}

static void take_general(const struct vitro_regs *in, struct x86_state *s)
{
    for (unsigned i = 0; i < X86_NGPR; i++)
        s->gpr[i] = in->gpr[i];
    s->rip = in->rip;
    s->rflags = (s->rflags & ~rflags_settable) | (in->rflags & rflags_settable);
}

static struct x86_seg seg_from(const struct vitro_seg *v)
{
    return (struct x86_seg){ .base = v->base,
                             .limit = v->limit,
                             .selector = v->selector,
                             .type = v->type,
                             .dpl = v->dpl,
                             .s = v->s,
                             .present = v->present,
                             .avl = v->avl,
                             .l = v->l,
                             .db = v->db,
                             .g = v->g,
                             .unusable = v->unusable };
}

static void take_system(const struct vitro_regs *in, unsigned parts, struct x86_state *s)
{
    if (parts & VITRO_REGS_CR2)
        s->cr2 = in->cr2;
    if (parts & VITRO_REGS_BASES) {
        s->seg[X86_FS].base = in->seg[X86_FS].base;
        s->seg[X86_GS].base = in->seg[X86_GS].base;
    }
    for (unsigned i = 0; parts & VITRO_REGS_SEGMENTS && i < X86_NSREG; i++)
        s->seg[i] = seg_from(&in->seg[i]);
    if (parts & VITRO_REGS_CONTROL) {
        s->cr0 = in->cr0;
        s->cr3 = in->cr3;
        s->cr4 = in->cr4;
        s->efer = in->efer;
        s->pdptr_valid = false; /* PAE: they are read again at CR3 */
    }
}

static void take_tables(const struct vitro_regs *in, struct x86_state *s)
{
    s->tr = seg_from(&in->tr);
    s->ldtr = seg_from(&in->ldtr);
    s->gdtr = (struct x86_dtable){ in->gdt_base, in->gdt_limit };
    s->idtr = (struct x86_dtable){ in->idt_base, in->idt_limit };
}

static void take_rest(const struct vitro_regs *in, unsigned parts, struct x86_state *s)
{
    if (parts & VITRO_REGS_TABLES)
        take_tables(in, s);
    if (parts & VITRO_REGS_CR8)
        s->cr8 = in->cr8;
    if (parts & VITRO_REGS_DEBUG) {
        memcpy(s->dr, in->dr, sizeof(s->dr));
        s->dr6 = in->dr6 | X86_DR6_FIXED;
        s->dr7 = in->dr7 | X86_DR7_FIXED;
    }
    if (parts & VITRO_REGS_EVENTS)
        regs_change_events(&in->events, s->cr0 & X86_CR0_PE, &s->events);
}

/* What the machine's CPUs can do; without a model what both engines may offer, and the engine has the last word. */
static struct x86_possible possible(const struct vitro *m, const struct x86_state *now)
{
    const uint64_t never =
        X86_CR4_LA57 | X86_CR4_VMXE | X86_CR4_SMXE | X86_CR4_PKE | X86_CR4_CET | X86_CR4_PKS;
#define X(name, bit, what) | X86_CR4_##name
    const uint64_t defined = 0 X86_CR4_BITS(X);
#undef X

    return (struct x86_possible){
        .cr4 = (m->has_cpu_model ? m->cpu_model.cr4 : defined & ~never) | now->cr4,
        .phys_bits = m->has_cpu_model ? m->cpu_model.config.phys_bits : 52,
    };
}

/* A state that was not possible before, on its way from one mode to another, may stay what it is. */
static int check_system(const struct vitro *m, const struct x86_state *before,
                        const struct x86_state *after, struct vitro_err *err)
{
    const struct x86_possible can = possible(m, before);
    const char *wrong = x86_impossible(after, before, &can);

    return wrong == NULL ? 0
                         : err_class(err, VITRO_ERR_USAGE, -EINVAL, "setting registers: %s", wrong);
}

int vitro_regs_set(struct vitro *m, unsigned cpu, const struct vitro_regs *regs, unsigned parts,
                   struct vitro_err *err)
{
    struct vcpu *vcpu = vcpu_of(m, cpu, err);
    unsigned state = STATE_REGS | STATE_SREGS;
    struct x86_state s = { 0 }, before;
    int rc;

    if (vcpu == NULL)
        return -EINVAL;
    if (parts & (VITRO_REGS_DEBUG | VITRO_REGS_EVENTS))
        state = STATE_ALL;
    rc = check_regs(regs, parts, err);
    if (rc == 0)
        rc = vcpu_drain(vcpu, err);
    if (rc == 0)
        rc = outside_begin(m->board->m, err);
    if (rc == 0)
        rc = vcpu_state(vcpu, state, &s, err);
    if (rc < 0)
        return rc;
    before = s;
    if (parts & VITRO_REGS_GENERAL)
        take_general(regs, &s);
    take_system(regs, parts, &s);
    take_rest(regs, parts, &s);
    if (parts & checked_parts)
        rc = check_system(m, &before, &s, err);
    if (rc < 0)
        return rc;
    rc = vcpu_set_state(vcpu, state, &s, err);
    if (rc == 0)
        outside_set(m->board->m, cpu, state, &s);
    else if (vcpu_set_state(vcpu, state, &before, NULL) < 0)
        return rc; /* nothing more can be done: the first cause is told */
    return rc;
}

/* The eight bytes that a selector names, or sixteen: then `high` is not NULL. */
static int read_descriptor(const struct cpu_space *c, uint16_t selector, uint64_t *raw,
                           uint64_t *high, struct vitro_err *err)
{
    bool local = selector & 4;
    const struct x86_state *s = &c->state;
    uint64_t base = local ? s->ldtr.base : s->gdtr.base,
             limit = local ? s->ldtr.unusable ? 0 : s->ldtr.limit : s->gdtr.limit;
    size_t len = high != NULL ? 16 : 8;
    uint8_t bytes[16];

    if ((selector & ~7u) + len - 1 > limit)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL, "selector 0x%x: outside of the %s",
                         selector, local ? "LDT" : "GDT");
    if (cpu_space_read(c, base + (selector & ~7u), bytes, len) != len)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "selector 0x%x: its descriptor lies in no memory", selector);
    *raw = le_get(bytes, 8);
    if (high != NULL)
        *high = le_get(bytes + 8, 8);
    return 0;
}

int vitro_seg_load(struct vitro *m, unsigned cpu, uint16_t selector, struct vitro_seg *seg,
                   struct vitro_err *err)
{
    struct cpu_space c;
    struct x86_seg loaded;
    uint64_t raw = 0;
    int rc = cpu_space_init(&c, m->board->m, cpu, STATE_REGS, err);

    if (rc < 0)
        return rc;
    if (!(c.state.cr0 & X86_CR0_PE) || c.state.rflags & X86_RFLAGS_VM) {
        seg->selector = selector;
        seg->base = (uint64_t)selector << 4;
        return 0;
    }
    if ((selector & ~3u) == 0) {
        *seg = (struct vitro_seg){ .selector = selector, .dpl = selector & 3, .unusable = true };
        return 0;
    }
    rc = read_descriptor(&c, selector, &raw, NULL, err);
    if (rc < 0)
        return rc;
    loaded = x86_seg_of_desc(raw, selector);
    loaded.type |= loaded.s; /* accessed, as the CPU would mark it; the table is left alone */
    *seg = regs_seg(&loaded);
    return 0;
}

int vitro_system_seg_load(struct vitro *m, unsigned cpu, uint16_t selector, struct vitro_seg *seg,
                          struct vitro_err *err)
{
    enum { TYPE_TSS = 9, TYPE_TSS16 = 1, TYPE_BUSY = 2 };
    struct x86_seg loaded;
    struct cpu_space c;
    uint64_t raw = 0, high = 0;
    int rc = cpu_space_init(&c, m->board->m, cpu, STATE_REGS, err);

    if (rc < 0)
        return rc;
    if (!(c.state.cr0 & X86_CR0_PE) || c.state.rflags & X86_RFLAGS_VM)
        return err_class(err, VITRO_ERR_USAGE, -EINVAL,
                         "TR and LDTR: no selector is loaded into them outside of protected mode");
    if ((selector & ~3u) == 0) {
        *seg = (struct vitro_seg){ .selector = selector, .unusable = true };
        return 0;
    }
    rc = read_descriptor(&c, selector, &raw, c.state.efer & X86_EFER_LMA ? &high : NULL, err);
    if (rc < 0)
        return rc;
    loaded = x86_seg_of_desc(raw, selector);
    loaded.base |= high << 32;
    if (!loaded.s && (loaded.type == TYPE_TSS || loaded.type == TYPE_TSS16))
        loaded.type |= TYPE_BUSY; /* as the CPU would mark it; the table is left alone */
    *seg = regs_seg(&loaded);
    return 0;
}

/* ---- x87, SSE, AVX --------------------------------------------------------------------------- */

/*
 * Layout: SDM 1, "Legacy Region of an XSAVE Area" and "XSAVE Header". A component whose header bit is clear is in its
 * initial state, whatever the area holds.
 */
enum {
    XSAVE_ST = 32,
    XSAVE_XMM = 160,
    XSAVE_HEADER = 512,
    XSTATE_X87 = 1,
    XSAVE_YMMH = 576, /* CPUID 0DH, 2: EBX; on every CPU that has them */
    XSTATE_SSE = 2,
    XSTATE_AVX = 4,
    FCW_INITIAL = 0x37f,
    MXCSR_INITIAL = 0x1f80,
};

static void take_x87(const uint8_t *area, struct vitro_fpu *out)
{
    out->fcw = (uint16_t)le_get(area, 2);
    out->fsw = (uint16_t)le_get(area + 2, 2);
    out->ftw = area[4];
    out->fop = (uint16_t)le_get(area + 6, 2);
    out->fip = le_get(area + 8, 8);
    out->fdp = le_get(area + 16, 8);
    for (size_t i = 0; i < ARRAY_LEN(out->st); i++)
        memcpy(out->st[i], area + XSAVE_ST + 16 * i, sizeof(out->st[i]));
}

int vitro_fpu(struct vitro *m, unsigned cpu, struct vitro_fpu *out, struct vitro_err *err)
{
    struct vcpu *vcpu = vcpu_of(m, cpu, err);
    struct x86_state s = { 0 };
    uint64_t there;
    int rc;

    if (vcpu == NULL)
        return -EINVAL;
    rc = vcpu->engine->get(vcpu, STATE_REST, &s, err);
    if (rc < 0)
        return rc;
    *out = (struct vitro_fpu){ .fcw = FCW_INITIAL, .mxcsr = MXCSR_INITIAL };
    out->avx = s.xcr0 & XSTATE_AVX;
    if (s.xsave_len < XSAVE_HEADER + 8)
        return 0;
    there = le_get(s.xsave + XSAVE_HEADER, 8);
    if (there & XSTATE_X87)
        take_x87(s.xsave, out);
    if (there & XSTATE_SSE) {
        out->mxcsr = (uint32_t)le_get(s.xsave + 24, 4);
        for (size_t i = 0; i < ARRAY_LEN(out->xmm); i++)
            memcpy(out->xmm[i], s.xsave + XSAVE_XMM + 16 * i, sizeof(out->xmm[i]));
    }
    if (out->avx && there & XSTATE_AVX && s.xsave_len >= XSAVE_YMMH + sizeof(out->ymmh))
        memcpy(out->ymmh, s.xsave + XSAVE_YMMH, sizeof(out->ymmh));
    return 0;
}
