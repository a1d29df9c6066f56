/* SPDX-License-Identifier: MIT */
/* kvm_priv.h - what the files of the KVM engine share. */
#ifndef ENGINE_KVM_PRIV_H
#define ENGINE_KVM_PRIV_H

#include <linux/kvm.h>
#include <stdatomic.h>

#include "core/machine.h"
#include "engine/kvm/kvm.h"
#include "x86/cpuid_model.h"

enum {
    KVM_SEAT = 0,
    RIP_MEMO = 256,
    PATCHES_MAX = CPUS_MAX * BREAKS_MAX,
    KVM_HW_SLOTS = 4, /* debug registers with addresses */
};

/*
 * Kinds of CPU mode that a KVM may run by different means (natively or by emulation), and so may or may
 * not be able to debug. Which it is, is tried out in a scratch VM when somebody first asks.
 */
enum kvm_debug_mode { DEBUG_REAL, DEBUG_RING0_32, DEBUG_RING0_64, DEBUG_RING3, DEBUG_MODES };

enum kvm_debug_cap {
    DEBUG_KNOWN = 1 << 0, /* has been tried out */
    DEBUG_STEP = 1 << 1,  /* single step */
    DEBUG_EXEC = 1 << 2,  /* execution breakpoint in a debug register */
    DEBUG_INT3 = 1 << 3,  /* 0xCC leaves the guest before it has any effect in it */
    DEBUG_WATCH = 1 << 4, /* write watchpoint in a debug register */
};

/* 0xCC bytes in guest memory; vCPUs share them, since they share the memory. */
struct kvm_patch_row {
    gpa_t gpa;
    unsigned users; /* vCPUs inside the guest that want it; 0: row is free */
    uint8_t old;
};

struct kvm_vm {
    const struct kvm_sys *sys;
    struct machine *m;
    int kvm_fd, vm_fd;
    uint32_t run_len; /* bytes of the run area */
    uint32_t nslots;
    struct kvm_userspace_memory_region slot[MEM_SLOTS_MAX]; /* as KVM was told */
    pthread_rwlock_t slots_lock; /* read: in KVM_RUN, of several vCPUs; write: no vCPU may be */
    bool has_sync_regs, has_sregs2;
    bool gives_msrs;      /* MSRs of the local APIC come to us; set at creation */
    int cpu_fd[CPUS_MAX]; /* -1: no such vCPU; for the events about calls */
    struct kvm_msr_list
        *msrs; /* what this KVM saves; read when first needed, under the machine lock */
    struct kvm_cpuid2 *cpuid; /* what this KVM supports; read when first needed, machine stopped */

    /* relaxed: vCPUs that ask at once find the same answer */
    _Atomic unsigned debug_caps[DEBUG_MODES]; /* enum kvm_debug_cap */

    pthread_mutex_t patch_lock; /* guards patch and the bytes it describes */
    struct kvm_patch_row patch[PATCHES_MAX];
};

/* The access the guest waits for, cut into pieces a bus understands. */
struct kvm_access {
    uint8_t *data;         /* in the run area, or `copy`; NULL: none under way */
    uint64_t base;         /* port or guest-physical address of an item */
    uint32_t item_len;     /* bytes an item */
    uint32_t nitems, item; /* items of a string access; a single access is one item */
    uint32_t done;         /* bytes of the current item handled */
    uint8_t width;         /* of the piece that is out now; 0: none is */
    bool write;
    bool finished;   /* KVM has ended the instruction already; no KVM_RUN is owed for it */
    uint8_t copy[8]; /* data of a write that is finished: KVM may use the run area again */
};

/* Raw rip of an access exit to the rip of its instruction, for sites seen before. key 0: free. */
struct rip_memo {
    uint64_t raw, key, rip;
};

struct kvm_cpu {
    int fd;
    struct kvm_run *run;
    struct kvm_access access;
    bool msr_open;   /* KVM ends RDMSR or WRMSR at the next entry */
    bool may_inject; /* the guest is between instructions, and KVM has seen its flags since */
    bool open;       /* as set, with no run since, it can take an interrupt at once */
    uint64_t cr8, apic_base; /* as they were at the last entry or exit */
    bool held;               /* the run area has a further exit that has not been handed out */
    bool ran;                /* the run area's registers are the guest's: none were set since */
    bool debug_on;           /* debug asks for something */
    _Atomic bool kicked;     /* seq_cst; pairs with run->immediate_exit, see kvm_kick */
    struct rip_memo memo[RIP_MEMO];

    struct cpu_debug debug;                /* without its watchpoints */
    struct watchpoint watch[KVM_HW_SLOTS]; /* those, cut into pieces */
    unsigned nwatches;
    struct kvm_guest_debug armed; /* what KVM was told last */
    bool at_break;                /* the last exit was a debug exit at stop_rip: step over it */
    bool step_open;               /* a step has met an access and ends when that is answered */
    uint64_t stop_rip;
    /* 0xCC bytes of the current entry, or of the last one while the CPU is outside */
    struct kvm_patch {
        uint64_t linear;
        gpa_t gpa;
        uint8_t old;
    } patch[BREAKS_MAX];
    unsigned npatches;
    bool patched; /* they are in guest memory now */
};

static inline struct kvm_vm *vm_of(const struct machine *m)
{
    return m->engine_vm[KVM_SEAT];
}

static inline struct kvm_cpu *kcpu_of(const struct vcpu *cpu)
{
    return cpu->engine_cpu[KVM_SEAT];
}

/*
 * kvm_call - one ioctl: through the shim, repeated on EINTR, seen by the event sink
 *
 * Returns the result, or a negative errno with err naming the ioctl. KVM_RUN is not repeated.
 */
int kvm_call(struct kvm_vm *vm, int fd, unsigned long request, void *arg, struct vitro_err *err);

/* As kvm_call with an integer argument. */
int kvm_call_int(struct kvm_vm *vm, int fd, unsigned long request, unsigned long arg,
                 struct vitro_err *err);

/* Names and one-line meanings of the ioctls the engine uses; unknown ones get "ioctl". */
struct kvm_ioctl_name {
    unsigned long request;
    const char *name, *on, *meaning;
};
const struct kvm_ioctl_name *kvm_ioctl_name(unsigned long request);

/* "KVM_EXIT_IO" and kin; "unknown" otherwise. Static. */
const char *kvm_exit_name(uint32_t reason);

/* kvm_engine.c: the MSRs that this KVM saves, read once. Owned by vm. */
int kvm_msr_list(struct kvm_vm *vm, const struct kvm_msr_list **out, struct vitro_err *err);

/* kvm_slots.c */
WARN_UNUSED int kvm_slots_init(struct kvm_vm *vm, struct vitro_err *err);
void kvm_slots_fini(struct kvm_vm *vm);
int kvm_mem_added(struct machine *m, const struct mem_slot *slot, struct vitro_err *err);
int kvm_mem_refresh(struct machine *m, struct vitro_err *err);

/* kvm_cpuid.c: what the vCPU answers; and KVM's clock for guests begins with the machine's. */
int kvm_cpuid_set(struct vcpu *cpu, const struct x86_cpuid_model *model, struct vitro_err *err);
void kvm_clock_follow(struct kvm_vm *vm);

/* kvm_state.c */
int kvm_get_state(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err);
int kvm_set_state(struct vcpu *cpu, unsigned parts, const struct x86_state *in,
                  struct vitro_err *err);
/* As kvm_get_state for STATE_REGS and STATE_SREGS, but an access under way is left as it is. */
int kvm_load_state(struct vcpu *cpu, unsigned parts, struct x86_state *out, struct vitro_err *err);
/* The rip that KVM reports for the last exit: an offset in CS, at or after the instruction. */
int kvm_raw_rip(struct vcpu *cpu, uint64_t *rip, struct vitro_err *err);
/* General registers of the last exit, from the run area; false where KVM does not leave them there. */
bool kvm_peek(const struct vcpu *cpu, uint64_t gpr[X86_NGPR]);
void kvm_sregs_from_state(const struct x86_state *in, struct kvm_sregs *out);

/* kvm_state_rest.c: STATE_REST */
int kvm_get_rest(struct vcpu *cpu, struct x86_state *out, struct vitro_err *err);
int kvm_set_rest(struct vcpu *cpu, const struct x86_state *in, struct vitro_err *err);

/* kvm_run.c */
int kvm_run_cpu(struct vcpu *cpu, struct vitro_err *err);
void kvm_kick(struct vcpu *cpu);
int kvm_drain(struct vcpu *cpu, struct vitro_err *err);
/* One KVM_RUN. 1: the run area holds an exit; 0: kicked, and cpu->exit says so; or a negative errno. */
int kvm_enter(struct vcpu *cpu, struct vitro_err *err);
/* Finishes the instruction of the last access, if its data is there. */
int kvm_complete(struct vcpu *cpu, struct vitro_err *err);
/* Lets KVM end the instruction under way without entering the guest; may leave an exit in `held`. */
int kvm_finish(struct vcpu *cpu, struct vitro_err *err);

/* kvm_irq.c: whether this KVM lets us answer for the MSRs of the local APIC; then it does so from now on. */
bool kvm_irq_msrs(struct kvm_vm *vm);
/* Just before KVM_RUN: gives KVM what the controller wants to deliver, or asks for the interrupt window. */
int kvm_irq_enter(struct vcpu *cpu, struct vitro_err *err);
/* Registers have been set: what is known of the guest's flags. */
void kvm_irq_set(struct vcpu *cpu, unsigned parts, const struct x86_state *in);
/* Just after it, whatever it returned: tells the controller what the guest did to CR8 and IA32_APIC_BASE. */
void kvm_irq_leave(struct vcpu *cpu);
/* KVM_EXIT_X86_RDMSR, KVM_EXIT_X86_WRMSR: answers it, and fills cpu->exit. */
void kvm_irq_msr(struct vcpu *cpu, uint64_t rip);

/* kvm_decode.c: run area to cpu->exit. err is filled only on a host failure. */
int kvm_decode_exit(struct vcpu *cpu, struct vitro_err *err);
/* The next piece of the access under way into cpu->exit; false when there is none. */
bool kvm_next_piece(struct vcpu *cpu);
/* Stores the answer to the piece that was out. */
void kvm_take_answer(struct vcpu *cpu);

/* kvm_rip.c: address of the instruction behind an exit (PIO, MMIO, HLT) whose KVM says `raw`. */
int kvm_insn_rip(struct vcpu *cpu, uint64_t raw, uint64_t *rip, struct vitro_err *err);

/* kvm_debug.c */
int kvm_set_debug(struct vcpu *cpu, const struct cpu_debug *dbg, struct vitro_err *err);
int kvm_debug_run(struct vcpu *cpu, struct vitro_err *err);
/* kvm_patch.c: the 0xCC bytes; *state needs STATE_SREGS, for the page walk */
bool kvm_can_patch(struct vcpu *cpu, const struct x86_state *state, uint64_t linear);
void kvm_patch_in(struct vcpu *cpu, const struct x86_state *state, uint64_t linear);
void kvm_patch_out(struct vcpu *cpu);
/* The last entry had one of our bytes at this address. */
bool kvm_is_our_break(const struct vcpu *cpu, uint64_t linear);
/* Puts the guest's own bytes into a copy of its code, made while patches were in. */
void kvm_patch_hide(const struct vcpu *cpu, uint64_t linear, uint8_t *bytes, unsigned len);

/* kvm_debug_caps.c: what debugging works in the mode of *state, tried out at the first question. */
int kvm_debug_caps(struct vcpu *cpu, const struct x86_state *state, unsigned *caps,
                   struct vitro_err *err);
/* "real mode" and kin, for error lines. */
const char *kvm_debug_mode_name(const struct x86_state *state);

#endif
