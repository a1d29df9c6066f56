/* SPDX-License-Identifier: MIT */
/*
 * A task switch to a TSS whose EFLAGS has VM enters virtual-8086 mode.
 */
#include "lab32.inc"
    program protected, "SDM 3B, Entering Virtual-8086 Mode (task switch); SDM 3A, Task Switching", "mode_protected"
main:
    mov     $TSS_B, %edi
    mov     $26, %ecx
    xor     %eax, %eax
    rep stosl
    movl    $KSTACK - 0x1000, TSS_B + 4
    movl    $DATA0, TSS_B + 8
    movl    $code - 0x8000, TSS_B + 0x20
    movl    $FLAG_VM | 2, TSS_B + 0x24
    movl    $0x77, TSS_B + 0x28
    movl    $V86_SP, TSS_B + 0x38
    movl    $0x3000, TSS_B + 0x48
    movl    $V86_CS, TSS_B + 0x4c
    movl    $V86_SS, TSS_B + 0x50
    movl    $0x3001, TSS_B + 0x54
    movl    $1f, RESUME
    mov     %esp, KSP
    ljmp    $TSS_B_SEL, $0
    .code16
code:
    mov     %ax, 0
2:  ud2
    .code32
1:  expect  UD, 0, 2b-0x8000, the instruction after the first of the new task
    cmpw    $0x77, 0x30010
    check   e, DS and EAX of the new task
    testl   $FLAG_VM, REC_FLAGS
    check   nz, VM
    str     %ax
    check_eq $TSS_B_SEL, %ax, the task register
    mov     %cr0, %eax
    test    $CR0_TS, %al
    check   nz, CR0.TS
    pass
