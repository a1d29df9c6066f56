/* SPDX-License-Identifier: MIT */
/*
 * A segment starts at 16 times its selector, so FFFF:0010 is the first byte above 1 MiB: with the A20
 * line on, nothing wraps.
 */
#include "lab16.inc"
    program real, "SDM 3B, 8086 Emulation: Address Translation in Real-Address Mode", "mode_real"
main:
    mov     $0xffff, %ax
    mov     %ax, %fs
    movb    $0x11, 0xa000
    movb    $0x22, 0
    movb    $0x5a, %fs:0x10
    cmpb    $0x22, 0
    check   e, FFFF:0010 is not byte 0
    cmpb    $0x5a, %fs:0x10
    check   e, FFFF:0010 holds what was written
    movb    $0x33, %fs:0xffff
    cmpb    $0x33, %fs:0xffff
    check   e, the last byte that real mode reaches, 10FFEF
    mov     $0xa00, %ax
    mov     %ax, %fs
    cmpb    $0x11, %fs:0
    check   e, segment 0a00 starts at a000
    pass
