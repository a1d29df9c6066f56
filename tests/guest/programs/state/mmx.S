/* SPDX-License-Identifier: MIT */
/*
 * MMX registers are the mantissas of x87: writing one sets TOP to 0, all tags valid and the exponent
 * to ones; EMMS empties.
 */
#include "lab64.inc"
    program long, "SDM 1, The MMX State and MMX Register Aliasing; SDM 3A, Effect of MMX Instructions on x87 State", "mode_long"
main:
    fninit
    fld1
    movabs  $0x1122334455667788, %rax
    movq    %rax, %mm2
    fxsave  DATA
    movzwl  DATA + 2, %ecx
    and     $0x3800, %ecx
    check_eq $0, %ecx, TOP
    cmpb    $0xff, DATA + 4
    check   e, all tags valid
    cmp     %rax, DATA + 32 + 2 * 16
    check   e, the mantissa
    cmpw    $0xffff, DATA + 32 + 2 * 16 + 8
    check   e, sign and exponent
    emms
    fxsave  DATA
    cmpb    $0, DATA + 4
    check   e, EMMS
    fninit
    pass
