/* SPDX-License-Identifier: MIT */
/*
 * Beyond the limit of SS is #SS(0), by PUSH, POP, and through EBP or ESP.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Limit Checking; Exception Reference, Stack Fault Exception (#SS)", "mode_protected"
main:
    desc    SEL_A, 0, KSTACK-1, A_DATA, 4
    mov     $SEL_A, %eax
    mov     %ax, %ss
    fault   SS, 0, pop %ecx
    mov     $SEL_A, %eax
    mov     %ax, %ss
    mov     $KSTACK - 2, %ebp
    fault   SS, 0, movl (%ebp), %ecx
    mov     $SEL_A, %eax
    mov     %ax, %ss
    fault   SS, 0, movl (%esp), %ecx
    mov     $SEL_A, %eax
    mov     %ax, %ss
    mov     %ds:(%ebp), %ecx
    push    %ebx
    pop     %ebx
    check_eq $KSTACK, %esp, ESP
    fault   SS, 0, ret
    mov     $SEL_A, %eax
    mov     %ax, %ss
    fault   SS, 0, popf
    pass
