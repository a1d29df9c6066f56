/* SPDX-License-Identifier: MIT */
/*
 * A data breakpoint that MOV SS meets is reported after the next instruction; a code breakpoint on
 * the next instruction is not reported.
 */
#include "lab64.inc"
    program long, "SDM 3A, Masking Exceptions and Interrupts When Switching Stacks; SDM 2, MOV", "mode_long watch_ring0 hw_break_ring0"
main:
    movw    $DATA0, DATA
    mov     $DATA, %eax
    mov     %rax, %dr0
    mov     $next, %eax
    mov     %rax, %dr1
    mov     $0x0007000a, %eax   /* DR0: two bytes, accesses; DR1: execution */
    mov     %rax, %dr7
    mov     %rsp, KSP
    movq    $1f, RESUME
    mov     DATA, %ss
next:
    nop
2:  nop
    fail    no breakpoint
1:  expect  DB, 0, 2b, behind the instruction that follows MOV SS
    mov     REC_DR6, %eax
    and     $0x400f, %eax
    check_eq $1, %eax, DR6.B0 alone
    pass
