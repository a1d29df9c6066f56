/* SPDX-License-Identifier: MIT */
/*
 * MOV SS and POP SS hold the trap off until after the next instruction; INT n does not trap in its
 * handler; a fault comes instead of the trap.
 */
#include "lab64.inc"
    program long, "SDM 3B, Single-Step Exception Condition; SDM 2, MOV (MOV SS), POP SS; SDM 3A, Masking Exceptions and Interrupts When Switching Stacks", "mode_long step_ring0 insn_int_n"
main:
    gate    DB, count
    gate    0x30, other
    xor     %ebx, %ebx
    mov     $trail, %edi
    mov     %ss, %edx
    pushfq
    orq     $FLAG_TF, (%rsp)
    popfq
    mov     %edx, %ss
s1: nop
s2: nop
s3: int     $0x30
s4: nop
s5: pushfq
    andq    $~FLAG_TF, (%rsp)
    popfq
s6: cmpq    $s2, trail
    check   e, no trap between MOV SS and what follows
    cmpq    $s3, trail + 8
    check   e, then one after each
    cmpq    $other, trail + 16
    check   ne, no trap in the handler of INT n
    cmpq    $s5, trail + 16
    check   e, the next trap is after the instruction behind IRET
    check_eq $6, %ebx, traps in all
    pass
other:
    nop
    iretq
count:
    push    %rax
    mov     8(%rsp), %rax
    stosq
    inc     %ebx
    pop     %rax
    iretq
trail:
    .fill   16, 8, 0
