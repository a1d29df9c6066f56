/* SPDX-License-Identifier: MIT */
/*
 * kvm_decode.c - from the run area to an engine-neutral exit
 *
 * String port accesses and odd-sized memory accesses are cut into pieces of 1, 2, 4 or 8 bytes here, so
 * that neither the loop nor a device ever sees a count. Everything in the run area is read once.
 */
#include <string.h>

#include "engine/kvm/kvm_insn.h"

#define EXIT_NAME(name) [KVM_EXIT_##name] = "KVM_EXIT_" #name
const char *kvm_exit_name(uint32_t reason)
{
    static const char *const names[] = {
        EXIT_NAME(UNKNOWN),
        EXIT_NAME(EXCEPTION),
        EXIT_NAME(IO),
        EXIT_NAME(HYPERCALL),
        EXIT_NAME(DEBUG),
        EXIT_NAME(HLT),
        EXIT_NAME(MMIO),
        EXIT_NAME(IRQ_WINDOW_OPEN),
        EXIT_NAME(SHUTDOWN),
        EXIT_NAME(FAIL_ENTRY),
        EXIT_NAME(INTR),
        EXIT_NAME(SET_TPR),
        EXIT_NAME(TPR_ACCESS),
        EXIT_NAME(NMI),
        EXIT_NAME(INTERNAL_ERROR),
        EXIT_NAME(WATCHDOG),
        EXIT_NAME(SYSTEM_EVENT),
        EXIT_NAME(IOAPIC_EOI),
        EXIT_NAME(HYPERV),
        EXIT_NAME(X86_RDMSR),
        EXIT_NAME(X86_WRMSR),
        EXIT_NAME(DIRTY_RING_FULL),
        EXIT_NAME(X86_BUS_LOCK),
        EXIT_NAME(XEN),
        EXIT_NAME(NOTIFY),
    };

    return reason < ARRAY_LEN(names) && names[reason] != NULL ? names[reason] : "unknown";
}

/* Widest power of two that fits what is left of the item. */
static uint8_t piece_width(const struct kvm_access *a)
{
    uint32_t left = a->item_len - a->done;

    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

/* Puts the piece at the cursor into cpu->exit; kind, write and rip are there already. */
static void offer_piece(struct vcpu *cpu)
{
    struct kvm_access *a = &kcpu_of(cpu)->access;
    struct cpu_exit *x = &cpu->exit;

    a->width = piece_width(a);
    x->width = a->width;
    x->addr = a->base + a->done;
    x->data = x->write ? le_get(a->data + (uint64_t)a->item * a->item_len + a->done, a->width) : 0;
    cpu->answered = false;
}

void kvm_take_answer(struct vcpu *cpu)
{
    struct kvm_access *a = &kcpu_of(cpu)->access;

    if (a->width == 0)
        return;
    if (!a->write)
        le_put(a->data + (uint64_t)a->item * a->item_len + a->done, a->width, cpu->exit.data);
    a->done += a->width;
    a->width = 0;
}

bool kvm_next_piece(struct vcpu *cpu)
{
    struct kvm_access *a = &kcpu_of(cpu)->access;

    if (a->done >= a->item_len) {
        a->done = 0;
        a->item++;
    }
    if (a->item >= a->nitems) {
        a->data = NULL;
        return false;
    }
    cpu->exit.more = true;
    offer_piece(cpu);
    return true;
}

/* A run area that makes no sense is not the guest's doing, but must not lead us outside it either. */
static int nonsense(struct vcpu *cpu, uint64_t rip)
{
    kcpu_of(cpu)->access = (struct kvm_access){ 0 };
    cpu->exit = (struct cpu_exit){
        .kind = EXIT_FAILED,
        .addr = kcpu_of(cpu)->run->exit_reason,
        .rip = rip,
        .detail = "KVM described an access that cannot be (size, count or place in the run area)",
    };
    return 0;
}

static int decode_io(struct vcpu *cpu, uint64_t rip, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    struct kvm_run *run = kc->run;
    uint64_t size = run->io.size, count = run->io.count, offset = run->io.data_offset;
    uint64_t run_len = vm_of(cpu->m)->run_len;
    bool write = run->io.direction == KVM_EXIT_IO_OUT;

    if ((size != 1 && size != 2 && size != 4) || count == 0 || offset > run_len ||
        size * count > run_len - offset)
        return nonsense(cpu, rip);
    cpu->exit = (struct cpu_exit){ .kind = EXIT_PIO, .write = write };
    kc->access = (struct kvm_access){
        .data = (uint8_t *)run + offset,
        .base = run->io.port,
        .item_len = (uint32_t)size,
        .nitems = (uint32_t)count,
        .write = write,
    };
    offer_piece(cpu);
    return kvm_insn_rip(cpu, rip, &cpu->exit.rip, err);
}

static int decode_mmio(struct vcpu *cpu, uint64_t rip, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    struct kvm_run *run = kc->run;
    uint32_t len = run->mmio.len;
    bool write = run->mmio.is_write;

    if (len == 0 || len > sizeof(run->mmio.data))
        return nonsense(cpu, rip);
    cpu->exit = (struct cpu_exit){ .kind = EXIT_MMIO, .write = write };
    kc->access = (struct kvm_access){
        .data = run->mmio.data,
        .base = run->mmio.phys_addr,
        .item_len = len,
        .nitems = 1,
        .write = write,
    };
    offer_piece(cpu);
    return kvm_insn_rip(cpu, rip, &cpu->exit.rip, err);
}

static int decode_hlt(struct vcpu *cpu, uint64_t rip, struct vitro_err *err)
{
    cpu->exit = (struct cpu_exit){ .kind = EXIT_HLT, .data = kcpu_of(cpu)->run->if_flag };
    return kvm_insn_rip(cpu, rip, &cpu->exit.rip, err);
}

/* For comparing with our 0xCC bytes, and only then: a refusal has no linear rip of its own. */
static int linear_rip(struct vcpu *cpu, uint64_t *linear, struct vitro_err *err)
{
    struct x86_state state;
    int rc = kvm_load_state(cpu, STATE_REGS | STATE_SREGS, &state, err);

    if (rc == 0)
        *linear = x86_linear_rip(&state);
    return rc;
}

/* The bytes at rip from guest memory, for KVMs that do not give them; as many as can be read. */
static void read_insn(struct vcpu *cpu, struct cpu_exit *x)
{
    struct kvm_site site = { 0 };

    if (kvm_site_load(cpu, &site, NULL) < 0)
        return; /* only a report would be the poorer */
    x->ninsn = (uint8_t)(site.end - SITE_BACK);
    memcpy(x->insn, site.code + SITE_BACK, x->ninsn);
}

/* What KVM says of the instruction it refused; it need not say anything. */
static void take_insn(const struct kvm_run *run, struct cpu_exit *x)
{
    if (run->emulation_failure.ndata < 3 ||
        !(run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES))
        return;
    x->ninsn = run->emulation_failure.insn_size;
    if (x->ninsn > sizeof(x->insn))
        x->ninsn = sizeof(x->insn);
    memcpy(x->insn, run->emulation_failure.insn_bytes, x->ninsn);
}

/* An instruction that this KVM's emulator does not know, with its bytes. */
static int decode_refused(struct vcpu *cpu, uint64_t rip, struct vitro_err *err)
{
    const struct kvm_cpu *kc = kcpu_of(cpu);
    struct cpu_exit *x = &cpu->exit;
    uint64_t linear = 0;
    int rc = kc->npatches != 0 ? linear_rip(cpu, &linear, err) : 0;

    if (rc < 0)
        return rc;
    *x = (struct cpu_exit){
        .kind = EXIT_REFUSED,
        .rip = rip,
        .detail = "KVM cannot emulate this instruction (KVM_INTERNAL_ERROR_EMULATION)",
    };
    if (kvm_is_our_break(cpu, linear)) {
        *x = (struct cpu_exit){ .kind = EXIT_DEBUG, .rip = rip };
        return 0;
    }
    take_insn(kc->run, x);
    if (x->ninsn == 0)
        read_insn(cpu, x);
    kvm_patch_hide(cpu, linear, x->insn, x->ninsn);
    return 0;
}

static int decode_internal_error(struct vcpu *cpu, uint64_t rip, struct vitro_err *err)
{
    static const char *const words[] = {
        [KVM_INTERNAL_ERROR_SIMUL_EX] = "KVM met an exception while it delivered another "
                                        "(KVM_INTERNAL_ERROR_SIMUL_EX)",
        [KVM_INTERNAL_ERROR_DELIVERY_EV] = "KVM could not deliver an event to the guest "
                                           "(KVM_INTERNAL_ERROR_DELIVERY_EV)",
        [KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "the CPU left the guest for a reason unknown "
                                                      "to KVM "
                                                      "(KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON)",
    };
    uint32_t sub = kcpu_of(cpu)->run->internal.suberror;

    if (sub == KVM_INTERNAL_ERROR_EMULATION)
        return decode_refused(cpu, rip, err);
    cpu->exit = (struct cpu_exit){
        .kind = EXIT_FAILED,
        .addr = sub,
        .rip = rip,
        .detail = sub < ARRAY_LEN(words) && words[sub] != NULL
                      ? words[sub]
                      : "KVM_EXIT_INTERNAL_ERROR with an unknown sub-reason",
    };
    return 0;
}

/* Exits that are what they say, with at most one number beside them. */
static struct cpu_exit plain_exit(const struct kvm_run *run, uint64_t rip)
{
    switch (run->exit_reason) {
    case KVM_EXIT_SHUTDOWN:
        return (struct cpu_exit){ .kind = EXIT_SHUTDOWN, .rip = rip };
    case KVM_EXIT_DEBUG: /* debug.arch.pc is linear: rip is not */
        return (struct cpu_exit){
            .kind = EXIT_DEBUG,
            .addr = run->debug.arch.exception == DB_VECTOR ? run->debug.arch.dr6 : 0,
            .rip = rip,
        };
    case KVM_EXIT_FAIL_ENTRY:
        return (struct cpu_exit){
            .kind = EXIT_FAILED,
            .addr = run->fail_entry.hardware_entry_failure_reason,
            .rip = rip,
            .detail = "the CPU refused the guest's state (KVM_EXIT_FAIL_ENTRY)",
        };
    case KVM_EXIT_SYSTEM_EVENT:
        return (struct cpu_exit){ .kind = EXIT_SYSTEM_EVENT,
                                  .addr = run->system_event.type,
                                  .rip = rip };
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_SET_TPR: /* a lower CR8 may let an interrupt through */
        return (struct cpu_exit){ .kind = EXIT_IRQ_WINDOW, .rip = rip };
    case KVM_EXIT_INTR:
        return (struct cpu_exit){ .kind = EXIT_KICKED };
    default:
        return (struct cpu_exit){ .kind = EXIT_FAILED,
                                  .addr = run->exit_reason,
                                  .rip = rip,
                                  .detail = kvm_exit_name(run->exit_reason) };
    }
}

int kvm_decode_exit(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_run *run = kcpu_of(cpu)->run;
    uint64_t rip;
    int rc = kvm_raw_rip(cpu, &rip, err);

    if (rc < 0)
        return rc;
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        return decode_io(cpu, rip, err);
    case KVM_EXIT_MMIO:
        return decode_mmio(cpu, rip, err);
    case KVM_EXIT_HLT:
        return decode_hlt(cpu, rip, err);
    case KVM_EXIT_INTERNAL_ERROR:
        return decode_internal_error(cpu, rip, err);
    case KVM_EXIT_X86_RDMSR:
    case KVM_EXIT_X86_WRMSR:
        kvm_irq_msr(cpu, rip);
        return 0;
    case KVM_EXIT_SHUTDOWN:
        cpu->chain.n = 0; /* KVM does not say */
        break;
    default:
        break;
    }
    cpu->exit = plain_exit(run, rip);
    return 0;
}
