/* SPDX-License-Identifier: MIT */
/*
 * Selectors with TI name the LDT; without one they are #GP, beyond its limit too.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Local Descriptor Table; SDM 2, LLDT", "mode_protected"
main:
    mov     $0x0c, %ecx
    fault   GP, 0x0c, mov %cx, %fs
    mov     $LDT_SEL, %eax
    lldt    %ax
    sldt    %dx
    check_eq $LDT_SEL, %dx, SLDT
    desc_at LDT + 8, DATA, 0xfff, A_DATA, 4
    desc_at LDT + 16, 0, 0xfffff, A_CODE, 0xc
    mov     %cx, %fs
    movl    $0x99, %fs:4
    cmpl    $0x99, DATA + 4
    check   e, a segment of the LDT
    ljmp    $0x14, $1f
1:  mov     %cs, %eax
    check_eq $0x14, %ax, code of the LDT
    ljmp    $CODE0, $1f
1:  mov     $0x24, %ecx
    fault   GP, 0x24, mov %cx, %fs
    mov     $DATA0, %eax
    fault   GP, DATA0, lldt %ax
    mov     $LDT_SEL + 4, %eax
    fault   GP, LDT_SEL+4, lldt %ax
    movb    $0x02, GDT + LDT_SEL + 5
    mov     $LDT_SEL, %eax
    fault   NP, LDT_SEL, lldt %ax
    mov     $TSS_SEL, %eax
    fault   GP, TSS_SEL, ltr %ax
    movb    $0x09, GDT + TSS_B_SEL + 5
    mov     $TSS_B_SEL, %eax
    fault   NP, TSS_B_SEL, ltr %ax
    pass
