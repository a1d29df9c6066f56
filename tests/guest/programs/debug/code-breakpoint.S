/* SPDX-License-Identifier: MIT */
/*
 * A code breakpoint is a fault before the instruction, with DR6.Bn; RF in the restored flags lets it
 * pass once; a disabled one does nothing.
 */
#include "lab64.inc"
    program long, "SDM 3B, Instruction-Breakpoint Exception Condition", "mode_long hw_break_ring0"
main:
    xor     %eax, %eax
    mov     %rax, %dr6
    mov     $at, %eax
    mov     %rax, %dr1
    mov     $0x8, %eax      /* G1 */
    mov     %rax, %dr7
    xor     %ebx, %ebx
    mov     %rsp, KSP
    movq    $1f, RESUME
at: inc     %ebx
    fail    no breakpoint
1:  expect  DB, 0, at, a code breakpoint
    check_eq $0, %ebx, the instruction was not executed
    mov     REC_DR6, %eax
    and     $0x400f, %eax
    check_eq $2, %eax, DR6.B1 alone
    testl   $FLAG_RF, REC_FLAGS
    check   nz, RF in the saved flags
    pushq   $DATA0
    pushq   $KSTACK
    pushq   $FLAG_RF | 2
    pushq   $CODE0
    pushq   $at2
    mov     $at2, %eax
    mov     %rax, %dr1
    iretq
at2:
    inc     %ebx
    check_eq $1, %ebx, RF let it pass
    mov     $2, %ecx
    mov     $at3, %eax
    mov     %rax, %dr1
    movq    $2f, RESUME
at3:
    nop
    fail    RF is cleared by the instruction
2:  expect  DB, 0, at3, the next breakpoint
    xor     %eax, %eax
    mov     %rax, %dr7
    call    at4
    mov     $0x8, %eax
    mov     %rax, %dr7
    movq    $3f, RESUME
    mov     $at4, %eax
    mov     %rax, %dr1
    enter_user at4
at4:
    ret
3:  expect  DB, 0, at4, a breakpoint in ring 3
    pass
