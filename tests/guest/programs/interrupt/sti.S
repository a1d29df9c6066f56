/* SPDX-License-Identifier: MIT */
/*
 * STI holds interrupts off until after the next instruction, when IF was clear; POPF and IRET do not.
 * STI followed by CLI lets none in.
 */
#include "lab_intr.inc"
    program long, "SDM 2, STI, CLI, POPF; SDM 3A, Masking Maskable Hardware Interrupts", ""
main:
    interrupts
    ask
    nop
    check_eq $0, %ebx, no interrupt while IF is clear
    sti
    inc     %ecx
1:  inc     %ecx
    taken   1b, behind the instruction after STI
    cli
    ask
    sti
    sti
2:  nop
    taken   2b, a second STI holds nothing off
    cli
    ask
    mov     $0, %ebx
    sti
    cli
    nop
    nop
    check_eq $0, %ebx, STI and CLI let none in
    pushfq
    orq     $FLAG_IF, (%rsp)
    popfq
3:  nop
    taken   3b, right behind POPF
    cli
    ask
    pushq   $DATA0
    pushq   $KSTACK
    pushq   $FLAG_IF | 2
    pushq   $CODE0
    pushq   $4f
    iretq
4:  nop
    taken   4b, right behind IRET
    cli
    pass
