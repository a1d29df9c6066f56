/* SPDX-License-Identifier: MIT */
/*
 * FNSTENV and FNSAVE: 28 bytes with 32-bit operands, 14 with 16; exceptions are masked by the first
 * and all is reset by the second.
 */
#include "lab64.inc"
    program long, "SDM 1, Saving the x87 FPU's State with FSTENV/FNSTENV and FSAVE/FNSAVE", "mode_long"
main:
    mov     $DATA, %edi
    mov     $64, %ecx
    mov     $-1, %rax
    rep stosq
    fninit
    fld1
    movw    $0x340, DATA + 0x180
    fldcw   DATA + 0x180
    fnstenv DATA
    cmpl    $0xffff0340, DATA
    check   e, FCW and the ones above it
    cmpl    $0xffff3800, DATA + 4
    check   e, FSW with TOP 7
    cmpl    $0xffff3fff, DATA + 8
    check   e, the full tag word
    cmpl    $-1, DATA + 28
    check   e, 28 bytes
    fnstcw  DATA + 0x180
    cmpw    $0x37f, DATA + 0x180
    check   e, FNSTENV masks all exceptions
    fnsave  DATA + 0x40
    cmpw    $0x3fff, DATA + 0x40 + 28 + 8
    check   e, ST0 in the image
    fnstsw  %ax
    check_eq $0, %ax, FNSAVE resets
    frstor  DATA + 0x40
    fstps   DATA + 0x180
    cmpl    $0x3f800000, DATA + 0x180
    check   e, FRSTOR
    .byte   0x66
    fnstenv DATA + 0x100
    cmpw    $0x37f, DATA + 0x100
    check   e, FCW of the short form
    cmpw    $0xffff, DATA + 0x104
    check   e, tag word of the short form
    cmpw    $0xffff, DATA + 0x10e
    check   e, 14 bytes
    fldenv  DATA
    fnstcw  DATA + 0x180
    cmpw    $0x340, DATA + 0x180
    check   e, FLDENV
    fninit
    pass
