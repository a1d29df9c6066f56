/* SPDX-License-Identifier: MIT */
/*
 * LTR and LLDT read 16 bytes; LGDT, LIDT, SGDT, SIDT move ten; bases must be canonical.
 */
#include "lab64.inc"
    program long, "SDM 3A, TSS Descriptor in 64-bit Mode; SDM 2, LTR, LGDT", "mode_long insn_lgdt insn_ltr"
main:
    sgdt    DATA
    cmpq    $GDT, DATA + 2
    check   e, SGDT stores eight bytes of base
    mov     $LDT_SEL, %eax
    lldt    %ax
    sldt    %rcx
    check_eq $LDT_SEL, %rcx, SLDT
    desc_at GDT+SEL_A, TSS, 0x67, 0x89, 0
    movq    $0x8000, GDT + SEL_A + 8
    mov     $SEL_A, %eax
    fault   GP, SEL_A, ltr %ax
    movq    $0, GDT + SEL_A + 8
    ltr     %ax
    cmpb    $0x8b, GDT + SEL_A + 5
    check   e, LTR sets busy
    fault   GP, SEL_A, ltr %ax
    movw    $0xff, DATA
    movabs  $0x800000000000, %rax
    mov     %rax, DATA + 2
    fault   GP, 0, lgdt DATA
    fault   GP, 0, lidt DATA
    movw    $SEL_F + 7, DATA
    movq    $GDT, DATA + 2
    lgdt    DATA
    desc_at GDT+SEL_F, TSS, 0x67, 0x89, 0
    mov     $SEL_F, %eax
    fault   GP, SEL_F, ltr %ax
    pass
