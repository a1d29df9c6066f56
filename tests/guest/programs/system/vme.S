/* SPDX-License-Identifier: MIT */
/*
 * With CR4.PVI, CLI and STI of ring 3 below IOPL 3 work on VIF; STI is #GP(0) while VIP is set, and so is any
 * instruction that begins with both. PUSHF and POPF are what they were.
 */
#include "lab64.inc"
    program long, "SDM 3B, Protected-Mode Virtual Interrupts; SDM 2, CLI, STI", "mode_long mode_long_ring3"
    .set FLAG_VIF, 0x80000
    .set FLAG_VIP, 0x100000
main:
    mov     $1, %eax
    cpuid
    bt      $1, %edx
    jc      1f
    end_with ENDS_UNOFFERED
1:  user    GP, 0, cli
    mov     %cr4, %rax
    or      $CR4_PVI, %eax
    mov     %rax, %cr4
    user_ok sti
    testl   $FLAG_VIF, REC_FLAGS
    check   nz, STI sets VIF
    testl   $FLAG_IF, REC_FLAGS
    check   z, STI leaves IF alone
    movl    $2 | FLAG_VIF, UFLAGS
    user_ok cli
    testl   $FLAG_VIF, REC_FLAGS
    check   z, CLI clears VIF
    movl    $2 | FLAG_VIP, UFLAGS
    user    GP, 0, sti
    user_ok cli
    user_ok nop
    movl    $2 | FLAG_VIP | FLAG_VIF, UFLAGS
    user    GP, 0, nop
    movl    $2 | FLAG_VIP | FLAG_VIF | FLAG_IOPL3, UFLAGS
    user_ok nop
    movl    $2 | FLAG_VIF, UFLAGS
    user_ok pushf
    testl   $FLAG_VIF, USTACK - 8
    check   nz, PUSHF shows VIF in its own place
    testl   $FLAG_IF, USTACK - 8
    check   z, PUSHF shows IF as it is
    pass
