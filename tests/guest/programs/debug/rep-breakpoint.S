/* SPDX-License-Identifier: MIT */
/*
 * A data breakpoint in a repeated instruction traps after the iteration that made the access; RF lets all iterations pass.
 */
#include "lab64.inc"
    program long, "SDM 3B, Data Memory and I/O Breakpoint Exception Conditions", "mode_long watch_ring0"
main:
    mov     $DATA + 16, %eax
    mov     %rax, %dr2
    mov     $0x01000020, %eax
    mov     %rax, %dr7
    mov     $DATA, %edi
    mov     $8, %ecx
    mov     $0x55, %eax
    mov     %rsp, KSP
    movq    $1f, RESUME
2:  rep stosq
    fail    no trap
1:  expect  DB, 0, 2b, in the middle of REP STOS
    check_eq $5, %rcx, iterations left
    check_eq $DATA+24, %rdi, RDI after the access
    testl   $4, REC_DR6
    check   nz, DR6.B2
    testl   $FLAG_RF, REC_FLAGS
    check   nz, RF in the flags saved between iterations
    xor     %eax, %eax
    mov     %rax, %dr6
    mov     $3f, %eax
    mov     %rax, %dr0
    mov     $2, %eax
    mov     %rax, %dr7
    mov     $4, %ecx
    pushq   $DATA0
    pushq   $KSTACK
    pushq   $FLAG_RF | 2
    pushq   $CODE0
    pushq   $3f
    iretq
3:  rep stosb
    check_eq $0, %rcx, a code breakpoint passed with RF does not stop further iterations
    pass
