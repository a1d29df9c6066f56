/* SPDX-License-Identifier: MIT */
/*
 * Code written through another linear address, and code on a page that is mapped elsewhere, are seen
 * at the next jump.
 */
#include "lab64.inc"
    program long, "SDM 3A, Self-Modifying Code (different linear addresses)", "mode_long mode_long_4k"
main:
    own_tables
    movw    $0x01b0, PAGE_A         /* MOV AL, 1; RET */
    movb    $0xc3, PAGE_A + 2
    movw    $0x02b0, PAGE_B
    movb    $0xc3, PAGE_B + 2
    set_pte PAGE_C, PAGE_A+7
    mov     $PAGE_A, %ebx
    call    *%rbx
    check_eq $1, %al, as written
    movb    $5, PAGE_C + 1
    call    *%rbx
    check_eq $5, %al, written through an alias
    set_pte PAGE_A, PAGE_B+7
    call    *%rbx
    check_eq $2, %al, another page at the same address
    mov     $PAGE_C, %ecx
    call    *%rcx
    check_eq $5, %al, the first page at the alias
    movb    $9, PAGE_A + 1
    call    *%rbx
    check_eq $9, %al, the new page changed
    pass
