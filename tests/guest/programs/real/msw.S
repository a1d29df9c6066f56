/* SPDX-License-Identifier: MIT */
/*
 * LMSW sets PE, MP, EM, TS and cannot clear PE; SMSW reads CR0.
 */
#include "lab16.inc"
    program real, "SDM 2, LMSW, SMSW", "mode_real"
main:
    smsw    %ax
    mov     %ax, %bx
    or      $0xe, %ax
    lmsw    %ax
    mov     %cr0, %eax
    and     $0xe, %al
    check_eq $0xe, %al, MP EM TS are set
    lmsw    %bx
    clts
    mov     %cr0, %eax
    and     $0xf, %al
    and     $0x7, %bl
    check_eq %bl, %al, MP EM TS are clear again
    movl    $0x0000ffff, 0x5008
    movl    $0x00009b00, 0x500c
    movw    $0xf, 0x5000
    movl    $0x5000, 0x5002
    lgdt    0x5000
    mov     $1, %ax
    lmsw    %ax
    xor     %ax, %ax
    lmsw    %ax
    smsw    %ax
    test    $1, %al
    check   nz, LMSW does not clear PE
    mov     %cr0, %eax
    and     $0xfe, %al
    mov     %eax, %cr0
    jmp     1f
1:  smsw    %ax
    test    $1, %al
    check   z, MOV CR0 does
    pass
