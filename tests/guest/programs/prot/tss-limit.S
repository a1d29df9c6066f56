/* SPDX-License-Identifier: MIT */
/*
 * A TSS that ends before the stack it shall give is #TS with the task register's selector.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Invalid TSS Exception (#TS)", "mode_protected ring3_int"
main:
    desc    SEL_A, TSS, 8, 0x89, 0
    desc    SEL_B, 0, 0xfffff, A_CODE | 4, 0xc
    gate    TS, handler, 0x8e, SEL_B
    mov     $SEL_A, %eax
    ltr     %ax
    movl    $FLAG_IOPL3 | 2, UFLAGS
    enter_user int40
int40:
    int     $0x40
    fail    INT went through
handler:
    pop     %ecx
    check_eq $SEL_A, %ecx, error code
    pop     %ecx
    check_eq $int40, %ecx, saved EIP
    pass
