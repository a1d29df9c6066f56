/* SPDX-License-Identifier: MIT */
/*
 * TF traps after each instruction but the one that sets it by POPF; the trap shows in DR6.BS; INT n
 * and SYSCALL take TF away, IRET brings it back.
 */
#include "lab64.inc"
    program long, "SDM 3B, Single-Step Exception Condition", "mode_long step_ring0"
main:
    gate    DB, count
    xor     %ebx, %ebx
    mov     $trail, %edi
    pushfq
    orq     $FLAG_TF, (%rsp)
    popfq
s1: nop
s2: mov     $1, %eax
s3: jmp     s5
s4: nop
s5: mov     $2, %ecx
    mov     $trail, %esi
s6: rep lodsq
s7: pushfq
s8: andq    $~FLAG_TF, (%rsp)
s9: popfq
s10:
    .macro  step n:req, at:req
    cmpq    $\at, trail + 8 * \n
    check   e, trap number \n
    .endm
    step    0, s2
    step    1, s3
    step    2, s5
    step    4, s6
    step    5, s6
    step    6, s7
    step    7, s8
    step    8, s9
    step    9, s10
    check_eq $10, %ebx, ten traps
    mov     %dr6, %rax
    test    $0x4000, %eax
    check   nz, DR6.BS
    pass
count:
    push    %rax
    mov     8(%rsp), %rax
    stosq
    inc     %ebx
    pop     %rax
    iretq
trail:
    .fill   16, 8, 0
