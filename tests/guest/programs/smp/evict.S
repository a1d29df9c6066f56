/* SPDX-License-Identifier: MIT */
/*
 * More code than a small cache of translations holds, executed by every CPU over and over: each routine keeps doing
 * what it says. Each CPU begins elsewhere, and calls one routine of its own between two others.
 */
#include "lab_smp.inc"
    program long, "SDM 2, CALL and RET"
    .set ROUTINES, 0x200000     /* 32 bytes each: ADD EAX, imm32; JMP over STR, or NOP and STR; INC EDX; RET */
    .set N, 3000
    .set ROUNDS, 6
start:
    begin
    test    %edi, %edi
    jnz     3f
    mov     $ROUTINES, %ebx
    xor     %ecx, %ecx
1:  movb    $0x05, (%rbx)
    mov     %ecx, 1(%rbx)
    mov     $0x03eb, %eax
    test    $1, %cl
    jz      2f
    mov     $0x9066, %eax
2:  mov     %ax, 5(%rbx)
    movl    $0xce000f, 7(%rbx)  /* STR ESI, which no translator takes */
    movl    $0x00c3c2ff, 10(%rbx)
    add     $32, %ebx
    inc     %ecx
    cmp     $N, %ecx
    jne     1b
    movl    $1, 0x7100
3:  cmpl    $1, 0x7100
    je      4f
    pause
    jmp     3b
4:  xor     %eax, %eax          /* serializes */
    cpuid
    mov     $ROUNDS, %r12d
5:  imul    $777, %edi, %ecx
    mov     $N, %r13d
    xor     %eax, %eax
    xor     %edx, %edx
6:  mov     %ecx, %ebx
    shl     $5, %ebx
    add     $ROUTINES, %ebx
    call    *%rbx
    call    own
    inc     %ecx
    cmp     $N, %ecx
    jne     7f
    xor     %ecx, %ecx
7:  dec     %r13d
    jnz     6b
    check_eq $(2*N), %edx, as many routines as were called
    check_eq $(N*(N-1)/2), %eax, what they have added
    dec     %r12d
    jnz     5b
    all_done
    pass
own:
    inc     %edx
    ret
