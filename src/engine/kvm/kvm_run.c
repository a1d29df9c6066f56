/* SPDX-License-Identifier: MIT */
/*
 * kvm_run.c - into the guest and out again: KVM_RUN, kicks, and finishing an access
 *
 * KVM answers a port or memory access in two halves: the first KVM_RUN returns with the request, the
 * next one takes the answer from the run area and goes on ("KVM_EXIT_MMIO" in the API document).
 */
#include <errno.h>
#include <string.h>

#include "engine/kvm/kvm_priv.h"

/*
 * A kick must not be lost between our clearing immediate_exit and the next KVM_RUN. The kicker stores
 * `kicked` first and immediate_exit second; we clear in the other order, so the worst that a race
 * leaves behind is one needless EXIT_KICKED.
 */
void kvm_kick(struct vcpu *cpu)
{
    struct kvm_cpu *kc = kcpu_of(cpu);

    atomic_store(&kc->kicked, true);
    __atomic_store_n(&kc->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
}

static void take_kick(struct kvm_cpu *kc)
{
    __atomic_store_n(&kc->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    atomic_store(&kc->kicked, false);
}

/* KVM_RUN: 0 or a negative errno. The slots stay as they are meanwhile (kvm_slots.c). */
static int run_guest(struct vcpu *cpu)
{
    struct kvm_vm *vm = vm_of(cpu->m);
    bool others = cpu->m->ncpus > 1;
    int rc;

    if (others)
        pthread_rwlock_rdlock(&vm->slots_lock);
    rc = kvm_call(vm, kcpu_of(cpu)->fd, KVM_RUN, NULL, NULL); /* MARK: kvm-run */
    kcpu_of(cpu)->ran = true;
    if (others)
        pthread_rwlock_unlock(&vm->slots_lock);
    return rc;
}

/*
 * KVM takes the answer first and only then looks at immediate_exit, so this never enters the guest. It
 * returns EINTR when the instruction is over, and 0 when that brought a further exit: the second half of a
 * read-modify-write, the next 8 bytes of a wide access, or the trap of a single step.
 */
int kvm_finish(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    int rc;

    __atomic_store_n(&kc->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    rc = run_guest(cpu);
    __atomic_store_n(&kc->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    if (atomic_load(&kc->kicked))
        __atomic_store_n(&kc->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    kc->held = rc >= 0;
    if (rc >= 0 || rc == -EINTR || rc == -EAGAIN)
        return 0;
    return err_set(err, rc, "KVM_RUN on CPU %u, to finish an access: %s", cpu->idx, strerror(-rc));
}

int kvm_complete(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_access *a = &kcpu_of(cpu)->access;

    if (kcpu_of(cpu)->msr_open) {
        kcpu_of(cpu)->msr_open = false;
        return kvm_finish(cpu, err);
    }
    if (a->data == NULL)
        return 0;
    if (a->width != 0 && !a->write) {
        if (!cpu->answered)
            return 0;
        kvm_take_answer(cpu);
    }
    if (a->done + a->width < a->item_len || a->item + 1 < a->nitems)
        return 0; /* in the middle of a string: the state is that before the rest of it */
    a->data = NULL;
    return a->finished ? 0 : kvm_finish(cpu, err);
}

int kvm_drain(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    int rc = 0;

    if (kc->access.data != NULL) {
        kvm_take_answer(cpu);
        if (kvm_next_piece(cpu))
            return 1;
        if (!kc->access.finished)
            rc = kvm_finish(cpu, err);
    }
    if (kc->msr_open)
        rc = kvm_complete(cpu, err);
    if (rc < 0 || !kc->held)
        return rc;
    kc->held = false;
    if (kc->run->exit_reason == KVM_EXIT_DEBUG)
        return 0; /* the trap of a single step: nobody waits for it any more */
    rc = kvm_decode_exit(cpu, err);
    return rc < 0 ? rc : 1;
}

int kvm_enter(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    int rc = kvm_irq_enter(cpu, err);

    if (rc < 0)
        return rc;
    kc->msr_open = false;
    rc = run_guest(cpu);
    kvm_irq_leave(cpu);
    if (rc >= 0)
        return 1;
    if (rc == -EINTR || rc == -EAGAIN) {
        take_kick(kc);
        cpu->exit = (struct cpu_exit){ .kind = EXIT_KICKED };
        return 0;
    }
    return err_set(err, rc, "KVM_RUN on CPU %u: %s: the host's KVM gave up on this CPU", cpu->idx,
                   strerror(-rc));
}

int kvm_run_cpu(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_cpu *kc = kcpu_of(cpu);
    int rc;

    if (kc->access.data != NULL) {
        kvm_take_answer(cpu);
        if (kvm_next_piece(cpu))
            return 0;
    }
    if (kc->debug_on)
        return kvm_debug_run(cpu, err);
    if (kc->held) {
        kc->held = false;
        return kvm_decode_exit(cpu, err);
    }
    rc = kvm_enter(cpu, err);
    return rc > 0 ? kvm_decode_exit(cpu, err) : rc;
}
