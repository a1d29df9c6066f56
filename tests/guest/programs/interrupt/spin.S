/* SPDX-License-Identifier: MIT */
/*
 * An interrupt reaches a loop that does nothing but wait for it, asked for before IF is set and after; an NMI
 * reaches one with IF clear. Where it is taken is not asked: that is the other programs' matter.
 */
#include "lab_intr.inc"
    program long, "SDM 3A, Masking Maskable Hardware Interrupts; SDM 3A, Nonmaskable Interrupt", ""
main:
    interrupts
    gate    2, on_interrupt
    ask
    mov     $1000, %ecx
1:  dec     %ecx
    jnz     1b
    check_eq $0, %ebx, none while IF is clear
    sti
    spin
    check_eq $1, %ebx, the one that waited
    xor     %ebx, %ebx
    ask
    spin
    check_eq $1, %ebx, the one asked for with IF set
    cli
    xor     %ebx, %ebx
    ask_nmi
    spin
    check_eq $1, %ebx, the NMI
    pass
