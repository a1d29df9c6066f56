/* SPDX-License-Identifier: MIT */
/*
 * With DEBUGCTL.BTF, TF traps after taken branches alone: jumps, calls, returns, IRET. The debug exception clears BTF, and
 * then each instruction traps.
 */
#include "lab64.inc"
    program long, "SDM 3B, Single-Stepping on Branches; DEBUGCTL MSR", "mode_long step_ring0"
    .set DEBUGCTL, 0x1d9
    .set BTF, 2
main:
    gate    DB, count
    xor     %ebx, %ebx
    mov     $trail, %edi
    mov     $1, %ebp        /* the handler switches it on again */
    write_msr DEBUGCTL, BTF
    rdmsr
    check_eq $BTF, %eax, BTF is kept
    mov     $DATA, %esi
    mov     $3, %ecx
    pushfq
    orq     $FLAG_TF, (%rsp)
    popfq
    nop
    rep lodsb
    jnz     1f              /* not taken, ZF is set by the check */
    jmp     1f
    ud2
1:  nop
    call    3f
2:  cmp     $0, %edi
    jne     4f
    ud2
3:  nop
    ret
4:  pushq   $DATA0
    pushq   $KSTACK
    pushfq
    pushq   $CODE0
    pushq   $5f
    iretq
    ud2
5:  mov     $2, %ecx
6:  nop
    loop    6b
    xor     %ebp, %ebp
    jmp     7f
    ud2
7:  nop                     /* BTF is clear from here on: each one traps */
8:  pushfq
9:  andq    $~FLAG_TF, (%rsp)
10: popfq
11:
    .macro  step n:req, at:req
    cmpq    $\at, trail + 8 * \n
    check   e, trap number \n
    .endm
    step    0, 1b
    step    1, 3b
    step    2, 2b
    step    3, 4b
    step    4, 5b
    step    5, 6b
    step    6, 7b
    step    7, 8b
    step    8, 9b
    step    9, 10b
    step    10, 11b
    check_eq $11, %ebx, eleven traps
    mov     $DEBUGCTL, %ecx
    rdmsr
    check_eq $0, %eax, BTF has been cleared
    pass
count:
    push    %rax
    push    %rcx
    push    %rdx
    mov     24(%rsp), %rax
    stosq
    inc     %ebx
    test    %ebp, %ebp
    jz      1f
    write_msr DEBUGCTL, BTF
1:  pop     %rdx
    pop     %rcx
    pop     %rax
    iretq
trail:
    .fill   16, 8, 0
