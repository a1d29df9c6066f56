/* SPDX-License-Identifier: MIT */
/*
 * RDPID reads IA32_TSC_AUX in every ring; 64 bits in 64-bit mode.
 */
#include "lab64.inc"
    program long, "SDM 2, RDPID", "mode_long mode_long_ring3 insn_rdtscp"
main:
    needs_cpuid 7, 0, ecx, 22
    write_msr 0xc0000103, 0x89abcdef
    mov     $-1, %rbx
    rdpid   %rbx
    mov     $0x89abcdef, %eax
    check_eq %rax, %rbx, IA32_TSC_AUX, zero-extended
    user_ok rdpid %rax
    mov     $0xc0000103, %ecx
    mov     $1, %edx
    fault   GP, 0, wrmsr
    pass
