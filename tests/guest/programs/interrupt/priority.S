/* SPDX-License-Identifier: MIT */
/*
 * CR8 holds off interrupts whose priority, bits 7:4 of the vector, is not above it; they come when it is lowered.
 */
#include "lab_intr.inc"
    program long, "SDM 3A, Interrupt Masking: Task Priority; Interaction of Task Priorities between CR8 and APIC", ""
main:
    interrupts
    mov     $3, %eax
    mov     %rax, %cr8
    mov     %cr8, %rcx
    check_eq $3, %rcx, CR8
    sti
    ask
    mov     $1000, %ecx
1:  dec     %ecx
    jnz     1b
    check_eq $0, %ebx, vector 0x30 waits for CR8 below 3
    mov     $2, %eax
    mov     %rax, %cr8
2:  test    %ebx, %ebx
    jz      2b
    cli
    check_eq $1, %ebx, it came once
    mov     %cr8, %rcx
    check_eq $2, %rcx, CR8 stays
    pass
