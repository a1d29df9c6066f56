/* SPDX-License-Identifier: MIT */
/*
 * CPU 0 maps another page at an address that CPU 1 reads and executes, and asks CPU 1 by an interrupt to forget
 * the old one. Once it has answered, it never sees the old page again. A page is "MOV EAX, number; RET".
 */
#include "lab_smp.inc"
    program long, "SDM 3A, Propagation of Paging-Structure Changes to Multiple Processors"
    .set ROUNDS, 500
    .set HERE, PAGE_A
    .set ASKED, 0x7100
    .set ANSWERED, 0x7180
    .set OLD, 0x7f7f7f7f
    .set PT, TABLES
    .set DIR, TABLES + 0x1000 /* three levels */
start:
    begin
    test    %edi, %edi
    jnz     reader
    movq    $DIR + 0x1007, DIR      /* 2 MiB by pages of 4 KiB, identity-mapped, for the reader */
    movq    $DIR + 0x2007, DIR + 0x1000
    movq    $PT + 7, DIR + 0x2000
    mov     $512, %ecx
0:  lea     -1(%rcx), %rax
    shl     $12, %rax
    or      $7, %eax
    mov     %rax, PT - 8(, %rcx, 8)
    dec     %ecx
    jnz     0b
    xor     %r12d, %r12d
    mov     $PAGE_B, %r13d
    mov     $PAGE_C, %r14d
1:  inc     %r12d
    movb    $0xb8, (%r13)
    mov     %r12d, 1(%r13)
    movb    $0xc3, 5(%r13)
    lea     7(%r13), %rax
    mov     %rax, PT + 8 * (HERE >> 12)
    cmp     $1, %r12d
    je      3f
    mov     %r12d, ASKED
    mov     $IPI_PORT, %edx
    mov     $1, %al
    out     %al, %dx
2:  cmp     ANSWERED, %r12d
    je      4f
    pause
    jmp     2b
3:  movl    $1, ASKED /* the reader begins with this one */
    movl    $1, ANSWERED
4:  movl    $OLD, 1(%r14)
    xchg    %r13, %r14
    cmp     $ROUNDS, %r12d
    jb      1b
5:  pause
    cmpl    $0, DONE
    je      5b
    pass

reader:
1:  cmpl    $1, ANSWERED
    je      2f
    pause
    jmp     1b
2:  lidt    idtr
    mov     $DIR, %eax
    mov     %rax, %cr3
    sti
3:  mov     ANSWERED, %ebx
    mov     HERE + 1, %eax
    cmp     ANSWERED, %ebx
    jne     3b
    cmp     $OLD, %eax
    check   ne, read from the page that was there before
    mov     ANSWERED, %ebx
    call    HERE
    cmp     ANSWERED, %ebx
    jne     3b
    cmp     $OLD, %eax
    check   ne, executed from the page that was there before
    cmp     $ROUNDS, %ebx
    jne     3b
    movl    $1, DONE
4:  jmp     4b

on_ipi:
    push    %rax
    invlpg  HERE
    mov     ASKED, %eax
    mov     %eax, ANSWERED
    pop     %rax
    iretq
    .balign 16
idt:
    .skip   16 * 0x30
    .word   on_ipi, CODE0, 0x8e00, 0
    .quad   0
idtr:
    .word   16 * 0x31 - 1
    .quad   idt
