/* SPDX-License-Identifier: MIT */
/*
 * Loading a segment register checks table limit, type, rings and presence, in that order; the error
 * code is the selector without RPL.
 */
#include "lab32.inc"
    program protected, "SDM 2, MOV (protected-mode exceptions); SDM 3A, Privilege Level Checking When Accessing Data Segments; Loading the SS Register", "mode_protected"
main:
    desc    SEL_A, 0, 0xfffff, 0x99, 0xc
    desc    SEL_B, 0, 0xfffff, A_DATA & 0x7f, 0xc
    desc    SEL_C, 0, 0xfffff, 0x91, 0xc
    desc    SEL_D, 0, 0xfffff, 0x9f, 0xc
    desc    SEL_E, 0, 0xfffff, A_DATA | 0x20, 0xc
    mov     $SEL_OUT + 3, %eax
    fault   GP, SEL_OUT, mov %ax, %fs
    mov     $SEL_A, %eax
    fault   GP, SEL_A, mov %ax, %fs
    mov     $SEL_B, %eax
    fault   NP, SEL_B, mov %ax, %fs
    fault   SS, SEL_B, mov %ax, %ss
    mov     $SEL_C, %eax
    mov     %ax, %fs
    fault   GP, SEL_C, mov %ax, %ss
    mov     $DATA0 + 1, %eax
    fault   GP, DATA0, mov %ax, %fs
    fault   GP, DATA0, mov %ax, %ss
    mov     $DATA3, %eax
    fault   GP, 0x20, mov %ax, %ss
    mov     $SEL_D + 3, %eax
    mov     %ax, %gs
    mov     $SEL_E + 1, %eax
    mov     %ax, %fs
    mov     $SEL_E + 2, %eax
    fault   GP, SEL_E, mov %ax, %fs
    mov     $TSS_SEL, %eax
    fault   GP, TSS_SEL, mov %ax, %fs
    pushl   $SEL_A
    mov     %esp, %ebx
    fault   GP, SEL_A, pop %fs
    check_eq %ebx, %esp, a failed POP leaves ESP
    movw    $SEL_B, DATA + 4
    mov     $9, %ecx
    fault   NP, SEL_B, lgs DATA, %ecx
    check_eq $9, %ecx, a failed LGS leaves its register
    pass
