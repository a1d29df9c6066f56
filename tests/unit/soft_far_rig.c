/* SPDX-License-Identifier: MIT */
/* soft_far_rig.c - see soft_far_rig.h */
#include "soft_far_rig.h"

#include <string.h>

#include "engine/soft/segment.h"
#include "soft_both.h"
#include "soft_int_own.h"

enum { PAGE = 4096, PT_AT = 3 * PAGE, TF = 1 << 8 };

/* Offsets in the window, for ring 0 alone; the LDT is at RIG_TSS_AT. */
enum {
    GDT_AT = RIG_TSS_AT + 0x400,
    TSS_AT = RIG_TSS_AT + 0x800,
    IDT_AT = RIG_TSS_AT + PAGE,
    STACK_AT = RIG_TSS_AT + 2 * PAGE,
    HANDLERS_AT = RIG_TSS_AT + 3 * PAGE,
    STACK_TOP = STACK_AT + PAGE - 64,
};

/* Linux, arch/x86/include/asm/segment.h: GDT_ENTRIES, __KERNEL_CS. Ring 3 sees no more of its ring 0 than #GP. */
enum { GDT_ENTRIES = 16, KERNEL_CS = 0x10, VECTORS = 256 };

enum { PTE_RING0 = 0x63 /* P W A D */, KERNEL_CODE = 0x9b, FLAG_L = 2, GATE = 14, P = 0x80 };

/* SDM 3A, table "Protected-Mode Exceptions and Interrupts": #DF #TS #NP #SS #GP #PF #AC. */
static const uint32_t ERROR_CODES =
    BIT(VEC_DF) | BIT(VEC_TS) | BIT(VEC_NP) | BIT(VEC_SS) | BIT(VEC_GP) | BIT(VEC_PF) | BIT(VEC_AC);

static uint8_t *at(struct rig *r, unsigned window)
{
    return r->ram + RIG_TSS + (window - RIG_TSS_AT);
}

/* ---- tables ----------------------------------------------------------------------------------- */

/* 0 when ring 3 may not look at it. The base is 0 in all that Linux has there for programs. */
static uint64_t host_desc(unsigned selector)
{
    uint32_t rights = 0, limit = 0;
    bool seen;

    __asm__("lar %3, %0\n\tlsl %3, %1"
            : "+r"(rights), "+r"(limit), "=@ccz"(seen)
            : "r"(selector)
            : "cc");
    if (!seen || !(rights & 1 << 12))
        return 0;
    if (rights & 1 << 23)
        limit >>= 12;
    return (limit & 0xffff) | (uint64_t)(rights & 0xf0ff00) << 32 |
           (uint64_t)(limit >> 16 & 0xf) << 48;
}

static void make_gdt(struct rig *r)
{
    for (unsigned i = 1; i < GDT_ENTRIES; i++)
        le_put(at(r, GDT_AT + 8 * i), 8, host_desc(8 * i | 3));
    le_put(at(r, GDT_AT + KERNEL_CS), 8, (uint64_t)KERNEL_CODE << 40 | (uint64_t)FLAG_L << 52);
    r->c->s.gdtr = (struct x86_dtable){ WINDOW + GDT_AT, 8 * GDT_ENTRIES - 1 };
}

static void make_idt(struct rig *r)
{
    for (unsigned i = 0; i < VECTORS; i++) {
        uint64_t to = WINDOW + HANDLERS_AT + 16 * i;
        bool open = i == VEC_BP || i == VEC_OF;
        uint64_t gate = (to & 0xffff) | (uint64_t)KERNEL_CS << 16 |
                        (uint64_t)(P | (open ? 3u << 5 : 0) | GATE) << 40 |
                        (to >> 16 & 0xffff) << 48;

        le_put(at(r, IDT_AT + 16 * i), 8, gate);
        le_put(at(r, IDT_AT + 16 * i + 8), 8, to >> 32);
    }
    r->c->s.idtr = (struct x86_dtable){ WINDOW + IDT_AT, 16 * VECTORS - 1 };
}

static void make_tss(struct rig *r)
{
    le_put(at(r, TSS_AT) + 4, 8, WINDOW + STACK_TOP);
    r->c->s.tr = (struct x86_seg){
        .base = WINDOW + TSS_AT, .limit = 0x67, .type = SYS_TSS32_BUSY, .present = true
    };
}

void far_open(struct rig *r, const struct native *n, enum x86_code code)
{
    rig_mode(r, code);
    for (unsigned page = RIG_TSS_AT; page < HANDLERS_AT; page += PAGE)
        le_put(r->ram + PT_AT + 8 * (page / PAGE), 8, (RIG_TSS + page - RIG_TSS_AT) | PTE_RING0);
    both_make_ldt(r);
    make_gdt(r);
    make_idt(r);
    make_tss(r);
    own_open(r, n);
    r->c->s.cr0 |= X86_CR0_AM; /* as Linux has them */
    r->c->s.efer |= X86_EFER_SCE;
    soft_flush(r->c, true);
    soft_mode_changed(r->c);
}

void far_put_handlers(struct rig *r)
{
    static const uint8_t with_error[] = { 0x48, 0x83, 0xc4, 8, 0x48, 0xcf }; /* add rsp, 8; iretq */
    static const uint8_t without[] = { 0x48, 0xcf };

    le_put(r->ram + PT_AT + 8 * (HANDLERS_AT / PAGE), 8,
           (RIG_TSS + HANDLERS_AT - RIG_TSS_AT) | PTE_RING0);
    for (unsigned i = 0; i < VECTORS; i++) {
        uint8_t *handler = at(r, HANDLERS_AT + 16 * i);

        if (i < 32 && ERROR_CODES >> i & 1)
            memcpy(handler, with_error, sizeof(with_error));
        else
            memcpy(handler, without, sizeof(without));
    }
    soft_flush(r->c, true);
}

/* ---- one instruction --------------------------------------------------------------------------- */

/* The frame that ring 0 has got: of an exception without an error code. */
static void take_frame(struct rig *r, struct native_end *out)
{
    struct x86_state *s = &r->c->s;
    const uint8_t *frame = at(r, (unsigned)(s->gpr[X86_RSP] - WINDOW));

    out->vector = (unsigned)(s->rip - WINDOW - HANDLERS_AT) / 16;
    out->regs.rip = le_get(frame, 8);
    out->sel[X86_CS] = (uint16_t)le_get(frame + 8, 8);
    out->regs.rflags = le_get(frame + 16, 8);
    out->regs.gpr[X86_RSP] = le_get(frame + 24, 8);
    out->sel[X86_SS] = (uint16_t)le_get(frame + 32, 8);
}

static void take_registers(const struct x86_state *s, const struct native *n,
                           struct native_end *out)
{
    out->regs.rip = s->rip;
    out->regs.rflags = s->rflags;
    memcpy(out->regs.gpr, s->gpr, sizeof(out->regs.gpr));
    for (unsigned i = 0; i < X86_NSREG; i++)
        out->sel[i] = s->seg[i].selector;
    if (n->has_bases) {
        out->fs_base = s->seg[X86_FS].base;
        out->gs_base = s->seg[X86_GS].base;
    }
}

void far_run(struct rig *r, const struct native *n, const struct gen_case *k,
             struct native_end *out)
{
    struct soft_cpu *c = r->c;
    struct x86_state before = c->s;

    memcpy(c->s.gpr, k->regs.gpr, sizeof(c->s.gpr));
    c->s.rip = k->regs.rip;
    c->s.rflags = k->regs.rflags | TF;
    c->s.seg[X86_FS].base = n->fs_base;
    c->s.seg[X86_GS].base = k->regs.gs_base;
    memset(out, 0, sizeof(*out));
    out->vector = VEC_DB;
    if (!rig_once(r)) {
        out->vector = c->stop.vector;
        out->error = c->stop.has_error ? c->stop.error : 0;
        out->cr2 = c->stop.cr2;
    }
    take_registers(&c->s, n, out);
    if (c->cpl == 0)
        take_frame(r, out);
    /*
     * A hypervisor that intercepts #DB finds rip at INT1, not behind it (APM 2, "Exception Intercepts"), and KVM delivers
     * it so.
     */
    if (n->int1_stays && x86_insn_row(&k->in)->mnemonic == X86_MN_INT1)
        out->regs.rip = k->regs.rip;
    c->s = before;
    soft_mode_changed(c);
}
