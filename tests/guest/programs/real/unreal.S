/* SPDX-License-Identifier: MIT */
/*
 * A limit loaded in protected mode stays when PE is cleared and selectors are loaded in real mode.
 */
#include "lab16.inc"
    program real, "SDM 3A, Switching Back to Real-Address Mode", "mode_real"
main:
    movl    $0x0000ffff, GDT_AT + 8
    movl    $0x008f9300, GDT_AT + 12
    movl    $0x0000ffff, GDT_AT + 16
    movl    $0x00009b00, GDT_AT + 20
    movw    $0x1f, GDT_AT
    movl    $GDT_AT, GDT_AT + 2
    lgdt    GDT_AT
    cli
    mov     %cr0, %eax
    or      $1, %al
    mov     %eax, %cr0
    mov     $8, %bx
    mov     %bx, %fs
    and     $0xfe, %al
    mov     %eax, %cr0
    xor     %bx, %bx
    mov     %bx, %fs
    mov     $0x123456, %esi
    movl    $0xcafe, %fs:(%esi)
    cmpl    $0xcafe, %fs:(%esi)
    check   e, memory above 1 MiB through FS
    mov     $0xfffe, %esi
    mov     %fs:(%esi), %eax
    mov     $0x1000, %bx
    mov     %bx, %fs
    mov     $0x113456, %esi
    cmpl    $0xcafe, %fs:(%esi)
    check   e, a new selector moves the base and keeps the limit
    fault   GP, mov (%esi), %eax
    pass
    .set GDT_AT, 0x5000
