/* SPDX-License-Identifier: MIT */
/*
 * Each CPU changes its own code, which lies in the same pages as the others': by a plain store, at once, with
 * nothing between the store and the jump. What another CPU does to the page meanwhile changes nothing for it.
 */
#include "lab_smp.inc"
    program long, "SDM 3A, Self-Modifying Code"
    .set ROUNDS, 3000
start:
    begin
    mov     %edi, %ebx
    shl     $6, %ebx
    add     $PAGE_A, %ebx           /* MOV EAX, imm32; RET */
    lea     0x1000(%rbx), %r8       /* the same, called only now and then */
    movb    $0xb8, (%rbx)
    movb    $0xc3, 5(%rbx)
    movb    $0xb8, (%r8)
    movb    $0xc3, 5(%r8)
    mov     $ROUNDS, %r12d
1:  mov     %r12d, 1(%rbx)
    call    *%rbx
    check_eq %r12d, %eax, changed and called
    mov     $30, %ecx
2:  call    *%rbx
    check_eq %r12d, %eax, called again
    dec     %ecx
    jnz     2b
    test    $15, %r12d
    jnz     3f
    mov     %r12d, 1(%r8)
    call    *%r8
    check_eq %r12d, %eax, the other routine
3:  dec     %r12d
    jnz     1b
    all_done
    pass
