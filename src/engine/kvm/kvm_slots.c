/* SPDX-License-Identifier: MIT */
/*
 * kvm_slots.c - memory slots: laid under the guest once, and taken away and laid again to be forgotten
 *
 * A KVM that shadows the guest's page tables does not see what others write to them. Without a slot it has
 * nothing to keep, so dropping all slots and adding them again makes it read the tables anew; loading CR3
 * once more is not enough on every host. Source: "KVM_SET_USER_MEMORY_REGION" in the API document.
 *
 * No vCPU may be in the guest meanwhile: it would find no memory. With one vCPU that is so by itself.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "engine/kvm/kvm_priv.h"

enum { KICK_AGAIN_NS = 2000000 };

int kvm_slots_init(struct kvm_vm *vm, struct vitro_err *err)
{
    pthread_rwlockattr_t attr;
    int rc;

    pthread_rwlockattr_init(&attr);
    /* Who leaves the guest must not come in again before the one that waits for all to be out. */
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    rc = pthread_rwlock_init(&vm->slots_lock, &attr);
    pthread_rwlockattr_destroy(&attr);
    return rc == 0 ? 0 : err_set(err, -rc, "opening KVM: making a lock: %s", strerror(rc));
}

void kvm_slots_fini(struct kvm_vm *vm)
{
    pthread_rwlock_destroy(&vm->slots_lock);
}

int kvm_mem_added(struct machine *m, const struct mem_slot *slot, struct vitro_err *err)
{
    struct kvm_vm *vm = vm_of(m);
    struct kvm_userspace_memory_region *region = &vm->slot[vm->nslots];
    int rc;

    *region = (struct kvm_userspace_memory_region){
        .slot = vm->nslots,
        .flags = slot->kind == MEM_ROM ? KVM_MEM_READONLY : 0,
        .guest_phys_addr = slot->base,
        .memory_size = slot->len,
        .userspace_addr = (uintptr_t)slot->host,
    };
    rc = kvm_call(vm, vm->vm_fd, KVM_SET_USER_MEMORY_REGION, region, err); /* MARK: kvm-mem-slot */
    if (rc == 0)
        vm->nslots++;
    return rc;
}

/* Gets all vCPUs out of the guest and keeps them out until slots_lock is given back. */
static void empty_guest(struct machine *m)
{
    struct timespec until;
    int rc;

    do {
        for (unsigned i = 0; i < m->ncpus; i++)
            vcpu_kick(m->cpu[i]);
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += KICK_AGAIN_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        rc = pthread_rwlock_clockwrlock(&vm_of(m)->slots_lock, CLOCK_MONOTONIC, &until);
    } while (rc == ETIMEDOUT);
}

static int lay_again(struct kvm_vm *vm, struct vitro_err *err)
{
    int rc = 0;

    for (uint32_t i = 0; i < vm->nslots && rc == 0; i++) {
        struct kvm_userspace_memory_region none = vm->slot[i];

        none.memory_size = 0;
        rc = kvm_call(vm, vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &none, err);
        if (rc == 0)
            rc = kvm_call(vm, vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &vm->slot[i], err);
    }
    return rc;
}

int kvm_mem_refresh(struct machine *m, struct vitro_err *err)
{
    struct kvm_vm *vm = vm_of(m);
    int rc;

    if (m->ncpus == 1)
        return lay_again(vm, err);
    empty_guest(m);
    rc = lay_again(vm, err);
    pthread_rwlock_unlock(&vm->slots_lock);
    return rc;
}
