/* SPDX-License-Identifier: MIT */
/*
 * The TSC counts up, can be written through its MSR, and CR4.TSD takes it from ring 3; RDTSCP gives
 * IA32_TSC_AUX.
 */
#include "lab64.inc"
    program long, "SDM 3B, Time-Stamp Counter; SDM 2, RDTSC, RDTSCP", "mode_long mode_long_ring3 insn_rdtsc"
main:
    rdtsc
    shl     $32, %rdx
    lea     (%rdx, %rax), %rbx
    rdtsc
    shl     $32, %rdx
    add     %rdx, %rax
    cmp     %rbx, %rax
    check   ae, it counts up
    mov     %rax, %rdx
    shr     $63, %rdx
    check   e, upper half
    user_ok rdtsc
    set_cr4 CR4_TSD
    user    GP, 0, rdtsc
    rdtsc
    write_msr 0x10, 0, 0x1000
    rdtsc
    check_eq $0x1000, %edx, a written TSC counts on
    mov     $0x10, %ecx
    rdmsr
    check_eq $0x1000, %edx, the MSR is the same counter
    needs_cpuid 0x80000001, 0, edx, 27
    write_msr 0xc0000103, 0x77
    rdtscp
    check_eq $0x77, %ecx, IA32_TSC_AUX
    user    GP, 0, rdtscp
    clear_cr4 CR4_TSD
    user_ok rdtscp
    pass
