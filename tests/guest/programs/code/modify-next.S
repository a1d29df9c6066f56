/* SPDX-License-Identifier: MIT */
/*
 * Code that is written is executed as written: the next instruction, one further on, one already
 * executed.
 */
#include "lab64.inc"
    program long, "SDM 3A, Self-Modifying Code; Handling Self- and Cross-Modifying Code", "mode_long"
main:
    movb    $0x90, at + 0   /* over INC EBX */
    movb    $0x90, at + 1
    xor     %ebx, %ebx
    jmp     1f
1:
at: inc     %ebx
    check_eq $0, %ebx, further on
    mov     $3, %ecx
    xor     %ebx, %ebx
loop:
    add     $1, %ebx
    movb    $0x10, loop + 2
    dec     %ecx
    jnz     loop
    check_eq $0x21, %ebx, an instruction already executed
    mov     $5, %ecx
    xor     %ebx, %ebx
2:  incb    next + 1
next:
    mov     $0, %al
    movzx   %al, %eax
    add     %eax, %ebx
    dec     %ecx
    jnz     2b
    check_eq $15, %ebx, the very next instruction, each time
    mov     $DATA, %edi
    mov     $routine, %esi
    mov     $3, %ecx
    rep movsb
    mov     $DATA, %ecx
    call    *%rcx
    check_eq $7, %al, code that was copied
    movb    $9, DATA + 1
    call    *%rcx
    check_eq $9, %al, and changed
    pass
routine:
    mov     $7, %al
    ret
