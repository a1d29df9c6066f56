/* SPDX-License-Identifier: MIT */
/*
 * A data breakpoint on the stack that an exception's frame goes to: the debug exception comes when the handler has been
 * entered, before its first instruction. One met by an instruction that faults itself is not reported.
 */
#include "lab64.inc"
    program long, "SDM 3B, Data Memory and I/O Breakpoint Exception Conditions; SDM 3A, Priority Among Concurrent Events", "mode_long mode_long_4k watch_ring0"
    .set FRAME, KSTACK - 0x8000
main:
    own_tables
    mov     $FRAME - 8, %eax
    mov     %rax, %dr1
    gate    UD, invalid
    gate    0x41, software
    .macro  arm
    xor     %eax, %eax
    mov     %rax, %dr6
    mov     $0x00900008, %eax   /* DR1: eight bytes, writes */
    mov     %rax, %dr7
    .endm
    arm
    movq    $1f, RESUME
    movq    $KSTACK, KSP
    mov     $FRAME, %esp
    ud2
1:  expect  DB, 0, invalid, a frame of #UD
    mov     REC_DR6, %eax
    and     $0x400f, %eax
    check_eq $2, %eax, DR6 after the frame
    cmpq    $DATA0, FRAME - 8
    check   e, the frame is there
    arm
    movq    $2f, RESUME
    movq    $KSTACK, KSP
    mov     $FRAME, %esp
    int     $0x41
2:  expect  DB, 0, software, a frame of INT n
    set_pte PAGE_B, 0
    mov     $PAGE_B - 8, %eax
    mov     %rax, %dr1
    arm
    mov     $KSTACK, %esp
    movq    $3f, RESUME
    movq    $KSTACK, KSP
    mov     $PAGE_B - 8, %edi
    mov     $DATA, %esi
4:  movups  %xmm0, PAGE_B - 8
3:  expect  PF, 2, 4b, a fault in the middle
    mov     REC_DR6, %eax
    and     $0xf, %eax
    check   z, nothing was met
    pass
invalid:
    fail    the handler of UD2 began first
software:
    fail    the handler of INT n began first
