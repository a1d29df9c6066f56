/* SPDX-License-Identifier: MIT */
/*
 * Data breakpoints trap after the access: writes for R/W 1, reads and writes for 3, in the bytes that
 * LEN covers; DR6.Bn says which.
 */
#include "lab64.inc"
    program long, "SDM 3B, Data Memory and I/O Breakpoint Exception Conditions; Debug Address Registers, LEN", "mode_long watch_ring0"
main:
    mov     $DATA + 4, %eax
    mov     %rax, %dr0
    mov     $DATA + 0x10, %eax
    mov     %rax, %dr3
    .macro  arm dr7:req
    xor     %eax, %eax
    mov     %rax, %dr6
    mov     $\dr7, %eax
    mov     %rax, %dr7
    .endm
    .macro  hits dr6:req, insn:vararg
    trap    DB, \insn
    mov     REC_DR6, %eax
    and     $0x400f, %eax
    check_eq $\dr6, %eax, DR6 after: \insn
    .endm
    arm     0x000d0002      /* DR0: four bytes, writes */
    mov     DATA + 4, %ecx
    movl    $1, DATA
    movl    $1, DATA + 8
    hits    1, movl $2, DATA + 4
    arm     0x000d0002
    hits    1, movb $2, DATA + 7
    arm     0x000d0002
    hits    1, movq $2, DATA + 1
    cmpl    $0, DATA + 5
    check   e, the write was made
    arm     0x000d0002
    hits    1, incl DATA + 4
    arm     0x000d0002
    hits    1, lock addl $1, DATA + 4
    arm     0x000d0002
    mov     $DATA + 8, %esp
    movq    $1f, RESUME
    movq    $KSTACK, KSP
    push    %rax
2:  nop
1:  expect  DB, 0, 2b, a push
    arm     0x000f0002      /* reads too */
    hits    1, mov DATA + 4, %ecx
    arm     0x000f0002
    hits    1, cmpb $0, DATA + 5
    arm     0x000f0002
    mov     $DATA + 4, %esi
    hits    1, lodsb
    arm     0x10000080      /* DR3: one byte, writes */
    movb    $1, DATA + 0x11
    hits    8, movb $1, DATA + 0x10
    arm     0x100d0082
    hits    9, movups %xmm0, DATA + 1
    pass
