/* SPDX-License-Identifier: MIT */
/*
 * A call from ring 3 through a gate to ring 0 switches to the stack of the TSS and copies parameters;
 * RET n drops them on both stacks.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Stack Switching; Returning From a Called Procedure", "mode_protected"
main:
    gate_at GDT + SEL_A, CODE0, inner, 0xec, 2
    movl    $done, RESUME
    enter_user outer
outer:
    push    $0x1111
    push    $0x2222
    lcall   $SEL_A + 3, $0
back:
    mov     %esp, %ebx
    mov     %cs, %ecx
    mov     %ss, %edx
ends:
    ud2
inner:
    cmpl    $KSTACK - 0x1000 - 24, %esp
    check   e, six words are on the stack of the TSS
    cmpl    $back, (%esp)
    check   e, EIP
    cmpw    $CODE3, 4(%esp)
    check   e, CS
    cmpl    $0x2222, 8(%esp)
    check   e, the last parameter
    cmpl    $0x1111, 12(%esp)
    check   e, the first parameter
    cmpl    $USTACK - 8, 16(%esp)
    check   e, ESP of ring 3
    cmpw    $DATA3, 20(%esp)
    check   e, SS of ring 3
    mov     %cs, %eax
    check_eq $CODE0, %ax, CS has RPL 0
    lret    $8
done:
    expect  UD, 0, ends, after the return
    check_eq $USTACK, %ebx, ESP of ring 3 after RET 8
    check_eq $CODE3, %cx, CS
    check_eq $DATA3, %dx, SS
    pass
