/* SPDX-License-Identifier: MIT */
/* kvm_engine.c - the machine-wide part: /dev/kvm, the VM, memory slots, making vCPUs. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/kvm/kvm_priv.h"
#include "engine/kvm/kvm_remedy.h"

/* Three pages that no board puts memory under; only Intel hosts without unrestricted guests use them. */
enum { TSS_ADDR = 0xfffbd000, REMEDY = 128 };

static int open_device(struct kvm_vm *vm, struct vitro_err *err)
{
    const char *remedy = "";
    char buf[REMEDY];
    int fd = vm->sys->open(vm->sys->ctx, "/dev/kvm");

    if (fd >= 0) {
        vm->kvm_fd = fd;
        return 0;
    }
    if (fd == -ENOENT || fd == -ENODEV || fd == -ENXIO)
        remedy = "this host offers no KVM (load kvm_intel or kvm_amd, or enable virtualization in "
                 "its firmware or hypervisor)";
    else
        remedy = kvm_remedy(vm->sys, fd, buf, sizeof(buf));
    return err_class(err, VITRO_ERR_ENGINE, fd, "opening /dev/kvm: %s%s%s", strerror(-fd),
                     *remedy != '\0' ? ": " : "", remedy);
}

static bool has(struct kvm_vm *vm, unsigned long cap)
{
    return kvm_call_int(vm, vm->kvm_fd, KVM_CHECK_EXTENSION, cap, NULL) > 0;
}

/* Whatever is wrong here, the way out is another engine; the caller's own earlier error stays. */
static int blame_engine(int rc, struct vitro_err *err)
{
    if (err != NULL && err->code == rc)
        err->kind = VITRO_ERR_ENGINE;
    return rc;
}

static int need(struct kvm_vm *vm, unsigned long cap, const char *name, struct vitro_err *err)
{
    int rc = kvm_call_int(vm, vm->kvm_fd, KVM_CHECK_EXTENSION, cap, err);

    if (rc < 0)
        return blame_engine(rc, err);
    if (rc == 0)
        return err_class(err, VITRO_ERR_ENGINE, -ENODEV,
                         "/dev/kvm lacks %s: it needs Linux 4.13 or later", name);
    return 0;
}

/* The file that was opened really is KVM, and new enough. */
static int check_api(struct kvm_vm *vm, struct vitro_err *err)
{
    int version = kvm_call(vm, vm->kvm_fd, KVM_GET_API_VERSION, NULL, NULL);
    int rc;

    if (version < 0)
        return err_class(err, VITRO_ERR_ENGINE, -ENODEV,
                         "KVM_GET_API_VERSION: %s: the file at /dev/kvm is not KVM",
                         strerror(-version));
    if (version != KVM_API_VERSION)
        return err_class(err, VITRO_ERR_ENGINE, -ENODEV,
                         "KVM_GET_API_VERSION: this KVM speaks version %d, and Vitro %d", version,
                         KVM_API_VERSION);
    rc = need(vm, KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY", err);
    if (rc == 0)
        rc = need(vm, KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", err);
    if (rc < 0)
        return rc;
    vm->has_sync_regs = has(vm, KVM_CAP_SYNC_REGS);
    vm->has_sregs2 = has(vm, KVM_CAP_SREGS2);
    return 0;
}

static int create_vm(struct kvm_vm *vm, struct vitro_err *err)
{
    struct kvm_enable_cap cap = { .cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = { 1 } };
    int rc = kvm_call_int(vm, vm->kvm_fd, KVM_CREATE_VM, 0, NULL);

    if (rc < 0)
        return err_class(err, VITRO_ERR_ENGINE, rc, "KVM_CREATE_VM: %s%s", strerror(-rc),
                         rc == -EBUSY ? ": another hypervisor on this host holds the CPU's "
                                        "virtualization"
                                      : "");
    vm->vm_fd = rc;
    rc = kvm_call(vm, vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, NULL, err);
    if (rc < 0)
        return blame_engine(rc, err);
    vm->run_len = (uint32_t)rc;
    if (vm->run_len < sizeof(struct kvm_run))
        return err_class(err, VITRO_ERR_ENGINE, -ENODEV,
                         "KVM_GET_VCPU_MMAP_SIZE: %u bytes are too few for struct kvm_run (%zu)",
                         vm->run_len, sizeof(struct kvm_run));
    /* Without it a refused instruction in ring 3 is #UD to the guest, and the bytes may be missing. */
    if (has(vm, KVM_CAP_EXIT_ON_EMULATION_FAILURE))
        kvm_call(vm, vm->vm_fd, KVM_ENABLE_CAP, &cap, NULL);
    if (vm->m->lapic)
        vm->gives_msrs = kvm_irq_msrs(vm);
    /* Hosts that do not need it may refuse it: AMD's, and those with unrestricted guests. */
    kvm_call_int(vm, vm->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDR, NULL);
    return 0;
}

static void engine_close(struct machine *m)
{
    struct kvm_vm *vm = vm_of(m);

    if (vm->vm_fd >= 0)
        vm->sys->close(vm->sys->ctx, vm->vm_fd);
    if (vm->kvm_fd >= 0)
        vm->sys->close(vm->sys->ctx, vm->kvm_fd);
    kvm_slots_fini(vm);
    pthread_mutex_destroy(&vm->patch_lock);
    free(vm->msrs);
    free(vm->cpuid);
    free(vm);
    m->engine_vm[KVM_SEAT] = NULL;
}

static int engine_open(struct machine *m, struct vitro_err *err)
{
    struct kvm_vm *vm = calloc(1, sizeof(*vm));
    int rc;

    if (vm == NULL)
        return err_set(err, -ENOMEM, "opening KVM: out of memory");
    vm->sys = m->engine_arg != NULL ? m->engine_arg : &kvm_sys_real;
    vm->m = m;
    vm->kvm_fd = vm->vm_fd = -1;
    for (unsigned i = 0; i < CPUS_MAX; i++)
        vm->cpu_fd[i] = -1;
    rc = kvm_slots_init(vm, err);
    if (rc < 0) {
        free(vm);
        return rc;
    }
    pthread_mutex_init(&vm->patch_lock, NULL);
    m->engine_vm[KVM_SEAT] = vm;
    rc = open_device(vm, err);
    if (rc == 0)
        rc = check_api(vm, err);
    if (rc == 0)
        rc = create_vm(vm, err); /* MARK: kvm-create-vm */
    if (rc < 0)
        engine_close(m);
    return rc;
}

/*
 * Reads a table whose size KVM tells by -E2BIG: its first field counts the rows, which begin at `head`.
 * *out is owned by the caller.
 */
static int read_list(struct kvm_vm *vm, unsigned long request, size_t head, size_t row, void **out,
                     struct vitro_err *err)
{
    for (uint32_t n = 128; n <= 4096; n *= 2) {
        uint32_t *list = calloc(1, head + n * row);
        int rc;

        if (list == NULL)
            return err_set(err, -ENOMEM, "%s: out of memory", kvm_ioctl_name(request)->name);
        list[0] = n;
        rc = kvm_call(vm, vm->kvm_fd, request, list, NULL);
        if (rc >= 0 && list[0] <= n) {
            *out = list;
            return 0;
        }
        free(list);
        if (rc < 0 && rc != -E2BIG)
            return err_set(err, rc, "%s: %s", kvm_ioctl_name(request)->name, strerror(-rc));
    }
    return err_set(err, -E2BIG, "%s: more than 4096 rows", kvm_ioctl_name(request)->name);
}

int kvm_msr_list(struct kvm_vm *vm, const struct kvm_msr_list **out, struct vitro_err *err)
{
    void *list;
    int rc = 0;

    pthread_mutex_lock(&vm->m->lock);
    list = vm->msrs;
    if (list == NULL)
        rc = read_list(vm, KVM_GET_MSR_INDEX_LIST, offsetof(struct kvm_msr_list, indices),
                       sizeof(uint32_t), &list, err);
    *out = vm->msrs = list;
    pthread_mutex_unlock(&vm->m->lock);
    return rc;
}

static int offer_cpuid(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_vm *vm = vm_of(cpu->m);
    struct kvm_cpu *kc = kcpu_of(cpu);
    void *list = vm->cpuid;
    int rc = 0;

    if (vm->m->cpu_model != NULL) {
        if (cpu->idx == 0)
            kvm_clock_follow(vm);
        return kvm_cpuid_set(cpu, vm->m->cpu_model, err);
    }
    if (list == NULL)
        rc = read_list(vm, KVM_GET_SUPPORTED_CPUID, offsetof(struct kvm_cpuid2, entries),
                       sizeof(struct kvm_cpuid_entry2), &list, err);
    vm->cpuid = list;
    return rc < 0 ? rc : kvm_call(vm, kc->fd, KVM_SET_CPUID2, list, err);
}

static void engine_cpu_free(struct vcpu *cpu)
{
    struct kvm_vm *vm = vm_of(cpu->m);
    struct kvm_cpu *kc = kcpu_of(cpu);

    if (kc->run != NULL)
        vm->sys->munmap(vm->sys->ctx, kc->run, vm->run_len);
    vm->cpu_fd[cpu->idx] = -1;
    if (kc->fd >= 0)
        vm->sys->close(vm->sys->ctx, kc->fd);
    free(kc);
    cpu->engine_cpu[KVM_SEAT] = NULL;
}

static int engine_cpu_new(struct vcpu *cpu, struct vitro_err *err)
{
    struct kvm_vm *vm = vm_of(cpu->m);
    struct kvm_cpu *kc = calloc(1, sizeof(*kc));
    int rc;

    if (kc == NULL)
        return err_set(err, -ENOMEM, "making CPU %u: out of memory", cpu->idx);
    cpu->engine_cpu[KVM_SEAT] = kc;
    rc = kc->fd = kvm_call_int(vm, vm->vm_fd, KVM_CREATE_VCPU, cpu->idx, err); /* MARK: kvm-vcpu */
    if (rc < 0)
        goto fail;
    vm->cpu_fd[cpu->idx] = kc->fd;
    kc->run = vm->sys->mmap(vm->sys->ctx, kc->fd, vm->run_len); /* MARK: kvm-run-area */
    if (kc->run == NULL) {
        rc = err_set(err, -ENOMEM, "mapping the run area of CPU %u (%u bytes): the host refused",
                     cpu->idx, vm->run_len);
        goto fail;
    }
    if (vm->has_sync_regs)
        kc->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
    rc = cpu->m->cpuid ? offer_cpuid(cpu, err) : 0;
    if (rc < 0)
        goto fail;
    return 0;
fail:
    engine_cpu_free(cpu);
    return rc;
}

static void engine_run_area(const struct vcpu *cpu, struct run_area *out)
{
    const struct kvm_cpu *kc = kcpu_of(cpu);

    *out = (struct run_area){
        .host = kc->run,
        .len = vm_of(cpu->m)->run_len,
        .io_offset = kc->run->exit_reason == KVM_EXIT_IO ? kc->run->io.data_offset : 0,
        .what = "struct kvm_run, mapped from the vCPU's file descriptor",
    };
}

const struct engine_ops kvm_engine = {
    .name = "kvm",
    .seat = KVM_SEAT,
    .open = engine_open,
    .close = engine_close,
    .mem_added = kvm_mem_added,
    .mem_refresh = kvm_mem_refresh,
    .cpu_new = engine_cpu_new,
    .cpu_free = engine_cpu_free,
    .run = kvm_run_cpu,
    .drain = kvm_drain,
    .kick = kvm_kick,
    .get = kvm_get_state,
    .set = kvm_set_state,
    .debug = kvm_set_debug,
    .run_area = engine_run_area,
    .peek = kvm_peek,
};
