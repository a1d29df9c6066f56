/* SPDX-License-Identifier: MIT */
/*
 * RDFSBASE and kin work in every ring with CR4.FSGSBASE, are #UD without; a base that is not
 * canonical is #GP(0).
 */
#include "lab64.inc"
    program long, "SDM 2, RDFSBASE, WRFSBASE", "mode_long mode_long_ring3 insn_wrgsbase"
main:
    needs_cpuid 7, 0, ebx, 0
    fault   UD, 0, rdfsbase %rax
    fault   UD, 0, wrgsbase %rax
    set_cr4 CR4_FSGSBASE
    movabs  $0xffff900012345678, %rbx
    user_ok wrfsbase %rbx
    rdfsbase %rcx
    check_eq %rbx, %rcx, RDFSBASE
    rdfsbase %ecx
    mov     $0x12345678, %eax
    check_eq %rax, %rcx, RDFSBASE with 32 bits
    mov     $0x123456789abcdef0, %rdx
    wrgsbase %edx
    rdgsbase %rcx
    mov     $0x9abcdef0, %eax
    check_eq %rax, %rcx, WRGSBASE with 32 bits
    fault   GP, 0, wrfsbase %rdx
    rdfsbase %rcx
    check_eq %rbx, %rcx, the base after a WRFSBASE that failed
    user    GP, 0, wrgsbase %rdx
    pass
