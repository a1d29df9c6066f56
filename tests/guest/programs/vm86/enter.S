/* SPDX-License-Identifier: MIT */
/*
 * IRET in ring 0 with VM in the flags enters virtual-8086 mode and pops every segment; segments start
 * at 16 times their selector. An exception leaves it: nine words on ring 0's stack, data segments
 * null.
 */
#include "lab32.inc"
    program protected, "SDM 3B, Entering Virtual-8086 Mode; Leaving Virtual-8086 Mode", "mode_protected"
main:
    movl    $1f, RESUME
    enter_v86 code
    .code16
code:
    mov     $0x1234, %ax
    movw    %ax, 0x10
    movw    %cs, %es:0x12
    movw    %ax, %gs:0x14
    push    %sp
2:  ud2
    .code32
1:  expect  UD, 0, 2b-0x8000, leaving by UD2
    cmpw    $0x1234, 0x30010 + 0x10
    check   e, DS started at 0x30010
    cmpw    $V86_CS, 0x30000 + 0x12
    check   e, CS is the selector
    cmpw    $0x1234, 0x30030 + 0x14
    check   e, GS started at 0x30030
    cmpw    $V86_SP, 0x58000 + V86_SP - 2
    check   e, the stack is in SS
    testl   $FLAG_VM, REC_FLAGS
    check   nz, VM in the saved flags
    mov     REC_FRAME, %ebx
    cmpl    $KSTACK - 0x1000 - 9 * 4 - 4, REC_FRAME
    check   ne, no error code in the frame
    cmpl    $KSTACK - 0x1000 - 9 * 4, REC_FRAME
    check   e, nine words are on the stack of ring 0
    cmpl    $V86_SP - 2, 12(%ebx)
    check   e, saved ESP
    cmpw    $V86_SS, 16(%ebx)
    check   e, saved SS
    cmpw    $0x3000, 20(%ebx)
    check   e, saved ES
    cmpw    $0x3001, 24(%ebx)
    check   e, saved DS
    cmpw    $0x3002, 28(%ebx)
    check   e, saved FS
    cmpw    $0x3003, 32(%ebx)
    check   e, saved GS
    mov     %fs, %eax
    check_eq $0, %ax, FS is null in the handler
    mov     %gs, %eax
    check_eq $0, %ax, GS is null in the handler
    pass
