/* SPDX-License-Identifier: MIT */
/*
 * An address that is not canonical is #GP(0), through RSP or RBP #SS(0); a jump there is #GP(0).
 */
#include "lab64.inc"
    program long, "SDM 1, Canonical Addressing; SDM 3A, Exception Reference, #GP, #SS", "mode_long"
main:
    movabs  $0x800000000000, %rbx
    fault   GP, 0, mov (%rbx), %eax
    fault   GP, 0, mov %eax, (%rbx)
    fault   GP, 0, mov -4(%rbx), %rax
    movabs  $0xffff7fffffffffff, %rcx
    fault   GP, 0, mov (%rcx), %al
    fault   GP, 0, lock incl (%rbx)
    mov     %rbx, %rbp
    fault   SS, 0, mov (%rbp), %eax
    fault   SS, 0, mov %ds:(%rbp), %eax
    fault   GP, 0, jmp *%rbx
    fault   GP, 0, call *%rbx
    check_eq $KSTACK, %rsp, a failed CALL pushes nothing
    push    %rbx
    fault   GP, 0, ret
    pop     %rax
    mov     %rbx, %rsp
    movq    $KSTACK, KSP
    movq    $1f, RESUME
    movb    $1, IDT + 16 * SS + 4
2:  pop     %rax
1:  expect  SS, 0, 2b, POP at an address that is not canonical
    prefetcht0 (%rbx)
    lea     (%rbx), %rax
    invlpg  (%rbx)
    mov     $DATA, %esi
    mov     %rbx, %rdi
    fault   GP, 0, movsb
    check_eq $DATA, %rsi, RSI of a MOVS that failed
    pass
