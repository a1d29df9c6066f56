/* SPDX-License-Identifier: MIT */
/*
 * PUSH SP pushes the old value; PUSHA, POPA, ENTER and LEAVE with 16-bit pointers; PUSHF and POPF.
 */
#include "lab16.inc"
    program real, "SDM 2, PUSH, PUSHA, ENTER, LEAVE, POPF", "mode_real"
main:
    push    %sp
    pop     %ax
    check_eq $STACK16, %ax, PUSH SP
    mov     $1, %ax
    mov     $2, %cx
    mov     $3, %bp
    pusha
    xor     %ax, %ax
    xor     %cx, %cx
    popa
    check_eq $1, %ax, POPA AX
    check_eq $2, %cx, POPA CX
    check_eq $STACK16, %sp, POPA discards SP
    enter   $0x20, $1
    check_eq $STACK16-2, %bp, frame pointer of ENTER
    check_eq $STACK16-0x24, %sp, SP of ENTER
    mov     -2(%bp), %ax
    check_eq $STACK16-2, %ax, the display that level 1 pushes
    leave
    check_eq $3, %bp, BP after LEAVE
    check_eq $STACK16, %sp, SP after LEAVE
    pushw   $0x7ed7
    popf
    pushf
    pop     %ax
    check_eq $0x7ed7, %ax, POPF in ring 0 takes IOPL and NT
    pushw   $2
    popf
    pass
