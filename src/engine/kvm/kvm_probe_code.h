/* SPDX-License-Identifier: MIT */
/*
 * kvm_probe_code.h - the probe's guest: where things lie in its memory, and its pieces of code
 *
 * Read by kvm_probe_code.S too. All guest-physical; every mode maps them one to one, and paged modes map
 * them a second time at the mode's alias. Everything is written once, before the guest first runs: a KVM
 * may not see later changes of code or page tables.
 */
#ifndef ENGINE_KVM_PROBE_CODE_H
#define ENGINE_KVM_PROBE_CODE_H

#define PROBE_STACK      0xff0  /* grows down to 0x500 */
#define PROBE_CODE       0x1000 /* to 0x2fff */
#define PROBE_GDT        0x3000
#define PROBE_TSS        0x3800
#define PROBE_IDT        0x4000   /* 128 gates of 16 bytes */
#define PROBE_CELL       0x6000   /* 4 bytes: a piece leaves its result here */
#define PROBE_SCRATCH    0x6040   /* 64-byte aligned, for the pieces */
#define PROBE_XAREA      0x7000   /* 4 KiB, XSAVE format */
#define PROBE_LONG_TOP   0x8000   /* PML4, PDPT, PD with 2 MiB pages */
#define PROBE_LONG4K_TOP 0xb000   /* PML4, PDPT, PD, PT */
#define PROBE_PAE_TOP    0xf000   /* PDPT, PD with 2 MiB pages */
#define PROBE_PSE_TOP    0x11000  /* page directory with 4 MiB pages */
#define PROBE_P32_TOP    0x12000  /* page directory, page table */
#define PROBE_RSP0       0x1c000  /* stack of ring 0 when ring 3 is interrupted */
#define PROBE_ALIAS_2M   0x200000 /* where modes with 2 MiB directories map everything again */
#define PROBE_ALIAS_4M   0x400000
#define PROBE_MEM        0x200000

#define PROBE_DONE_PORT  0xe9 /* a piece has ended; al is RESULT when it went well */
#define PROBE_TRAP_PORT  0xea /* an exception or INT arrived; al is its vector */
#define PROBE_RESULT     42
/* AES and PCLMULQDQ of CPUID leaf 1, ecx: not offered here. */
#define PROBE_WITHHELD (1 << 25 | 1 << 1)
#define PROBE_FAULT    0x77665544332211 /* in rax before a triple fault */

/* Selectors. The order of user32, user data, user64 is what SYSRET wants. */
#define PROBE_CS        0x08
#define PROBE_DS        0x10
#define PROBE_USER32_CS 0x1b
#define PROBE_USER_DS   0x23
#define PROBE_USER_CS   0x2b
#define PROBE_TR        0x30

#define PROBE_GATES     128
#define PROBE_STUB_LEN  8
#define PROBE_INT       0x40 /* vector of INT n */
#define PROBE_INT_RING0 0x41 /* its handler does what ring 0 alone can */

/* X(label) */
/* clang-format off */
#define PROBE_CODES(X)                                                                        \
    X(stubs) X(int_ring0) X(real) X(flat32) X(paged32) X(pae) X(long64) X(ring3) X(count)     \
    X(count_end) X(outs) X(spin) X(syscall) X(lstar_reach) X(lstar_ring0) X(lstar_sysret)     \
    X(iretq_ring3) X(user_ud2) X(user_int) X(step) X(step_next) X(step_write) X(step_wrote)   \
    X(break_sw) X(break_sw_at) X(int3) X(int_n) X(ud2) X(iretq) X(lretq) X(lgdt) X(ltr)       \
    X(mov_cr3) X(invlpg) X(invpcid) X(swapgs) X(wrgsbase) X(cpuid) X(rdtsc) X(rdtscp)         \
    X(rdmsr) X(cpuid_model) X(wrmsr) X(stac) X(xgetbv) X(xsetbv) X(fxsave) X(xsave) X(xrstor) X(movaps)      \
    X(vmovups) X(popcnt) X(xadd) X(cmpxchg16b) X(rep_movsb) X(clflush) X(clwb) X(rdrand)      \
    X(triple) X(triple_at)
/* clang-format on */

#ifndef __ASSEMBLER__
#include <stdint.h>

extern const uint8_t kvm_probe_code[], kvm_probe_code_end[];
#define X(label) extern const uint8_t kvm_probe_##label[];
PROBE_CODES(X)
#undef X
#endif

#endif
