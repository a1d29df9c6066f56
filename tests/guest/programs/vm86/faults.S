/* SPDX-License-Identifier: MIT */
/*
 * What the 8086 did not have is #UD; what ring 0 owns is #GP(0); offsets beyond FFFF are #GP(0) and,
 * through SS, #SS(0).
 */
#include "lab32.inc"
    program protected, "SDM 3B, Protection in Virtual-8086 Mode; SDM 2, Virtual-8086 Mode Exceptions", "mode_protected"
main:
    v86     UD, 0, 0, sldt %ax
    v86     UD, 0, 0, lldt %ax
    v86     UD, 0, 0, verr %ax
    v86     UD, 0, 0, lar %bx, %ax
    v86     UD, 0, 0, arpl %ax, %bx
    v86     GP, 0, 0x3000, hlt
    v86     GP, 0, 0x3000, clts
    v86     GP, 0, 0x3000, lmsw %ax
    v86     GP, 0, 0x3000, lgdt 0
    v86     GP, 0, 0x3000, lidt 0
    v86     GP, 0, 0x3000, mov %cr0, %eax
    v86     GP, 0, 0x3000, mov %eax, %dr0
    v86     GP, 0, 0x3000, invd
    v86     GP, 0, 0x3000, rdmsr
    v86     GP, 0, 0, mov 0xffff, %ax
    v86     GP, 0, 0, mov %ax, 0xffff
    v86     SS, 0, 0, mov %ss:0xffff, %ax
    v86_ok  0, mov 0xffff, %al
    v86_ok  0, smsw %ax
    v86     UD, 0, 0, .byte 0xf0, 0x89, 0xc0
    v86     UD, 0, 0, .byte 0xc5, 0xf8, 0x77
    pass
