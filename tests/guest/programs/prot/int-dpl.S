/* SPDX-License-Identifier: MIT */
/*
 * INT n needs a gate with DPL not below CPL: #GP(8n+2). Exceptions do not look at it.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Protection of Exception- and Interrupt-Handler Procedures; Error Code", "mode_protected ring3_int"
main:
    user    GP, 0x30*8+2, int $0x30
    user    GP, 14*8+2, int $14
    movb    $0x8e, IDT + 8 * BP + 5
    user    GP, 3*8+2, int3
    movb    $0x8e, IDT + 8 * OF + 5
    movl    $1f, RESUME
    enter_user 2f
2:  mov     $0x7f, %al
    inc     %al
3:  into
1:  expect  GP, 4*8+2, 3b, INTO in ring 3
    xor     %ecx, %ecx
    user    DE, 0, div %ecx
    movl    $4f, RESUME
    enter_user 5f
5:  int     $0x40
6:  nop
4:  expect  0x40, 0, 6b, INT n with DPL 3
    pass
