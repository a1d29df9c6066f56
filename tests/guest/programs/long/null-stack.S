/* SPDX-License-Identifier: MIT */
/*
 * In 64-bit mode rings 0 to 2 may have a null SS; ring 3 and compatibility mode may not.
 */
#include "lab64.inc"
    program long, "SDM 2, MOV (64-bit mode exceptions), IRET; SDM 3A, Stack Switching in IA-32e Mode", "mode_long insn_iretq"
main:
    xor     %eax, %eax
    mov     %eax, %ss
    push    %rax
    pop     %rcx
    mov     $3, %eax
    fault   GP, 0, mov %eax, %ss
    xor     %eax, %eax
    pushq   $0
    pushq   $KSTACK - 64
    pushq   $2
    pushq   $CODE0
    pushq   $1f
    iretq
1:  check_eq $KSTACK-64, %rsp, IRET in 64-bit mode pops RSP always
    mov     $KSTACK, %esp
    pushq   $0
    pushq   $USTACK
    pushq   $2
    pushq   $CODE3
    pushq   $main
    fault   GP, 0, iretq
    movq    $CODE0_32, 8(%rsp)
    fault   GP, 0, iretq
    movq    $CODE0, 8(%rsp)
    movabs  $0x800000000000, %rax
    mov     %rax, (%rsp)
    fault   GP, 0, iretq
    movq    $SEL_OUT, 8(%rsp)
    fault   GP, SEL_OUT, iretq
    pushfq
    orq     $FLAG_NT, (%rsp)
    popfq
    fault   GP, 0, iretq
    pass
