/* SPDX-License-Identifier: MIT */
/*
 * Offsets end at FFFF: an access that goes beyond is #GP, or #SS through SS, and pushes no error code.
 */
#include "lab16.inc"
    program real, "SDM 3A, Real-Address Mode; SDM 3B, 8086 Emulation, table Real-Address Mode Exceptions and Interrupts", "mode_real"
main:
    mov     0xffff, %al
    fault   GP, mov 0xffff, %ax
    fault   GP, movw $1, 0xffff
    fault   GP, mov 0xfffd, %eax
    mov     $0xffff, %bp
    fault   SS, mov (%bp), %ax
    mov     $0x10000, %ebx
    fault   GP, mov (%ebx), %al
    pass
