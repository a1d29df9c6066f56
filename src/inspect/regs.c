/* SPDX-License-Identifier: MIT */
/* regs.c - reads a CPU's registers for the views. */
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "core/machine.h"
#include "inspect/inspect_cpu.h"
#include "x86/possible.h"

struct vitro_seg regs_seg(const struct x86_seg *s)
{
    return (struct vitro_seg){
        .selector = s->selector,
        .base = s->base,
        .limit = s->limit,
        .type = s->type,
        .dpl = s->dpl,
        .s = s->s,
        .present = s->present,
        .avl = s->avl,
        .l = s->l,
        .db = s->db,
        .g = s->g,
        .unusable = s->unusable,
    };
}

/* The machine stands still for the reading, not for what is made of it. */
static int get_still(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err)
{
    int rc;

    pause_hold(cpu->m);
    rc = vcpu_state(cpu, parts, out, err);
    pause_release(cpu->m);
    return rc;
}

struct vitro_events regs_events(const struct x86_events *e)
{
    bool exception = e->exception_injected || e->exception_pending;

    return (struct vitro_events){
        .exception = exception ? e->exception_vector : -1,
        .exception_error = exception && e->exception_has_error ? e->exception_error : 0,
        .interrupt = e->interrupt_injected ? e->interrupt_vector : -1,
        .nmi = e->nmi_pending || e->nmi_injected,
        .shadow = e->shadow,
    };
}

static void change_exception(const struct vitro_events *want, bool errors, struct x86_events *e)
{
    bool any = want->exception >= 0;

    e->exception_pending = e->exception_has_payload = false;
    e->exception_payload = 0;
    e->exception_injected = any;
    e->exception_vector = any ? (uint8_t)want->exception : 0;
    e->exception_has_error = any && errors && x86_has_error_code((unsigned)want->exception);
    e->exception_error = want->exception_error;
}

void regs_change_events(const struct vitro_events *want, bool errors, struct x86_events *e)
{
    const struct vitro_events now = regs_events(e);

    if (want->exception != now.exception || want->exception_error != now.exception_error)
        change_exception(want, errors, e);
    if (want->interrupt != now.interrupt) {
        e->interrupt_injected = want->interrupt >= 0;
        e->interrupt_vector = want->interrupt >= 0 ? (uint8_t)want->interrupt : 0;
        e->interrupt_soft = false;
    }
    if (want->nmi != now.nmi) {
        e->nmi_pending = want->nmi;
        e->nmi_injected = false;
    }
    e->shadow = want->shadow;
}

int regs_read(struct vcpu *cpu, struct vitro_regs *out, struct vitro_err *err)
{
    struct x86_state s = { 0 };
    int rc = get_still(cpu, STATE_ALL, &s, err);

    if (rc < 0)
        return rc;
    *out = (struct vitro_regs){
        .rip = s.rip,
        .rflags = s.rflags,
        .tr = regs_seg(&s.tr),
        .ldtr = regs_seg(&s.ldtr),
        .gdt_base = s.gdtr.base,
        .gdt_limit = s.gdtr.limit,
        .idt_base = s.idtr.base,
        .idt_limit = s.idtr.limit,
        .cr0 = s.cr0,
        .cr2 = s.cr2,
        .cr3 = s.cr3,
        .cr4 = s.cr4,
        .cr8 = s.cr8,
        .efer = s.efer,
        .xcr0 = s.xcr0,
        .dr6 = s.dr6,
        .dr7 = s.dr7,
        .mode = x86_mode_name(x86_mode_of(&s)),
        .cpl = x86_cpl(&s),
    };
    memcpy(out->gpr, s.gpr, sizeof(out->gpr));
    memcpy(out->dr, s.dr, sizeof(out->dr));
    out->events = regs_events(&s.events);
    for (unsigned i = 0; i < X86_NSREG; i++)
        out->seg[i] = regs_seg(&s.seg[i]);
    return 0;
}

int regs_show(struct vcpu *cpu, const struct symtab *symbols, bool all,
              const struct vitro_style *style, char **out, struct vitro_err *err)
{
    struct x86_state s = { 0 };
    struct regs_view v = { &s, symbols, cpu->idx, all, style != NULL && style->color };
    int rc = get_still(cpu, all ? STATE_ALL : STATE_REGS | STATE_SREGS, &s, err);

    if (rc < 0)
        return rc;
    return style != NULL && style->format == VITRO_JSON ? regs_json(&v, out, err)
                                                        : regs_text(&v, out, err);
}

/* ---- what a segment register holds ----------------------------------------------------------- */

/* SDM 3A, "System Descriptor Types"; in long mode 9 and 11 are 64-bit. */
static const char *const system_types[16] = {
    [1] = "16-bit TSS", [2] = "LDT", [3] = "busy 16-bit TSS", [9] = "TSS", [11] = "busy TSS",
};

static void code_words(const struct x86_state *s, const struct x86_seg *seg, char *buf, size_t len)
{
    bool wide = seg->l && (s->efer & X86_EFER_LMA);

    snprintf(buf, len, "%s code%s%s%s",
             wide      ? "64-bit"
             : seg->db ? "32-bit"
                       : "16-bit",
             seg->type & 4 ? ", conforming" : "", seg->type & 2 ? ", readable" : "",
             seg->type & 1 ? ", accessed" : "");
}

char *regs_segment_words(const struct x86_state *s, const struct x86_seg *seg, char *buf,
                         size_t len)
{
    const char *system = system_types[seg->type & 15];

    if (seg->unusable)
        snprintf(buf, len, "unusable");
    else if (!seg->present)
        snprintf(buf, len, "not present");
    else if (!seg->s)
        snprintf(buf, len, "%s", system != NULL ? system : "reserved type");
    else if (seg->type & 8)
        code_words(s, seg, buf, len);
    else
        snprintf(buf, len, "data%s%s%s", seg->type & 4 ? ", expand-down" : "",
                 seg->type & 2 ? ", writable" : ", read-only", seg->type & 1 ? ", accessed" : "");
    return buf;
}
