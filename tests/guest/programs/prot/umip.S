/* SPDX-License-Identifier: MIT */
/*
 * SGDT, SIDT, SLDT, STR and SMSW work in ring 3, and are #GP(0) there with CR4.UMIP.
 */
#include "lab32.inc"
    program protected, "SDM 2, SGDT, SMSW; SDM 3A, Control Registers (CR4.UMIP)", "mode_protected"
main:
    user_ok sgdt DATA
    cmpl    $GDT, DATA + 2
    check   e, base of the GDT
    cmpw    $0xff, DATA
    check   e, limit of the GDT
    user_ok sidt DATA
    user_ok sldt %ax
    user_ok str DATA
    cmpw    $TSS_SEL, DATA
    check   e, STR to memory writes a word
    user_ok smsw %eax
    mov     $7, %eax
    xor     %ecx, %ecx
    cpuid
    bt      $2, %ecx
    jc      1f
    end_with ENDS_UNOFFERED
1:  mov     %cr4, %eax
    or      $CR4_UMIP, %eax
    mov     %eax, %cr4
    user    GP, 0, sgdt DATA
    user    GP, 0, sidt DATA
    user    GP, 0, sldt %ax
    user    GP, 0, str %ax
    user    GP, 0, smsw %ax
    sgdt    DATA
    smsw    %ax
    pass
