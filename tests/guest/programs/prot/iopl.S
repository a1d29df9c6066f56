/* SPDX-License-Identifier: MIT */
/*
 * IOPL decides about CLI, STI and ports; POPF in ring 3 changes neither IOPL nor, below it, IF, and
 * raises nothing.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Privileged Instructions; SDM 1, I/O Privilege Level; SDM 2, POPF", "mode_protected"
main:
    user    GP, 0, cli
    user    GP, 0, sti
    user    GP, 0, hlt
    user    GP, 0, clts
    user    GP, 0, mov %cr0, %eax
    user    GP, 0, mov %dr7, %eax
    user    GP, 0, lgdt GDT - 8
    user    GP, 0, lldt %ax
    user    GP, 0, ltr %ax
    user    GP, 0, lmsw %ax
    user    GP, 0, invlpg (%eax)
    user    GP, 0, wbinvd
    user    GP, 0, rdmsr
    user    GP, 0, wrmsr
    movl    $FLAG_IOPL3 | 2, UFLAGS
    user_ok cli
    user_ok sti
    testl   $FLAG_IF, REC_FLAGS
    check   nz, STI with IOPL 3
    movl    $FLAG_IF | 2, UFLAGS
    movl    $1f, RESUME
    enter_user 2f
2:  pushl   $FLAG_IOPL3 | FLAG_CF | 2
    popf
3:  ud2
1:  expect  UD, 0, 3b, POPF in ring 3
    mov     REC_FLAGS, %eax
    and     $FLAG_IOPL3 | FLAG_IF | FLAG_CF, %eax
    check_eq $FLAG_IF|FLAG_CF, %eax, POPF changed CF only
    pass
