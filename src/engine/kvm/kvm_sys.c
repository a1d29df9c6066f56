/* SPDX-License-Identifier: MIT */
/* kvm_sys.c - the system calls of the engine, their names, and the events about them. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/kvm/kvm_priv.h"
#include "engine/kvm/kvm_remedy.h"

/* A signal is delivered once; a call that says EINTR for ever is broken, and must not hang us. */
enum { EINTR_MAX = 1000 };

static int real_open(void *ctx, const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);

    (void)ctx;
    return fd < 0 ? -errno : fd;
}

static int real_ioctl(void *ctx, int fd, unsigned long request, void *arg)
{
    int rc = ioctl(fd, request, arg);

    (void)ctx;
    return rc < 0 ? -errno : rc;
}

static void *real_mmap(void *ctx, int fd, uint64_t len)
{
    void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    (void)ctx;
    return at == MAP_FAILED ? NULL : at;
}

static void real_munmap(void *ctx, void *at, uint64_t len)
{
    (void)ctx;
    munmap(at, len);
}

static void real_close(void *ctx, int fd)
{
    (void)ctx;
    close(fd);
}

const struct kvm_sys kvm_sys_real = {
    .open = real_open,
    .ioctl = real_ioctl,
    .mmap = real_mmap,
    .munmap = real_munmap,
    .close = real_close,
    .look = kvm_file_look,
};

#define NAME(req, object, text) \
    {                           \
        req, #req, object, text \
    }
static const struct kvm_ioctl_name names[] = {
    NAME(KVM_RUN, "vcpu", "give the CPU to the guest until the monitor is needed"),
    NAME(KVM_GET_API_VERSION, "/dev/kvm", "is this the stable KVM interface (12)"),
    NAME(KVM_CHECK_EXTENSION, "/dev/kvm", "is an optional part of the interface there"),
    NAME(KVM_CREATE_VM, "/dev/kvm", "make an empty virtual machine: no memory, no CPU"),
    NAME(KVM_GET_VCPU_MMAP_SIZE, "/dev/kvm", "how large is the area shared with each vCPU"),
    NAME(KVM_GET_SUPPORTED_CPUID, "/dev/kvm", "which CPU features can guests be shown"),
    NAME(KVM_GET_MSR_INDEX_LIST, "/dev/kvm", "which model-specific registers can be saved"),
    NAME(KVM_SET_TSS_ADDR, "vm", "reserve three pages that some Intel hosts need for real mode"),
    NAME(KVM_ENABLE_CAP, "vm", "switch an optional behaviour on"),
    NAME(KVM_SET_USER_MEMORY_REGION, "vm", "lay host memory under a guest-physical range"),
    NAME(KVM_CREATE_VCPU, "vm", "make a virtual CPU"),
    NAME(KVM_SET_CLOCK, "vm", "let the guest's KVM clock begin with the machine's"),
    NAME(KVM_SET_CPUID2, "vcpu", "what the guest's CPUID instruction answers"),
    NAME(KVM_GET_REGS, "vcpu", "read general registers, rip, rflags"),
    NAME(KVM_SET_REGS, "vcpu", "write general registers, rip, rflags"),
    NAME(KVM_GET_SREGS, "vcpu", "read segments, tables and control registers"),
    NAME(KVM_SET_SREGS, "vcpu", "write segments, tables and control registers: the CPU's mode"),
    NAME(KVM_GET_SREGS2, "vcpu", "read segments, tables, control registers and PAE pointers"),
    NAME(KVM_SET_SREGS2, "vcpu", "write segments, tables, control registers: the CPU's mode"),
    NAME(KVM_GET_MSRS, "vcpu", "read model-specific registers"),
    NAME(KVM_SET_MSRS, "vcpu", "write model-specific registers"),
    NAME(KVM_GET_XSAVE, "vcpu", "read x87, SSE and AVX registers"),
    NAME(KVM_GET_XSAVE2, "vcpu", "read x87, SSE and AVX registers"),
    NAME(KVM_SET_XSAVE, "vcpu", "write x87, SSE and AVX registers"),
    NAME(KVM_GET_XCRS, "vcpu", "read XCR0"),
    NAME(KVM_SET_XCRS, "vcpu", "write XCR0"),
    NAME(KVM_GET_DEBUGREGS, "vcpu", "read debug registers"),
    NAME(KVM_SET_DEBUGREGS, "vcpu", "write debug registers"),
    NAME(KVM_GET_VCPU_EVENTS, "vcpu", "read exceptions and interrupts in flight"),
    NAME(KVM_SET_VCPU_EVENTS, "vcpu", "write exceptions and interrupts in flight"),
    NAME(KVM_GET_MP_STATE, "vcpu", "is the CPU running or halted"),
    NAME(KVM_SET_MP_STATE, "vcpu", "make the CPU running or halted"),
    NAME(KVM_GET_LAPIC, "vcpu", "read the local APIC that KVM emulates"),
    NAME(KVM_SET_LAPIC, "vcpu", "write the local APIC that KVM emulates"),
    NAME(KVM_SET_GUEST_DEBUG, "vcpu", "single step and breakpoints"),
};

const struct kvm_ioctl_name *kvm_ioctl_name(unsigned long request)
{
    static const struct kvm_ioctl_name unknown = { 0, "ioctl", "?", "?" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (names[i].request == request)
            return &names[i];
    }
    return &unknown;
}

#define CAP(name, text)                                                        \
    {                                                                          \
        KVM_CAP_##name, "KVM_CAP_" #name ": " text, "switch on KVM_CAP_" #name \
    }
/* The optional parts of the interface that the engine asks for, and what they give it. */
static const struct cap_row {
    unsigned long cap;
    const char *ask, *enable;
} caps[] = {
    CAP(USER_MEMORY, "guest memory is the monitor's own memory"),
    CAP(IMMEDIATE_EXIT, "a run that comes back at once"),
    CAP(SYNC_REGS, "exits leave registers in the run area"),
    CAP(SREGS2, "control registers with PAE pointers"),
    CAP(XSAVE2, "XSAVE areas larger than 4 KiB; how large"),
    CAP(EXIT_ON_EMULATION_FAILURE, "it shows what it refuses"),
};

/* What a call is for: of one about a capability, that capability's line. */
static const char *meaning_of(unsigned long request, const void *arg)
{
    unsigned long cap = (uintptr_t)arg;

    if (request == KVM_ENABLE_CAP)
        cap = ((const struct kvm_enable_cap *)arg)->cap;
    for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
        if (request == KVM_CHECK_EXTENSION && caps[i].cap == cap)
            return caps[i].ask;
        if (request == KVM_ENABLE_CAP && caps[i].cap == cap)
            return caps[i].enable;
    }
    return kvm_ioctl_name(request)->meaning;
}

/* Whose call it is: 0 for those on /dev/kvm and on the VM. */
static unsigned cpu_of(const struct kvm_vm *vm, int fd)
{
    for (unsigned i = 0; i < CPUS_MAX; i++) {
        if (vm->cpu_fd[i] == fd)
            return i;
    }
    return 0;
}

static void emit_call(struct kvm_vm *vm, int fd, unsigned long request, const void *arg, int rc,
                      uint64_t ticks)
{
    const struct kvm_ioctl_name *n = kvm_ioctl_name(request);
    struct event ev = {
        .kind = EVENT_HOSTCALL,
        .cpu = cpu_of(vm, fd),
        .guest_ns = clock_ticks_to_ns(&vm->m->clock, ticks),
        .call = { .name = n->name, .on = n->on, .meaning = meaning_of(request, arg), .result = rc },
    };

    pthread_mutex_lock(&vm->m->lock);
    machine_emit(vm->m, &ev);
    pthread_mutex_unlock(&vm->m->lock);
}

int kvm_call(struct kvm_vm *vm, int fd, unsigned long request, void *arg, struct vitro_err *err)
{
    uint64_t start = vm->m->sink.fn != NULL ? clock_ticks() : 0;
    unsigned again = 0;
    int rc;

    do {
        rc = vm->sys->ioctl(vm->sys->ctx, fd, request, arg);
    } while (rc == -EINTR && request != KVM_RUN && again++ < EINTR_MAX);
    if (vm->m->sink.fn != NULL)
        emit_call(vm, fd, request, arg, rc, clock_ticks() - start);
    if (rc < 0 && err != NULL) /* a KVM_RUN that was kicked has nobody to tell */
        return err_set(err, rc, "%s on %s (%s): %s", kvm_ioctl_name(request)->name,
                       kvm_ioctl_name(request)->on, meaning_of(request, arg), strerror(-rc));
    return rc;
}

int kvm_call_int(struct kvm_vm *vm, int fd, unsigned long request, unsigned long arg,
                 struct vitro_err *err)
{
    return kvm_call(vm, fd, request, (void *)arg, err);
}
