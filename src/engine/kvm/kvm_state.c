/* SPDX-License-Identifier: MIT */
/*
 * kvm_state.c - struct x86_state to and from KVM's register ioctls
 *
 * Here the registers that a stop, a walk or a debugger needs; the others are in kvm_state_rest.c.
 */
#include <assert.h>
#include <string.h>

#include "engine/kvm/kvm_priv.h"

/* Where struct kvm_regs keeps each general register. */
static const uint16_t gpr_at[X86_NGPR] = {
    [X86_RAX] = offsetof(struct kvm_regs, rax), [X86_RCX] = offsetof(struct kvm_regs, rcx),
    [X86_RDX] = offsetof(struct kvm_regs, rdx), [X86_RBX] = offsetof(struct kvm_regs, rbx),
    [X86_RSP] = offsetof(struct kvm_regs, rsp), [X86_RBP] = offsetof(struct kvm_regs, rbp),
    [X86_RSI] = offsetof(struct kvm_regs, rsi), [X86_RDI] = offsetof(struct kvm_regs, rdi),
    [X86_R8] = offsetof(struct kvm_regs, r8),   [X86_R9] = offsetof(struct kvm_regs, r9),
    [X86_R10] = offsetof(struct kvm_regs, r10), [X86_R11] = offsetof(struct kvm_regs, r11),
    [X86_R12] = offsetof(struct kvm_regs, r12), [X86_R13] = offsetof(struct kvm_regs, r13),
    [X86_R14] = offsetof(struct kvm_regs, r14), [X86_R15] = offsetof(struct kvm_regs, r15),
};

/* struct kvm_sregs2 begins with the same segments as struct kvm_sregs, so one offset serves both. */
static const uint16_t seg_at[X86_NSREG] = {
    [X86_ES] = offsetof(struct kvm_sregs, es), [X86_CS] = offsetof(struct kvm_sregs, cs),
    [X86_SS] = offsetof(struct kvm_sregs, ss), [X86_DS] = offsetof(struct kvm_sregs, ds),
    [X86_FS] = offsetof(struct kvm_sregs, fs), [X86_GS] = offsetof(struct kvm_sregs, gs),
};
static_assert(offsetof(struct kvm_sregs, apic_base) == offsetof(struct kvm_sregs2, apic_base),
              "kvm_sregs and kvm_sregs2 agree up to apic_base");

static int get_regs(struct vcpu *cpu, struct x86_state *out, struct vitro_err *err)
{
    struct kvm_regs regs;
    int rc = kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_GET_REGS, &regs, err);

    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < X86_NGPR; i++)
        memcpy(&out->gpr[i], (const char *)&regs + gpr_at[i], sizeof(out->gpr[i]));
    out->rip = regs.rip;
    out->rflags = regs.rflags;
    return 0;
}

static int set_regs(struct vcpu *cpu, const struct x86_state *in, struct vitro_err *err)
{
    struct kvm_regs regs = { .rip = in->rip, .rflags = in->rflags | X86_RFLAGS_FIXED };

    for (unsigned i = 0; i < X86_NGPR; i++)
        memcpy((char *)&regs + gpr_at[i], &in->gpr[i], sizeof(in->gpr[i]));
    return kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_SET_REGS, &regs, err); /* MARK: kvm-regs */
}

static struct x86_seg seg_from_kvm(const struct kvm_segment *k)
{
    return (struct x86_seg){
        .base = k->base,
        .limit = k->limit,
        .selector = k->selector,
        .type = k->type,
        .dpl = k->dpl,
        .s = k->s,
        .present = k->present,
        .avl = k->avl,
        .l = k->l,
        .db = k->db,
        .g = k->g,
        .unusable = k->unusable,
    };
}

static struct kvm_segment seg_to_kvm(const struct x86_seg *s)
{
    return (struct kvm_segment){
        .base = s->base,
        .limit = s->limit,
        .selector = s->selector,
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

/* The part that the two sregs structs have in common. */
static void sregs_from_kvm(const struct kvm_sregs *k, struct x86_state *out)
{
    for (unsigned i = 0; i < X86_NSREG; i++) {
        struct kvm_segment seg;

        memcpy(&seg, (const char *)k + seg_at[i], sizeof(seg));
        out->seg[i] = seg_from_kvm(&seg);
    }
    out->tr = seg_from_kvm(&k->tr);
    out->ldtr = seg_from_kvm(&k->ldt);
    out->gdtr = (struct x86_dtable){ k->gdt.base, k->gdt.limit };
    out->idtr = (struct x86_dtable){ k->idt.base, k->idt.limit };
    out->cr0 = k->cr0;
    out->cr2 = k->cr2;
    out->cr3 = k->cr3;
    out->cr4 = k->cr4;
    out->cr8 = k->cr8;
    out->efer = k->efer;
    out->apic_base = k->apic_base;
}

void kvm_sregs_from_state(const struct x86_state *in, struct kvm_sregs *k)
{
    *k = (struct kvm_sregs){
        .tr = seg_to_kvm(&in->tr),
        .ldt = seg_to_kvm(&in->ldtr),
        .gdt = { .base = in->gdtr.base, .limit = in->gdtr.limit },
        .idt = { .base = in->idtr.base, .limit = in->idtr.limit },
        .cr0 = in->cr0,
        .cr2 = in->cr2,
        .cr3 = in->cr3,
        .cr4 = in->cr4,
        .cr8 = in->cr8,
        .efer = in->efer,
        .apic_base = in->apic_base,
    };
    for (unsigned i = 0; i < X86_NSREG; i++) {
        struct kvm_segment seg = seg_to_kvm(&in->seg[i]);

        memcpy((char *)k + seg_at[i], &seg, sizeof(seg));
    }
}

static int get_sregs(struct vcpu *cpu, struct x86_state *out, struct vitro_err *err)
{
    struct kvm_vm *vm = vm_of(cpu->m);
    struct kvm_sregs old;
    struct kvm_sregs2 now;
    int rc;

    out->pdptr_valid = false;
    if (!vm->has_sregs2) {
        rc = kvm_call(vm, kcpu_of(cpu)->fd, KVM_GET_SREGS, &old, err);
        if (rc == 0)
            sregs_from_kvm(&old, out);
        return rc;
    }
    rc = kvm_call(vm, kcpu_of(cpu)->fd, KVM_GET_SREGS2, &now, err);
    if (rc < 0)
        return rc;
    memcpy(&old, &now, offsetof(struct kvm_sregs, interrupt_bitmap));
    sregs_from_kvm(&old, out);
    out->pdptr_valid = now.flags & KVM_SREGS2_FLAGS_PDPTRS_VALID;
    memcpy(out->pdptr, now.pdptrs, sizeof(out->pdptr));
    return 0;
}

static int set_sregs(struct vcpu *cpu, const struct x86_state *in, struct vitro_err *err)
{
    struct kvm_vm *vm = vm_of(cpu->m);
    struct kvm_sregs old;
    struct kvm_sregs2 now = { 0 };

    kvm_sregs_from_state(in, &old);
    if (!vm->has_sregs2)
        return kvm_call(vm, kcpu_of(cpu)->fd, KVM_SET_SREGS, &old, err);
    memcpy(&now, &old, offsetof(struct kvm_sregs, interrupt_bitmap));
    if (in->pdptr_valid) {
        now.flags = KVM_SREGS2_FLAGS_PDPTRS_VALID;
        memcpy(now.pdptrs, in->pdptr, sizeof(in->pdptr));
    }
    return kvm_call(vm, kcpu_of(cpu)->fd, KVM_SET_SREGS2, &now, err); /* MARK: kvm-sregs */
}

int kvm_raw_rip(struct vcpu *cpu, uint64_t *rip, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    struct kvm_regs regs;
    int rc;

    if (vm_of(cpu->m)->has_sync_regs) { /* KVM has left the registers in the run area */
        *rip = kc->run->s.regs.regs.rip;
        return 0;
    }
    rc = kvm_call(vm_of(cpu->m), kc->fd, KVM_GET_REGS, &regs, err);
    *rip = rc < 0 ? 0 : regs.rip;
    return rc;
}

bool kvm_peek(const struct vcpu *cpu, uint64_t gpr[X86_NGPR])
{
    const struct kvm_cpu *kc = kcpu_of(cpu);

    if (!vm_of(cpu->m)->has_sync_regs || !kc->ran)
        return false;
    for (unsigned i = 0; i < X86_NGPR; i++)
        memcpy(&gpr[i], (const char *)&kc->run->s.regs.regs + gpr_at[i], sizeof(gpr[i]));
    return true;
}

int kvm_load_state(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err)
{
    int rc = parts & STATE_REGS ? get_regs(cpu, out, err) : 0;

    return rc == 0 && parts & STATE_SREGS ? get_sregs(cpu, out, err) : rc;
}

int kvm_get_state(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err)
{
    int rc = kvm_complete(cpu, err);

    if (rc == 0)
        rc = kvm_load_state(cpu, parts, out, err);
    if (rc == 0 && parts & STATE_REST)
        rc = kvm_get_rest(cpu, out, err);
    return rc;
}

int kvm_set_state(struct vcpu *cpu, unsigned parts, const struct x86_state *in,
                  struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    int rc = kvm_complete(cpu, err);

    kvm_irq_set(cpu, parts, in);
    if (parts & STATE_REGS)
        kc->ran = false;
    if (rc == 0 && parts & STATE_SREGS) {
        kc->apic_base = in->apic_base;
        memset(kc->memo, 0, sizeof(kc->memo)); /* other code may lie under the same rip now */
        rc = set_sregs(cpu, in, err);
    }
    if (rc == 0 && parts & STATE_REGS)
        rc = set_regs(cpu, in, err);
    if (rc == 0 && parts & STATE_REST)
        rc = kvm_set_rest(cpu, in, err);
    return rc;
}
