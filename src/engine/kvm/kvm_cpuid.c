/* SPDX-License-Identifier: MIT */
/*
 * kvm_cpuid.c - the guest's CPUID: from the machine's model to KVM, and what KVM supports
 *
 * Source: "KVM_GET_SUPPORTED_CPUID", "KVM_SET_CPUID2" in the API document. What follows registers (OSXSAVE, sizes
 * of XSAVE areas) KVM fills in itself.
 */
#include "engine/kvm/kvm_cpuid.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/kvm/kvm_priv.h"

enum { ROWS = 256 };

/* Of leaf 1, ecx: x2APIC and the TSC deadline, which are MSRs. */
static const uint32_t apic_msrs = BIT(21) | BIT(24);

static struct kvm_cpuid2 *new_list(uint32_t rows)
{
    struct kvm_cpuid2 *list = calloc(1, sizeof(*list) + rows * sizeof(list->entries[0]));

    if (list != NULL)
        list->nent = rows;
    return list;
}

int kvm_cpuid_read(const struct kvm_sys *sys, struct kvm_cpuid2 **out)
{
    int fd, rc;

    if (sys == NULL)
        sys = &kvm_sys_real;
    fd = sys->open(sys->ctx, "/dev/kvm");
    if (fd < 0)
        return fd;
    *out = new_list(ROWS);
    rc = *out != NULL ? sys->ioctl(sys->ctx, fd, KVM_GET_SUPPORTED_CPUID, *out) : -ENOMEM;
    sys->close(sys->ctx, fd);
    if (rc < 0 || (*out)->nent > ROWS) {
        free(*out);
        *out = NULL;
        return rc < 0 ? rc : -E2BIG;
    }
    return 0;
}

bool kvm_cpuid_has(const struct kvm_cpuid2 *list, const struct x86_feature_place *at)
{
    for (uint32_t i = 0; i < list->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &list->entries[i];
        const uint32_t reg[] = { e->eax, e->ebx, e->ecx, e->edx };

        if (e->function == at->leaf &&
            (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == at->subleaf))
            return reg[at->reg] >> at->bit & 1;
    }
    return false;
}

int kvm_cpuid_set(struct vcpu *cpu, const struct x86_cpuid_model *model, struct vitro_err *err)
{
    const struct x86_state reset = { .apic_base = 0x900 }; /* enabled: KVM hides the bit itself */
    struct kvm_vm *vm = vm_of(cpu->m);
    struct kvm_cpuid2 *list = new_list(model->nleaves);
    int rc;

    if (list == NULL)
        return err_set(err, -ENOMEM, "CPUID of CPU %u: out of memory", cpu->idx);
    for (uint32_t i = 0; i < list->nent; i++) {
        const struct x86_cpuid_leaf *leaf = &model->leaf[i];
        struct x86_cpuid_regs r;

        x86_cpuid(model, &reset, cpu->idx, leaf->leaf, leaf->subleaf, &r);
        if (leaf->leaf == 1 && !vm->gives_msrs)
            r.ecx &= ~apic_msrs;
        list->entries[i] = (struct kvm_cpuid_entry2){
            .function = leaf->leaf,
            .index = leaf->subleaf,
            .flags = x86_cpuid_has_subleaves(leaf->leaf) ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
            .eax = r.eax,
            .ebx = r.ebx,
            .ecx = r.ecx,
            .edx = r.edx,
        };
    }
    rc = kvm_call(vm, kcpu_of(cpu)->fd, KVM_SET_CPUID2, list, err);
    free(list);
    return rc < 0 ? rc : 0;
}

void kvm_clock_follow(struct kvm_vm *vm)
{
    struct kvm_clock_data clock = { .clock = clock_ns(&vm->m->clock) };

    kvm_call(vm, vm->vm_fd, KVM_SET_CLOCK, &clock, NULL); /* as well as this KVM can */
}
