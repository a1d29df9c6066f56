/* SPDX-License-Identifier: MIT */
/*
 * Instructions that need protected mode are #UD in real mode.
 */
#include "lab16.inc"
    program real, "SDM 2, Real-Address Mode Exceptions of LLDT, LTR, SLDT, STR, LAR, LSL, VERR, ARPL", "mode_real"
main:
    fault   UD, sldt %ax
    fault   UD, str %ax
    fault   UD, lldt %ax
    fault   UD, ltr %ax
    fault   UD, verr %ax
    fault   UD, verw %ax
    fault   UD, lar %bx, %ax
    fault   UD, lsl %bx, %ax
    fault   UD, arpl %ax, %bx
    fault   UD, ud2
    fault   UD, .byte 0x0f, 0xff, 0xc0
    fault   UD, .byte 0x8c, 0xf0
    fault   UD, .byte 0x8e, 0xc8
    smsw    %ax
    test    $1, %al
    check   z, SMSW works and PE is clear
    pass
