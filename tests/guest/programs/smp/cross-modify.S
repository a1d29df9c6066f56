/* SPDX-License-Identifier: MIT */
/*
 * Two CPUs: one calls a routine, the other changes the immediate of its first instruction, aligned, between two
 * values. The first must get one of them each time, never a mixture, and both in the end.
 */
#include "lab.inc"
    program long, "SDM 3A, Handling Self- and Cross-Modifying Code; Guaranteed Atomic Operations"
    .set ONE, 0x11111111
    .set OTHER, 0x22222222
    .code64
start:
    test    %edi, %edi
    jnz     writer
    mov     $20000, %ecx
    xor     %ebx, %ebx
1:  call    routine
    cmp     $ONE, %eax
    je      2f
    check_eq $OTHER, %eax, one value or the other
    or      $2, %ebx
    jmp     3f
2:  or      $1, %ebx
3:  dec     %ecx
    jns     1b
    xor     %ecx, %ecx
    cmp     $3, %ebx    /* for as long as it takes */
    jne     1b
    pass
writer:
    movl    $OTHER, routine + 4
    movl    $ONE, routine + 4
    jmp     writer
    .balign 4
routine:
    .byte   0x90, 0x90, 0x90
    mov     $ONE, %eax
    ret
