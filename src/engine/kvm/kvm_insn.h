/* SPDX-License-Identifier: MIT */
/*
 * kvm_insn.h - the code around an exit, and whether an instruction there can have caused it
 *
 * For kvm_rip.c, and for kvm_decode.c where KVM does not give an instruction's bytes.
 */
#ifndef ENGINE_KVM_INSN_H
#define ENGINE_KVM_INSN_H

#include "engine/kvm/kvm_priv.h"
#include "x86/walk.h"

enum { INSN_MAX = 15, SITE_BACK = 64 };

enum kvm_site_kind { SITE_PIO, SITE_MMIO, SITE_HLT };

/* An exit as KVM told it, with the registers and the bytes needed to find its instruction. */
struct kvm_site {
    enum kvm_site_kind kind;
    bool write;
    uint32_t len;           /* bytes of the access */
    uint64_t addr;          /* port or guest-physical address */
    uint64_t data;          /* of a write of up to 8 bytes */
    struct x86_state state; /* STATE_REGS and STATE_SREGS, as at the exit */
    struct x86_paging_regs paging;
    const struct mem *mem;
    /* code[SITE_BACK] is the byte at the raw rip; bytes [first, end) could be read */
    uint8_t code[SITE_BACK + INSN_MAX];
    unsigned first, end;
};

/* Fills what follows from the vCPU: registers, code. kind, write, len, addr, data are the caller's. */
int kvm_site_load(struct vcpu *cpu, struct kvm_site *s, struct vitro_err *err);

struct kvm_match {
    uint8_t len; /* of the instruction; 0: the bytes do not decode */
    bool looks;  /* the right kind of access: direction, width, for ports the port */
    bool fits; /* and the operand's address or data, by the registers of now, is the access' own */
    bool rep;  /* a repeated string instruction */
};

/* What the instruction at code[at] has to do with the access, if it is one that is over or under way. */
struct kvm_match kvm_site_match(const struct kvm_site *s, unsigned at);

#endif
