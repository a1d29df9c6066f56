/* SPDX-License-Identifier: MIT */
/*
 * With IOPL below 3 the instructions that deal with IF are #GP(0): CLI, STI, PUSHF, POPF, INT n,
 * IRET. INT3 is not.
 */
#include "lab32.inc"
    program protected, "SDM 3B, Sensitive Instructions; Interrupt and Exception Handling in Virtual-8086 Mode", "mode_protected"
main:
    v86     GP, 0, 0x2000, cli
    v86     GP, 0, 0x2000, sti
    v86     GP, 0, 0x2000, pushf
    v86     GP, 0, 0x2000, pushfl
    v86     GP, 0, 0x2000, popf
    v86     GP, 0, 0x2000, int $0x40
    v86     GP, 0, 0x2000, iret
    v86     GP, 0, 0x2000, iretl
    movl    $1f, RESUME
    enter_v86 2f, 0
    .code16
2:  int3
3:  nop
    .code32
1:  expect  BP, 0, 3b-0x8000, INT3 with IOPL 0
    pass
