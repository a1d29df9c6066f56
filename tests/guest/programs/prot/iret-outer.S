/* SPDX-License-Identifier: MIT */
/*
 * A return to ring 3 pops ESP and SS, and makes null the data segments that ring 3 may not have.
 */
#include "lab32.inc"
    program protected, "SDM 2, IRET, RET (RETURN-TO-OUTER-PRIVILEGE-LEVEL)", "mode_protected"
main:
    desc    SEL_A, 0, 0xfffff, A_CODE | 4, 0xc
    mov     $DATA0, %eax
    mov     %ax, %fs
    mov     $SEL_A, %eax
    mov     %ax, %gs
    movl    $1f, RESUME
    enter_user 2f
2:  mov     %fs, %ebx
    mov     %gs, %ecx
    mov     %ds, %edx
3:  ud2
1:  expect  UD, 0, 3b, in ring 3
    check_eq $0, %bx, FS of DPL 0
    check_eq $SEL_A, %cx, GS with conforming code
    check_eq $DATA3, %dx, DS of DPL 3
    pushl   $DATA0
    pushl   $USTACK
    pushl   $CODE3
    pushl   $main
    fault   GP, DATA0, lret
    movl    $DATA3, 12(%esp)
    movl    $CODE3 - 3, 4(%esp)
    fault   GP, 0x18, lret
    movl    $0, 4(%esp)
    fault   GP, 0, lret
    movl    $SEL_OUT, 4(%esp)
    fault   GP, SEL_OUT, lret
    movl    $DATA0, 4(%esp)
    fault   GP, DATA0, lret
    movl    $CODE3, 4(%esp)
    movl    $0, 12(%esp)
    fault   GP, 0, lret
    movl    $DATA3, 12(%esp)
    movl    $4f, (%esp)
    mov     $KSTACK, %eax
    mov     %eax, KSP
    movl    $5f, RESUME
    pushl   12(%esp)
    pushl   $USTACK
    pushl   $0
    pushl   $0
    pushl   $CODE3
    pushl   $4f
    lret    $8
4:  mov     %esp, %ebx
6:  ud2
5:  expect  UD, 0, 6b, RET 8 to ring 3
    check_eq $USTACK+8, %ebx, RET n drops parameters on the outer stack too
    user    GP, 0x08, ljmp $CODE0 + 3, $main
    movl    $7f, RESUME
    enter_user 8f
8:  pushl   $CODE0
    pushl   $main
9:  lret
7:  expect  GP, 0x08, 9b, a return to an inner ring
    pass
