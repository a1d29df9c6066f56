/* SPDX-License-Identifier: MIT */
/*
 * In an expand-down segment the offsets above the limit are valid, up to FFFF or, with B, to FFFFFFFF.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Limit Checking (expand-down data segments)", "mode_protected"
main:
    desc    SEL_A, DATA, 0xfff, 0x97, 0
    desc    SEL_B, DATA, 0xfff, 0x97, 4
    desc    SEL_C, DATA, 0x1, 0x97, 0xc
    mov     $SEL_A, %eax
    mov     %ax, %fs
    mov     $SEL_B, %eax
    mov     %ax, %gs
    fault   GP, 0, movb %fs:0, %al
    fault   GP, 0, movb %fs:0xfff, %al
    fault   GP, 0, movw %fs:0xfff, %ax
    movb    %fs:0x1000, %al
    movb    %fs:0xffff, %al
    fault   GP, 0, movw %fs:0xffff, %ax
    fault   GP, 0, movb %fs:0x10000, %al
    fault   GP, 0, movb %gs:0xfff, %al
    movb    $7, %gs:0x10000
    cmpb    $7, DATA + 0x10000
    check   e, above 64 KiB with B
    mov     $SEL_C, %eax
    mov     %ax, %fs
    fault   GP, 0, movb %fs:0x1fff, %al
    movb    %fs:0x2000, %al
    pass
