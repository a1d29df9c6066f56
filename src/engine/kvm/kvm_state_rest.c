/* SPDX-License-Identifier: MIT */
/*
 * kvm_state_rest.c - the registers that only whole states need: debug, MSRs, XSAVE, APIC, events
 *
 * Only what KVM offers is read and written; MSRs are those of KVM_GET_MSR_INDEX_LIST that this host can
 * really read. Every KVM with immediate exit (Linux 4.13) has KVM_GET_DEBUGREGS, KVM_GET_VCPU_EVENTS,
 * KVM_GET_XSAVE and KVM_GET_MP_STATE, so these are not asked for as capabilities.
 *
 * GAP: a state holds X86_MSR_MAX MSRs; what a KVM lists beyond them is not read.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "engine/kvm/kvm_priv.h"

/* Room for as many entries as a state has. */
union msr_batch {
    struct kvm_msrs head;
    uint8_t room[sizeof(struct kvm_msrs) + X86_MSR_MAX * sizeof(struct kvm_msr_entry)];
};

/* Reads every MSR of the list; those that this host lists but cannot read are left out. */
static int get_msrs(struct vcpu *cpu, struct x86_state *out, struct vitro_err *err)
{
    struct kvm_vm *vm = vm_of(cpu->m);
    const struct kvm_msr_list *list;
    union msr_batch batch = { .room = { 0 } };
    uint32_t at = 0;
    int rc = kvm_msr_list(vm, &list, err);

    out->nmsrs = 0;
    if (rc < 0)
        return rc;
    while (at < list->nmsrs && out->nmsrs < X86_MSR_MAX) {
        uint32_t room = X86_MSR_MAX - out->nmsrs;
        uint32_t n = list->nmsrs - at < room ? list->nmsrs - at : room;
        int got;

        batch.head.nmsrs = n;
        for (uint32_t i = 0; i < n; i++)
            batch.head.entries[i].index = list->indices[at + i];
        got = kvm_call(vm, kcpu_of(cpu)->fd, KVM_GET_MSRS, &batch, err);
        if (got < 0)
            return got;
        for (int i = 0; i < got; i++)
            out->msr[out->nmsrs++] =
                (struct x86_msr){ batch.head.entries[i].index, batch.head.entries[i].data };
        at += (uint32_t)got + 1; /* KVM stops at the first MSR it cannot read: step over it */
    }
    return 0;
}

/*
 * A TSC within a second of what it would have been is taken for an attempt to synchronize CPUs, and KVM keeps
 * its own; a value far away first makes it take the one that is meant.
 */
static void unsettle_tsc(struct vcpu *cpu, const struct x86_state *in)
{
    const uint64_t far = BIT(44); /* more than an hour of ticks */
    union msr_batch batch = { .head.nmsrs = 1 };

    for (uint32_t i = 0; i < in->nmsrs; i++) {
        if (in->msr[i].index != X86_MSR_TSC)
            continue;
        batch.head.entries[0] =
            (struct kvm_msr_entry){ .index = X86_MSR_TSC, .data = in->msr[i].value + far };
        kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_SET_MSRS, &batch, NULL);
    }
}

/* KVM stops at the first MSR it refuses. One that already has the value is read-only: no loss. */
static int set_msrs(struct vcpu *cpu, const struct x86_state *in, struct vitro_err *err)
{
    struct kvm_vm *vm = vm_of(cpu->m);
    int fd = kcpu_of(cpu)->fd;
    union msr_batch batch = { .room = { 0 } };

    unsettle_tsc(cpu, in);
    for (uint32_t at = 0; at < in->nmsrs;) {
        uint32_t n = in->nmsrs - at;
        int done;

        batch.head.nmsrs = n;
        for (uint32_t i = 0; i < n; i++)
            batch.head.entries[i] = (struct kvm_msr_entry){ .index = in->msr[at + i].index,
                                                            .data = in->msr[at + i].value };
        done = kvm_call(vm, fd, KVM_SET_MSRS, &batch, err);
        if (done < 0)
            return done;
        at += (uint32_t)done;
        if (at == in->nmsrs)
            break;
        batch.head.nmsrs = 1;
        batch.head.entries[0] = (struct kvm_msr_entry){ .index = in->msr[at].index };
        if (kvm_call(vm, fd, KVM_GET_MSRS, &batch, NULL) != 1 ||
            batch.head.entries[0].data != in->msr[at].value)
            return err_set(err, -EINVAL, "KVM_SET_MSRS: MSR 0x%x does not take 0x%" PRIx64,
                           in->msr[at].index, in->msr[at].value);
        at++;
    }
    return 0;
}

static int get_xsave(struct vcpu *cpu, struct x86_state *out, struct vitro_err *err)
{
    struct kvm_vm *vm = vm_of(cpu->m);
    struct kvm_cpu *kc = kcpu_of(cpu);
    int size = kvm_call_int(vm, vm->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2, NULL);
    unsigned long request = size > (int)sizeof(struct kvm_xsave) ? KVM_GET_XSAVE2 : KVM_GET_XSAVE;

    if (size < (int)sizeof(struct kvm_xsave))
        size = sizeof(struct kvm_xsave);
    if (size > X86_XSAVE_MAX)
        return err_set(err, -E2BIG, "KVM_GET_XSAVE2: %d bytes, more than Vitro keeps (%d)", size,
                       X86_XSAVE_MAX);
    out->xsave_len = (uint32_t)size;
    return kvm_call(vm, kc->fd, request, out->xsave, err);
}

static int get_events(struct vcpu *cpu, struct x86_state *out, struct vitro_err *err)
{
    struct kvm_vcpu_events k = { 0 };
    int rc = kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_GET_VCPU_EVENTS, &k, err);

    out->events = (struct x86_events){
        .exception_injected = k.exception.injected,
        .exception_pending = k.exception.pending,
        .exception_has_error = k.exception.has_error_code,
        .exception_has_payload = k.exception_has_payload,
        .exception_vector = k.exception.nr,
        .exception_error = k.exception.error_code,
        .exception_payload = k.exception_payload,
        .interrupt_injected = k.interrupt.injected,
        .interrupt_soft = k.interrupt.soft,
        .interrupt_vector = k.interrupt.nr,
        .shadow = k.interrupt.shadow,
        .nmi_injected = k.nmi.injected,
        .nmi_pending = k.nmi.pending,
        .nmi_masked = k.nmi.masked,
        .triple_fault_pending = k.triple_fault.pending,
    };
    return rc;
}

static int set_events(struct vcpu *cpu, const struct x86_state *in, struct vitro_err *err)
{
    const struct x86_events *e = &in->events;
    struct kvm_vcpu_events k = {
        .flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW,
        .exception = { .injected = e->exception_injected,
                       .nr = e->exception_vector,
                       .has_error_code = e->exception_has_error,
                       .pending = e->exception_pending,
                       .error_code = e->exception_error },
        .exception_has_payload = e->exception_has_payload,
        .exception_payload = e->exception_payload,
        .interrupt = { .injected = e->interrupt_injected,
                       .nr = e->interrupt_vector,
                       .soft = e->interrupt_soft,
                       .shadow = e->shadow },
        .nmi = { .injected = e->nmi_injected, .pending = e->nmi_pending, .masked = e->nmi_masked },
    };

    return kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_SET_VCPU_EVENTS, &k, err);
}

static int get_debugregs(struct vcpu *cpu, struct x86_state *out, struct vitro_err *err)
{
    struct kvm_debugregs k = { 0 };
    int rc = kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_GET_DEBUGREGS, &k, err);

    memcpy(out->dr, k.db, sizeof(out->dr));
    out->dr6 = k.dr6;
    out->dr7 = k.dr7;
    return rc;
}

static int set_debugregs(struct vcpu *cpu, const struct x86_state *in, struct vitro_err *err)
{
    struct kvm_debugregs k = { .dr6 = in->dr6, .dr7 = in->dr7 };

    memcpy(k.db, in->dr, sizeof(k.db));
    return kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_SET_DEBUGREGS, &k, err);
}

static const struct {
    uint32_t kvm;
    enum x86_activity activity;
} activities[] = {
    { KVM_MP_STATE_RUNNABLE, X86_RUNNING },
    { KVM_MP_STATE_HALTED, X86_HALTED },
    { KVM_MP_STATE_UNINITIALIZED, X86_WAIT_INIT },
    { KVM_MP_STATE_INIT_RECEIVED, X86_WAIT_SIPI },
};

static int get_activity(struct vcpu *cpu, struct x86_state *out, struct vitro_err *err)
{
    struct kvm_mp_state k = { 0 };
    int rc = kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_GET_MP_STATE, &k, err);

    out->activity = X86_RUNNING;
    for (size_t i = 0; i < ARRAY_LEN(activities); i++) {
        if (activities[i].kvm == k.mp_state)
            out->activity = activities[i].activity;
    }
    return rc;
}

static int set_activity(struct vcpu *cpu, const struct x86_state *in, struct vitro_err *err)
{
    struct kvm_mp_state k = { .mp_state = KVM_MP_STATE_RUNNABLE };

    for (size_t i = 0; i < ARRAY_LEN(activities); i++) {
        if (activities[i].activity == in->activity)
            k.mp_state = activities[i].kvm;
    }
    return kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_SET_MP_STATE, &k, err);
}

/* XCR0, where this KVM has it for this vCPU; KVM answers with no rows when CPUID offers no XSAVE. */
static void get_xcr0(struct vcpu *cpu, struct x86_state *out)
{
    struct kvm_xcrs k = { 0 };
    int rc = kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_GET_XCRS, &k, NULL);

    out->xcr0 = rc == 0 && k.nr_xcrs > 0 ? k.xcrs[0].value : 0;
}

static int set_xcr0(struct vcpu *cpu, const struct x86_state *in, struct vitro_err *err)
{
    struct kvm_xcrs k = { .nr_xcrs = 1, .xcrs = { { .xcr = 0, .value = in->xcr0 } } };

    return kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_SET_XCRS, &k, err);
}

/* The local APIC, and what the vCPU waits for, are the machine's own; a bare one has none. */
static void get_lapic(struct vcpu *cpu, struct x86_state *out)
{
    out->lapic_valid = cpu->intc.ops != NULL;
    if (!out->lapic_valid)
        return;
    out->activity = cpu->activity;
    pthread_mutex_lock(&cpu->m->lock);
    cpu->intc.ops->get(cpu->intc.ctx, out->lapic);
    pthread_mutex_unlock(&cpu->m->lock);
}

static void set_lapic(struct vcpu *cpu, const struct x86_state *in)
{
    static_assert((int)INTC_REGS_BYTES == (int)X86_LAPIC_BYTES, "one block of registers");
    cpu->activity = in->activity;
    if (!in->lapic_valid)
        return;
    pthread_mutex_lock(&cpu->m->lock);
    cpu->intc.ops->set(cpu->intc.ctx, in->lapic);
    pthread_mutex_unlock(&cpu->m->lock);
}

int kvm_get_rest(struct vcpu *cpu, struct x86_state *out, struct vitro_err *err)
{
    int rc = get_debugregs(cpu, out, err);

    if (rc == 0)
        rc = get_msrs(cpu, out, err);
    if (rc == 0)
        rc = get_xsave(cpu, out, err);
    if (rc == 0)
        rc = get_events(cpu, out, err);
    if (rc == 0)
        rc = get_activity(cpu, out, err);
    get_xcr0(cpu, out);
    get_lapic(cpu, out);
    return rc;
}

/* XCR0 before XSAVE, so that its components are enabled; events last, as other loads may cancel them. */
int kvm_set_rest(struct vcpu *cpu, const struct x86_state *in, struct vitro_err *err)
{
    int rc = in->xcr0 != 0 ? set_xcr0(cpu, in, err) : 0;

    if (rc == 0 && in->xsave_len != 0) {
        union {
            const uint8_t *in;
            void *out;
        } area = { .in = in->xsave }; /* KVM_SET_XSAVE only reads it */

        rc = kvm_call(vm_of(cpu->m), kcpu_of(cpu)->fd, KVM_SET_XSAVE, area.out, err);
    }
    if (rc == 0)
        rc = set_msrs(cpu, in, err);
    if (rc == 0)
        rc = set_debugregs(cpu, in, err);
    if (rc == 0 && cpu->intc.ops != NULL)
        set_lapic(cpu, in);
    else if (rc == 0)
        rc = set_activity(cpu, in, err);
    if (rc == 0)
        rc = set_events(cpu, in, err);
    return rc;
}
