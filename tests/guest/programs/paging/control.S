/* SPDX-License-Identifier: MIT */
/*
 * In long mode PAE and PG cannot be cleared from 64-bit code; LA57 and unknown bits of CR4 are #GP;
 * EFER.LME does not change while paging is on.
 */
#include "lab64.inc"
    program long, "SDM 3A, Control Registers; Initializing IA-32e Mode; SDM 2, MOV to CR, WRMSR", "mode_long"
main:
    mov     %cr4, %rbx
    mov     %rbx, %rax
    and     $~CR4_PAE, %rax
    fault   GP, 0, mov %rax, %cr4
    mov     %cr0, %rax
    and     $0x7fffffff, %eax
    fault   GP, 0, mov %rax, %cr0
    mov     %rbx, %rax
    or      $CR4_LA57, %eax
    fault   GP, 0, mov %rax, %cr4
    mov     %rbx, %rax
    bts     $40, %rax
    fault   GP, 0, mov %rax, %cr4
    mov     %cr0, %rax
    bts     $40, %rax
    fault   GP, 0, mov %rax, %cr0
    mov     $EFER, %ecx
    rdmsr
    and     $~0x100, %eax
    fault   GP, 0, wrmsr
    mov     $EFER, %ecx
    rdmsr
    test    $0x500, %eax
    check   nz, LMA and LME
    or      $0x2, %eax
    fault   GP, 0, wrmsr
    mov     $EFER, %ecx
    rdmsr
    and     $~0x400, %eax
    wrmsr
    rdmsr
    test    $0x400, %eax
    check   nz, LMA is not written
    mov     $0x10, %eax
    fault   GP, 0, mov %rax, %cr8
    mov     $9, %eax
    mov     %rax, %cr8
    mov     %cr8, %rcx
    check_eq $9, %ecx, CR8
    xor     %eax, %eax
    mov     %rax, %cr8
    mov     $-1, %rax
    mov     %rax, %cr2
    mov     %cr2, %rcx
    check_eq %rax, %rcx, CR2 takes any value
    user    GP, 0, mov %rax, %cr3
    user    GP, 0, mov %cr8, %rax
    fault   UD, 0, .byte 0x0f, 0x20, 0xc8
    pass
