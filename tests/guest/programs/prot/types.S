/* SPDX-License-Identifier: MIT */
/*
 * Read-only data and code are not written, execute-only code is not read: #GP(0).
 */
#include "lab32.inc"
    program protected, "SDM 3A, Type Checking", "mode_protected"
main:
    desc    SEL_A, 0, 0xfffff, 0x91, 0xc
    desc    SEL_B, 0, 0xfffff, 0x99, 0xc
    mov     $SEL_A, %eax
    mov     %ax, %fs
    mov     %fs:DATA, %ecx
    fault   GP, 0, movl $1, %fs:DATA
    fault   GP, 0, lock addl $1, %fs:DATA
    fault   GP, 0, movl $1, %cs:DATA
    mov     %cs:DATA, %ecx
    movw    DATA - 2, %cx
    ljmp    $SEL_B, $1f
1:  fault   GP, 0, mov %cs:DATA, %ecx
    ljmp    $CODE0, $1f
1:  pass
