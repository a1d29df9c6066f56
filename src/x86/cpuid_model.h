/* SPDX-License-Identifier: MIT */
/*
 * cpuid_model.h - which CPU a guest sees: the answers of CPUID, and what follows from them
 *
 * One model a machine, fixed when the machine is made and the same on every engine, so that a guest can
 * move. It offers what the opcode table has rows for and the source (a host's CPUID, or a test's table)
 * has too, and the system features that the software CPU implements by itself. Everything else is absent:
 * MONITOR, VMX, TSX, AVX-512, protection keys, CET, performance counters. Pure: nothing here executes CPUID.
 *
 * The hypervisor leaf is KVM's and offers its clock alone (docs/decisions/0006-kvm-signature.md).
 *
 * GAP: on an AMD source, AMD's own leaves for caches and topology are zero.
 */
#ifndef X86_CPUID_MODEL_H
#define X86_CPUID_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "x86/opcode.h"
#include "x86/state.h"

struct x86_cpuid_regs {
    uint32_t eax, ebx, ecx, edx;
};

/* A CPU that can be asked. */
struct x86_cpuid_source {
    void (*read)(void *ctx, uint32_t leaf, uint32_t subleaf, struct x86_cpuid_regs *out);
    void *ctx;
    uint64_t xcr0; /* register states that its operating system switches; 0 without XSAVE */
    /* Whether a bit may be offered at all; NULL: any may. */
    bool (*allows)(void *ctx, const struct x86_feature_place *at);
};

struct x86_cpuid_config {
    unsigned ncpus;     /* 1..256 */
    unsigned phys_bits; /* of a physical address, 36..52 */
    bool apic;          /* each CPU has a local APIC */
    bool x2apic, tsc_deadline;
};

struct x86_cpuid_leaf {
    uint32_t leaf, subleaf;
    struct x86_cpuid_regs regs;
};

enum { X86_CPUID_LEAVES = 32 };

struct x86_cpuid_model {
    struct x86_cpuid_config config;
    uint64_t features; /* bit n: enum x86_feature n is offered; BASE always is */
    uint64_t xcr0;     /* bits that XSETBV may set; 0 without XSAVE */
    uint64_t cr4;      /* bits that may be set */
    bool kvmclock;     /* the hypervisor leaf offers KVM's clock, with its stable bit */
    bool intel;        /* the source is Intel's: leaves out of range answer as Intel's do */
    unsigned nleaves;
    struct x86_cpuid_leaf leaf[X86_CPUID_LEAVES];
};

/* KVM_FEATURE_CLOCKSOURCE2; "KVM CPUID bits" in the kernel's documents. The stable bit goes with it. */
extern const struct x86_feature_place x86_kvmclock_place;

/* config and source are not kept. */
void x86_cpuid_model_init(struct x86_cpuid_model *m, const struct x86_cpuid_config *config,
                          const struct x86_cpuid_source *source);

/*
 * x86_cpuid - what CPUID answers
 *
 * s          the CPU's registers, for the bits that follow them: OSXSAVE, APIC enabled, XSAVE sizes
 * cpu_index  0 .. ncpus - 1; it is the APIC id
 */
void x86_cpuid(const struct x86_cpuid_model *m, const struct x86_state *s, unsigned cpu_index,
               uint32_t leaf, uint32_t subleaf, struct x86_cpuid_regs *out);

/* Answers of the leaf differ by ECX. */
bool x86_cpuid_has_subleaves(uint32_t leaf);

/* The i-th feature that the one at a place builds on, and is not offered without; NULL: no more. */
const struct x86_feature_place *x86_cpuid_base(const struct x86_feature_place *at, unsigned i);

/* One bit, at reset. reg: 0..3 is EAX EBX ECX EDX. */
bool x86_cpuid_offers(const struct x86_cpuid_model *m, const struct x86_feature_place *at);

static inline bool x86_cpuid_has(const struct x86_cpuid_model *m, enum x86_feature feature)
{
    return m->features >> feature & 1;
}

#endif
