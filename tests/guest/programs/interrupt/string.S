/* SPDX-License-Identifier: MIT */
/*
 * An interrupt comes between the iterations of a repeated string instruction: its address is saved,
 * with RF, and it goes on after IRET.
 */
#include "lab_intr.inc"
    program long, "SDM 2, REP; SDM 3B, Instruction-Breakpoint Exception Condition (RF)", ""
main:
    interrupts
    mov     $ASK_PORT, %edx
    mov     $DATA, %esi
    movl    $0x00000101, DATA
    mov     $4, %ecx
    sti
    nop
1:  rep outsb
    cli
    check_eq $2, %ebx, two interrupts
    check_eq $0, %ecx, RCX in the end
    check_eq $DATA+4, %rsi, RSI in the end
    cmpq    $1b, LAST_RIP
    check   e, the address of the string instruction
    testl   $FLAG_RF, LAST_FLAGS
    check   nz, RF
    pass
