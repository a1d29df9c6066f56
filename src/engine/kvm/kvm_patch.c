/* SPDX-License-Identifier: MIT */
/*
 * kvm_patch.c - execution breakpoints as 0xCC bytes in guest memory
 *
 * A byte is there only while a vCPU that wants it is in the guest, so that no view of a stopped machine
 * sees one. vCPUs share the memory and so the bytes: the first in writes one, the last out restores it.
 *
 * GAP: with several vCPUs, a device or the guest itself can read a breakpoint's 0xCC byte while another
 * vCPU runs. A vCPU that goes on from a breakpoint leaves its own byte out, but not that of another vCPU:
 * it is stopped there again, or refused where this KVM refuses INT3. Debug registers have neither flaw.
 */
#include "engine/kvm/kvm_priv.h"
#include "core/mem_phys.h"
#include "x86/walk.h"

enum { INT3 = 0xcc };

/* The byte behind a guest-linear address, where one can be written. */
static uint8_t *byte_at(struct vcpu *cpu, const struct x86_state *state, uint64_t linear,
                        gpa_t *gpa)
{
    struct x86_phys phys = mem_phys(&cpu->m->mem);
    struct x86_paging_regs regs;
    struct x86_walk walk;

    x86_paging_regs_from(state, 52, &regs);
    x86_walk(&regs, &phys, linear, &walk);
    *gpa = walk.gpa;
    return walk.end == X86_WALK_MAPPED ? mem_host(&cpu->m->mem, walk.gpa, 1, true) : NULL;
}

bool kvm_can_patch(struct vcpu *cpu, const struct x86_state *state, uint64_t linear)
{
    gpa_t gpa;

    return byte_at(cpu, state, linear, &gpa) != NULL;
}

/* The row of a patched byte, or a free one; under patch_lock. There is one for every breakpoint. */
static struct kvm_patch_row *row_of(struct kvm_vm *vm, gpa_t gpa)
{
    struct kvm_patch_row *spare = NULL;

    for (unsigned i = 0; i < PATCHES_MAX; i++) {
        if (vm->patch[i].users != 0 && vm->patch[i].gpa == gpa)
            return &vm->patch[i];
        if (vm->patch[i].users == 0 && spare == NULL)
            spare = &vm->patch[i];
    }
    return spare;
}

/* What cannot be written now (not mapped, ROM) is left out, and tried again at the next entry. */
void kvm_patch_in(struct vcpu *cpu, const struct x86_state *state, uint64_t linear)
{
    struct kvm_vm *vm = vm_of(cpu->m);
    struct kvm_cpu *kc = kcpu_of(cpu);
    struct kvm_patch_row *row;
    uint8_t *byte;
    gpa_t gpa;

    byte = byte_at(cpu, state, linear, &gpa);
    if (byte == NULL || kc->npatches == BREAKS_MAX)
        return;
    pthread_mutex_lock(&vm->patch_lock);
    row = row_of(vm, gpa);
    if (row->users++ == 0) {
        row->gpa = gpa;
        row->old = __atomic_load_n(byte, __ATOMIC_RELAXED);
        __atomic_store_n(byte, INT3, __ATOMIC_RELAXED);
    }
    kc->patch[kc->npatches++] = (struct kvm_patch){ .linear = linear, .gpa = gpa, .old = row->old };
    kc->patched = true;
    pthread_mutex_unlock(&vm->patch_lock);
}

void kvm_patch_out(struct vcpu *cpu)
{
    struct kvm_vm *vm = vm_of(cpu->m);
    struct kvm_cpu *kc = kcpu_of(cpu);

    if (!kc->patched)
        return;
    kc->patched = false;
    pthread_mutex_lock(&vm->patch_lock);
    for (unsigned i = 0; i < kc->npatches; i++) {
        struct kvm_patch_row *row = row_of(vm, kc->patch[i].gpa);
        uint8_t *byte = mem_host(&cpu->m->mem, row->gpa, 1, true);

        if (--row->users == 0 && __atomic_load_n(byte, __ATOMIC_RELAXED) == INT3)
            __atomic_store_n(byte, row->old,
                             __ATOMIC_RELAXED); /* else the guest has overwritten it */
    }
    pthread_mutex_unlock(&vm->patch_lock);
}

void kvm_patch_hide(const struct vcpu *cpu, uint64_t linear, uint8_t *bytes, unsigned len)
{
    const struct kvm_cpu *kc = kcpu_of(cpu);

    for (unsigned i = 0; i < kc->npatches; i++) {
        uint64_t at = kc->patch[i].linear - linear;

        if (at < len)
            bytes[at] = kc->patch[i].old;
    }
}

bool kvm_is_our_break(const struct vcpu *cpu, uint64_t linear)
{
    const struct kvm_cpu *kc = kcpu_of(cpu);

    for (unsigned i = 0; i < kc->npatches; i++) {
        if (kc->patch[i].linear == linear)
            return true;
    }
    return false;
}
