/* SPDX-License-Identifier: MIT */
/*
 * MOV SS holds interrupts off for one instruction.
 */
#include "lab_intr.inc"
    program long, "SDM 2, MOV; SDM 3A, Masking Exceptions and Interrupts When Switching Stacks", ""
main:
    interrupts
    ask
    mov     %ss, %ecx
    sti
    mov     %ecx, %ss
    nop
1:  nop
    taken   1b, behind the instruction after MOV SS
    cli
    pass
