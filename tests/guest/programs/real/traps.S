/* SPDX-License-Identifier: MIT */
/*
 * INTO and INT3 save the address of what follows, BOUND its own.
 */
#include "lab16.inc"
    program real, "SDM 3A, Exception Reference, #BP, #OF, #BR", "mode_real insn_int3"
main:
    trap    BP, int3
    xor     %ax, %ax
    into
    mov     $0x7f, %al
    inc     %al
    trap    OF, into
    mov     $5, %ax
    bound   %ax, bounds
    mov     $4, %ax
    bound   %ax, bounds
    mov     $6, %ax
    bound   %ax, bounds
    mov     $7, %ax
    fault   BR, bound %ax, bounds
    mov     $-1, %ax
    fault   BR, bound %ax, bounds
    trap    3, .byte 0xcd, 3
    pass
bounds:
    .word   4, 6
