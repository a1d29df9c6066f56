/* SPDX-License-Identifier: MIT */
/*
 * kvm_script.h - a KVM that is made up, for tests of the KVM engine on no host in particular
 *
 * Every call and every exit of the engine goes through struct kvm_sys, so what no host does on demand can
 * be scripted here: missing parts, failures of each ioctl, exits of all kinds, KVMs that report rip at or
 * after an instruction. Needs no /dev/kvm.
 */
#ifndef TESTS_KVM_SCRIPT_H
#define TESTS_KVM_SCRIPT_H

#include "kvm_rig.h"

#include "engine/kvm/kvm_priv.h"

enum { FDS_MAX = 64, RUN_LEN = 12288, FD_BASE = 100, IO_OFFSET = 4096, NOPS = 32 };

enum fd_kind { FD_FREE, FD_KVM, FD_VM, FD_VCPU };

struct fake_fd {
    enum fd_kind kind;
    bool scratch; /* of the second VM: where debugging is tried out */
    uint8_t *run; /* mapped area of a vCPU */
    struct kvm_regs regs;
    struct kvm_sregs2 sregs;
    struct kvm_guest_debug debug;
};

/* One KVM_RUN. */
struct play {
    int rc;                /* negative: the call fails so */
    uint32_t reason;       /* KVM_EXIT_* */
    uint64_t rip;          /* as reported; 0: unchanged */
    uint64_t rip_finished; /* when the access has been completed; 0: unchanged */
    union {
        struct {
            uint8_t out, size;
            uint16_t port;
            uint32_t count;
            uint64_t offset; /* 0: IO_OFFSET */
        } io;
        struct {
            uint64_t addr;
            uint32_t len;
            uint8_t write;
        } mmio;
        struct {
            uint32_t suberror, ndata;
            uint64_t flags;
            uint8_t insn_size, insn[15];
        } internal;
        struct {
            uint32_t exception;
            uint64_t pc, dr6;
        } debug;
        uint64_t value; /* FAIL_ENTRY: reason; SYSTEM_EVENT: type */
    };
    bool further; /* completing it brings the next play at once */
};

struct fake {
    struct kvm_sys sys;
    /* what it is */
    int open_rc, version; /* version < 0: errno */
    uint32_t run_len;
    bool mmap_fails, no_sync_regs, no_sregs2;
    unsigned lacks;  /* a capability it does not have */
    unsigned debugs; /* enum kvm_debug_cap that work */
    /* failures: the n-th ioctl, or the first few of one kind */
    unsigned fail_at;
    unsigned long fail_request;
    unsigned fail_times;
    int fail_rc;
    unsigned long failed; /* the request that did */
    /* exits */
    const struct play *play;
    size_t nplays, at;
    bool owed; /* an access waits for its completion */
    uint8_t io_data[64];
    /* what happened */
    unsigned calls, runs, opened, closed, mapped, unmapped, injected;
    uint32_t enabled; /* the capability that was switched on last */
    struct fake_fd fd[FDS_MAX];
};

/* Code that does nothing. */
extern const uint8_t nops[NOPS];

/* A KVM that has everything and fails nowhere. */
void fake_init(struct fake *f);
void assert_no_leak(const struct fake *f);

/* A rig over it in long mode. */
struct rig_config config(const struct fake *f, const void *code, size_t len);
/* Opens one that runs nops and goes through these plays; then it halts. */
void open_with(struct rig *r, struct fake *f, const struct play *play, size_t n);
void finish(struct rig *r, const struct fake *f);

#endif
