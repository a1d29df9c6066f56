/* SPDX-License-Identifier: MIT */
/*
 * kvm_debug_caps.c - what of KVM_SET_GUEST_DEBUG works here, tried out in a scratch VM
 *
 * No capability bit tells: a KVM that runs one CPU mode natively and emulates another debugs them by
 * different means, and what it ignores is lost (the guest runs away) or reaches the guest as an exception.
 * So a machine is built that no guest ever sees, with a few instructions, once for each kind of mode that
 * somebody wants to debug.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/kvm/kvm_priv.h"
#include "x86/start.h"

enum {
    TRIAL_BYTES = 0x6000,
    TRIAL_CODE = 0x1000,
    TRIAL_HLT = 0x1040, /* where real mode's exceptions go */
    TRIAL_TABLES = 0x2000,
    TRIAL_DATA = 0x5000,
    INT3 = 0xcc,
    EINTR_MAX = 1000,
};

/* nop; nop; mov [TRIAL_DATA], al; hlt (in ring 3 a fault that nobody handles) */
static const struct trial_mode {
    const char *name;
    enum x86_start start;
    uint8_t dpl;
    uint8_t code[12];
} modes[DEBUG_MODES] = {
    [DEBUG_REAL] = { "real mode", X86_START_REAL, 0, { 0x90, 0x90, 0xa2, 0x00, 0x50, 0xf4 } },
    [DEBUG_RING0_32] = { "32-bit ring 0",
                         X86_START_PROTECTED,
                         0,
                         { 0x90, 0x90, 0xa2, 0x00, 0x50, 0x00, 0x00, 0xf4 } },
    [DEBUG_RING0_64] = { "64-bit ring 0",
                         X86_START_LONG,
                         0,
                         { 0x90, 0x90, 0x88, 0x04, 0x25, 0x00, 0x50, 0x00, 0x00, 0xf4 } },
    [DEBUG_RING3] = { "ring 3",
                      X86_START_LONG,
                      3,
                      { 0x90, 0x90, 0x88, 0x04, 0x25, 0x00, 0x50, 0x00, 0x00, 0xf4 } },
};

/* Each begins at TRIAL_CODE, and is passed by an exit of its kind with rip one byte further, or any. */
static const struct trial {
    enum kvm_debug_cap cap;
    uint32_t control;
    uint64_t dr0, dr7;
    bool int3, any_rip;
} trials[] = {
    { .cap = DEBUG_STEP, .control = KVM_GUESTDBG_SINGLESTEP },
    { .cap = DEBUG_EXEC, .control = KVM_GUESTDBG_USE_HW_BP, .dr0 = TRIAL_CODE + 1, .dr7 = 1 },
    { .cap = DEBUG_INT3, .control = KVM_GUESTDBG_USE_SW_BP, .int3 = true },
    { .cap = DEBUG_WATCH,
      .control = KVM_GUESTDBG_USE_HW_BP,
      .dr0 = TRIAL_DATA,
      .dr7 = 0x10001,
      .any_rip = true },
};

struct lab {
    struct kvm_vm *vm; /* whose /dev/kvm is used */
    int fd;            /* the scratch VM */
    uint8_t *ram;
};

static void lay_out(uint8_t *ram, const struct trial_mode *mode)
{
    memset(ram, 0, TRIAL_BYTES);
    for (unsigned vector = 0; vector < 256; vector++)
        le_put(ram + 4 * (size_t)vector, 2, TRIAL_HLT);
    memcpy(ram + TRIAL_CODE, mode->code, sizeof(mode->code));
    ram[TRIAL_HLT] = 0xf4;
    le_put(ram + TRIAL_TABLES, 8, (TRIAL_TABLES + 0x1000) | 7);
    le_put(ram + TRIAL_TABLES + 0x1000, 8, (TRIAL_TABLES + 0x2000) | 7);
    le_put(ram + TRIAL_TABLES + 0x2000, 8, 0x87);
}

static int load_start(struct kvm_vm *vm, int fd, const struct trial_mode *mode,
                      struct vitro_err *err)
{
    struct kvm_regs regs = { .rip = TRIAL_CODE, .rsp = TRIAL_BYTES, .rflags = X86_RFLAGS_FIXED };
    struct x86_state state;
    struct kvm_sregs sregs;
    int rc;

    x86_start_state(mode->start, TRIAL_CODE, TRIAL_BYTES, TRIAL_TABLES, &state);
    for (unsigned i = 0; i < X86_NSREG && mode->dpl != 0; i++) {
        state.seg[i].dpl = mode->dpl;
        state.seg[i].selector |= mode->dpl;
    }
    kvm_sregs_from_state(&state, &sregs);
    rc = kvm_call(vm, fd, KVM_SET_SREGS, &sregs, err);
    return rc < 0 ? rc : kvm_call(vm, fd, KVM_SET_REGS, &regs, err);
}

/* 1: passed, 0: not, or a negative errno. A KVM_RUN that fails is an answer too: not here. */
static int run_trial(struct kvm_vm *vm, int fd, const struct kvm_run *run, const struct trial *t,
                     struct vitro_err *err)
{
    struct kvm_guest_debug dbg = { .control = KVM_GUESTDBG_ENABLE | t->control,
                                   .arch.debugreg = { [0] = t->dr0, [7] = 0x400 | t->dr7 } };
    struct kvm_regs regs;
    unsigned again = 0;
    int rc;

    if (kvm_call(vm, fd, KVM_SET_GUEST_DEBUG, &dbg, NULL) < 0)
        return 0;
    do {
        rc = kvm_call(vm, fd, KVM_RUN, NULL, NULL);
    } while (rc == -EINTR &&
             again++ < EINTR_MAX); /* a signal for this thread; no trial runs long */
    if (rc < 0)
        return 0;
    rc = kvm_call(vm, fd, KVM_GET_REGS, &regs, err);
    if (rc < 0)
        return rc;
    if (run->exit_reason != KVM_EXIT_DEBUG &&
        !(t->int3 && run->exit_reason == KVM_EXIT_INTERNAL_ERROR &&
          run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION))
        return 0;
    return t->any_rip || regs.rip == TRIAL_CODE + 1;
}

/* A vCPU of its own for each trial: the one before may have ended in a triple fault. */
static int try_one(const struct lab *lab, unsigned id, const struct trial_mode *mode,
                   struct vitro_err *err)
{
    const struct trial *t = &trials[id];
    struct kvm_vm *vm = lab->vm;
    struct kvm_run *run;
    int fd = kvm_call_int(vm, lab->fd, KVM_CREATE_VCPU, id, err);
    int rc;

    if (fd < 0)
        return fd;
    run = vm->sys->mmap(vm->sys->ctx, fd, vm->run_len);
    if (run == NULL) {
        vm->sys->close(vm->sys->ctx, fd);
        return err_set(err, -ENOMEM, "mapping a scratch vCPU's run area: the host refused");
    }
    lay_out(lab->ram, mode);
    if (t->int3)
        lab->ram[TRIAL_CODE + 1] = INT3;
    rc = load_start(vm, fd, mode, err);
    if (rc == 0)
        rc = run_trial(vm, fd, run, t, err);
    vm->sys->munmap(vm->sys->ctx, run, vm->run_len);
    vm->sys->close(vm->sys->ctx, fd);
    return rc;
}

static int try_all(const struct lab *lab, const struct trial_mode *mode, unsigned *caps,
                   struct vitro_err *err)
{
    struct kvm_enable_cap cap = { .cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = { 1 } };
    struct kvm_userspace_memory_region region = {
        .memory_size = TRIAL_BYTES,
        .userspace_addr = (uintptr_t)lab->ram,
    };
    int rc = kvm_call(lab->vm, lab->fd, KVM_SET_USER_MEMORY_REGION, &region, err);

    kvm_call(lab->vm, lab->fd, KVM_ENABLE_CAP, &cap,
             NULL); /* as in the machine, where there is one */
    *caps = DEBUG_KNOWN;
    for (unsigned i = 0; i < ARRAY_LEN(trials) && rc >= 0; i++) {
        rc = try_one(lab, i, mode, err);
        if (rc > 0)
            *caps |= trials[i].cap;
    }
    return rc < 0 ? rc : 0;
}

static enum kvm_debug_mode mode_of(const struct x86_state *s)
{
    enum x86_mode mode = x86_mode_of(s);

    if (x86_cpl(s) == 3)
        return DEBUG_RING3;
    if (mode == X86_MODE_REAL)
        return DEBUG_REAL;
    return mode == X86_MODE_LONG || mode == X86_MODE_COMPAT ? DEBUG_RING0_64 : DEBUG_RING0_32;
}

const char *kvm_debug_mode_name(const struct x86_state *state)
{
    return modes[mode_of(state)].name;
}

int kvm_debug_caps(struct vcpu *cpu, const struct x86_state *state, unsigned *caps,
                   struct vitro_err *err)
{
    enum kvm_debug_mode mode = mode_of(state);
    struct kvm_vm *vm = vm_of(cpu->m);
    struct lab lab = { .vm = vm };
    int rc;

    *caps = atomic_load_explicit(&vm->debug_caps[mode], memory_order_relaxed);
    if (*caps & DEBUG_KNOWN)
        return 0;
    lab.ram = aligned_alloc(4096, TRIAL_BYTES);
    if (lab.ram == NULL)
        return err_set(err, -ENOMEM, "trying out debugging in %s: out of memory", modes[mode].name);
    rc = lab.fd = kvm_call_int(vm, vm->kvm_fd, KVM_CREATE_VM, 0, err);
    if (lab.fd >= 0) {
        rc = try_all(&lab, &modes[mode], caps, err);
        vm->sys->close(vm->sys->ctx, lab.fd);
    }
    free(lab.ram);
    if (rc == 0)
        atomic_store_explicit(&vm->debug_caps[mode], *caps, memory_order_relaxed);
    return rc;
}
