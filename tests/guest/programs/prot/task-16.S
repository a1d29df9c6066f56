/* SPDX-License-Identifier: MIT */
/*
 * A 16-bit TSS: words, four segments.
 */
#include "lab32.inc"
    program protected, "SDM 3A, 16-Bit Task-State Segment (TSS)", "mode_protected"
main:
    desc    SEL_A, TSS_B, 0x2b, 0x81, 0
    mov     $TSS_B, %edi
    mov     $11, %ecx
    xor     %eax, %eax
    rep stosl
    movw    $new, TSS_B + 0x0e
    movw    $2, TSS_B + 0x10
    movw    $0x1234, TSS_B + 0x12
    movw    $0x8000, TSS_B + 0x1a
    movw    $DATA3, TSS_B + 0x22
    movw    $CODE0, TSS_B + 0x24
    movw    $DATA0, TSS_B + 0x26
    movw    $DATA3, TSS_B + 0x28
    mov     $0x77770000, %ebx
    lcall   $SEL_A, $0
    check_eq $0x77770000, %ebx, EBX of the first task
    pass
new:
    cmp     $0x1234, %ax
    check   e, AX
    check_eq $0x8000, %sp, SP
    cmpw    $TSS_SEL, TSS_B
    check   e, back link
    iret
