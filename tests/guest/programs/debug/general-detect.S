/* SPDX-License-Identifier: MIT */
/*
 * With DR7.GD any MOV to or from a debug register is #DB before it, with DR6.BD; GD is cleared for
 * the handler.
 */
#include "lab64.inc"
    program long, "SDM 3B, General-Detect Exception Condition", "mode_long"
main:
    xor     %eax, %eax
    mov     %rax, %dr6
    mov     $0x2000, %eax
    mov     %rax, %dr7
    fault   DB, 0, mov %dr0, %rax
    testl   $0x2000, REC_DR6
    check   nz, DR6.BD
    mov     %dr7, %rax
    test    $0x2000, %eax
    check   z, GD is clear
    mov     $0x2000, %eax
    mov     %rax, %dr7
    fault   DB, 0, mov %rax, %dr7
    pass
