/* SPDX-License-Identifier: MIT */
/*
 * kvm_irq.c - interrupts into the guest, from the vCPU's own controller (core/intc.h)
 *
 * KVM is made without interrupt controllers: it takes a vector when it says that the guest can (KVM_INTERRUPT, the
 * interrupt window), tells of HLT and CR8, and hands over the MSRs of the local APIC. So the machine has
 * the same controllers under both engines, and an engine that takes over finds them as they are.
 * Sources: "KVM_INTERRUPT", "KVM_NMI", struct kvm_run, "KVM_CAP_X86_USER_SPACE_MSR" and "KVM_X86_SET_MSR_FILTER"
 * in the API document.
 *
 * GAP: the local APIC is not the kernel's (KVM_CAP_SPLIT_IRQCHIP): each of its registers costs an exit, and each
 * interrupt one or two.
 * GAP: a KVM that emulates MOV CR8 leaves for no lower value: an interrupt which that lets through comes at the next exit.
 */
#include "engine/kvm/kvm_priv.h"

enum { X2APIC_FIRST = 0x800, X2APIC_LAST = 0x8ff };

bool kvm_irq_msrs(struct kvm_vm *vm)
{
    const uint64_t reasons =
        KVM_MSR_EXIT_REASON_INVAL | KVM_MSR_EXIT_REASON_UNKNOWN | KVM_MSR_EXIT_REASON_FILTER;
    struct kvm_enable_cap cap = { .cap = KVM_CAP_X86_USER_SPACE_MSR, .args = { reasons } };
    uint8_t denied = 0;
    struct kvm_msr_filter filter = {
        .flags = KVM_MSR_FILTER_DEFAULT_ALLOW,
        /* Without an APIC of its own KVM takes a deadline and forgets it. */
        .ranges[0] = { .flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
                       .base = X86_MSR_TSC_DEADLINE,
                       .nmsrs = 1,
                       .bitmap = &denied },
    };

    return kvm_call(vm, vm->vm_fd, KVM_ENABLE_CAP, &cap, NULL) >= 0 &&
           kvm_call(vm, vm->vm_fd, KVM_X86_SET_MSR_FILTER, &filter, NULL) >= 0;
}

/* ---- before an entry ------------------------------------------------------------------------- */

static int inject_nmi(struct vcpu *cpu, struct vitro_err *err)
{
    vcpu_withdraw(cpu, VCPU_NMI);
    return kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_NMI, NULL, err);
}

static int inject(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_interrupt irq;
    int vector = cpu->intc.ops->ack(cpu->intc.ctx);

    if (vector < 0)
        return 0;
    irq.irq = (uint32_t)vector;
    kcpu_of(cpu)->may_inject = kcpu_of(cpu)->open = false;
    return kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_INTERRUPT, &irq, err);
}

static bool can_take(const struct kvm_cpu *kc)
{
    return kc->open || (kc->may_inject && kc->run->ready_for_interrupt_injection);
}

static int offer(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    struct kvm_run *run = kc->run;
    unsigned requests = atomic_load_explicit(&cpu->requests, memory_order_relaxed);
    int rc = 0;

    run->cr8 = kc->cr8 = cpu->intc.ops->cr8(cpu->intc.ctx);
    if (requests & VCPU_NMI)
        rc = inject_nmi(cpu, err);
    if (rc >= 0 && requests & VCPU_INTR && can_take(kc))
        rc = inject(cpu, err);
    requests = atomic_load_explicit(&cpu->requests, memory_order_relaxed);
    run->request_interrupt_window = (requests & VCPU_INTR) != 0;
    return rc < 0 ? rc : 0;
}

int kvm_irq_enter(struct vcpu *cpu, struct vitro_err *err)
{
    int rc;

    if (cpu->intc.ops == NULL)
        return 0;
    pthread_mutex_lock(&cpu->m->lock);
    rc = offer(cpu, err);
    pthread_mutex_unlock(&cpu->m->lock);
    return rc;
}

/*
 * A CPU that has been set to wait in HLT goes on only with the interrupt that ends it: KVM would look at the
 * window behind the next instruction at the earliest.
 */
void kvm_irq_set(struct vcpu *cpu, unsigned parts, const struct x86_state *in)
{
    const struct x86_events *e = &in->events;
    struct kvm_cpu *kc = kcpu_of(cpu);

    kc->may_inject = false;
    kc->open = (parts & STATE_ALL) == STATE_ALL && in->rflags & X86_RFLAGS_IF && e->shadow == 0 &&
               !e->exception_injected && !e->exception_pending && !e->interrupt_injected &&
               !e->nmi_injected && !e->nmi_pending;
}

/* ---- after it -------------------------------------------------------------------------------- */

/* KVM ends the instruction of such an exit at the next entry only. */
static bool is_half_done(uint32_t reason)
{
    return reason == KVM_EXIT_IO || reason == KVM_EXIT_MMIO || reason == KVM_EXIT_X86_RDMSR ||
           reason == KVM_EXIT_X86_WRMSR;
}

void kvm_irq_leave(struct vcpu *cpu)
{
    const struct intc *intc = &cpu->intc;
    struct kvm_cpu *kc = kcpu_of(cpu);

    if (intc->ops == NULL)
        return;
    kc->open = false;
    kc->may_inject = !is_half_done(kc->run->exit_reason);
    if (kc->run->cr8 == kc->cr8 && kc->run->apic_base == kc->apic_base)
        return;
    pthread_mutex_lock(&cpu->m->lock);
    if (kc->run->cr8 != kc->cr8)
        intc->ops->set_cr8(intc->ctx, (uint8_t)kc->run->cr8);
    if (kc->run->apic_base != kc->apic_base)
        intc->ops->set_base(intc->ctx, kc->run->apic_base);
    pthread_mutex_unlock(&cpu->m->lock);
    kc->cr8 = kc->run->cr8;
    kc->apic_base = kc->run->apic_base;
}

/* ---- MSRs ------------------------------------------------------------------------------------ */

static uint64_t guest_tsc(struct vcpu *cpu)
{
    union {
        struct kvm_msrs list;
        uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
    } one = { .list.nmsrs = 1 };

    one.list.entries[0].index = X86_MSR_TSC;
    kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_GET_MSRS, &one, NULL);
    return one.list.entries[0].data;
}

static bool is_intc_msr(uint32_t index)
{
    return index == X86_MSR_TSC_DEADLINE || (index >= X2APIC_FIRST && index <= X2APIC_LAST);
}

void kvm_irq_msr(struct vcpu *cpu, uint64_t rip)
{
    const struct intc *intc = &cpu->intc;
    struct kvm_cpu *kc = kcpu_of(cpu);
    struct kvm_run *run = kc->run;
    uint32_t index = run->msr.index;
    uint64_t val = run->msr.data;
    bool write = run->exit_reason == KVM_EXIT_X86_WRMSR, ok = false;

    if (intc->ops != NULL && is_intc_msr(index)) {
        pthread_mutex_lock(&cpu->m->lock);
        ok = write ? intc->ops->wrmsr(intc->ctx, index, val,
                                      index == X86_MSR_TSC_DEADLINE ? guest_tsc(cpu) : 0)
                   : intc->ops->rdmsr(intc->ctx, index, &val);
        pthread_mutex_unlock(&cpu->m->lock);
    }
    run->msr.data = val;
    run->msr.error = !ok; /* #GP */
    kc->msr_open = true;
    cpu->exit = (struct cpu_exit){
        .kind = EXIT_MSR, .write = write, .addr = index, .data = val, .rip = rip
    };
}
