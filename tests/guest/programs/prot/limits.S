/* SPDX-License-Identifier: MIT */
/*
 * The last byte of an access must not lie beyond the limit; with G the limit counts pages and its low
 * 12 bits are ones.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Limit Checking", "mode_protected"
main:
    desc    SEL_A, DATA, 0xff, A_DATA, 4
    desc    SEL_B, DATA, 1, A_DATA, 0xc
    mov     $SEL_A, %eax
    mov     %ax, %fs
    mov     $SEL_B, %eax
    mov     %ax, %gs
    movb    $1, %fs:0xff
    movw    $0x1234, %fs:0xfe
    movl    $5, %fs:0xfc
    cmpl    $5, DATA + 0xfc
    check   e, the last word of the segment
    fault   GP, 0, movb %al, %fs:0x100
    fault   GP, 0, movw %ax, %fs:0xff
    fault   GP, 0, movl %fs:0xfd, %eax
    fault   GP, 0, movl %fs:0xffffffff, %eax
    fault   GP, 0, cmpb %al, %fs:-1
    movb    $1, %gs:0x1fff
    fault   GP, 0, movb $1, %gs:0x2000
    fault   GP, 0, movw $1, %gs:0x1fff
    mov     $SEL_B, %ecx
    lsl     %ecx, %eax
    check_eq $0x1fff, %eax, LSL of a limit in pages
    pass
