/* SPDX-License-Identifier: MIT */
/*
 * An interrupt or exception through a task gate is a nested task; the error code is pushed on its
 * stack, and its EIP is not changed by it.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Interrupt Tasks", "mode_protected"
main:
    task_b  new
    gate_at IDT+8*GP, TSS_B_SEL, 0, 0x85
    mov     $0, %eax
    mov     $SEL_OUT, %eax
bad: mov    %ax, %fs
next: check_eq $7, %ebx, the faulting task goes on where the handler wants
    pass
new:
    check_eq $KSTACK-0x2004, %esp, one word on the stack of the new task
    cmpl    $SEL_OUT, (%esp)
    check   e, error code
    cmpl    $bad, TSS + 0x20
    check   e, EIP of the fault in the old TSS
    testl   $FLAG_RF, TSS + 0x24
    check   nz, RF in the saved flags of a fault
    movl    $next, TSS + 0x20
    movl    $7, TSS + 0x34
    mov     %fs, %ecx
    check_eq $0, %cx, FS of the new task
    add     $4, %esp
    iret
