/* SPDX-License-Identifier: MIT */
/*
 * A call gate in the same ring ignores the offset of the call and pushes CS and EIP.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Call Gates; Accessing a Code Segment Through a Call Gate", "mode_protected"
main:
    gate_at GDT + SEL_A, CODE0, 3f, 0x8c
    gate_at GDT + SEL_B, CODE16, 4f, 0x84
    lcall   $SEL_A, $0xdeadbeef
1:  check_eq $7, %ecx, the procedure ran
    check_eq $KSTACK, %esp, ESP after the return
    lcall   $SEL_B, $0
    check_eq $8, %ecx, a 16-bit gate pushes words
    check_eq $KSTACK, %esp, ESP after the 16-bit return
    ljmp    $SEL_A + 0, $0
3:  cmpl    $KSTACK - 8, %esp
    jne     2f
    mov     $7, %ecx
    cmpl    $1b, (%esp)
    check   e, EIP on the stack
    cmpw    $CODE0, 4(%esp)
    check   e, CS on the stack
    lret
2:  check_eq $KSTACK, %esp, a jump through a gate pushes nothing
    pass
    .code16
4:  mov     $8, %ecx
    lretw
    .code32
