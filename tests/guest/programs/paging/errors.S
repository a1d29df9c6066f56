/* SPDX-License-Identifier: MIT */
/*
 * Error code bits P, W, U, RSVD, I and CR2 for each kind of fault in both rings.
 */
#include "lab64.inc"
    program long, "SDM 3A, Page-Fault Exceptions (error code); Exception Reference, #PF", "mode_long mode_long_4k"
main:
    own_tables
    set_pte PAGE_A, 0
    set_pte PAGE_B, PAGE_B+5
    set_pte PAGE_C, PAGE_C+3
    page_fault 0, PAGE_A+0x123, mov PAGE_A + 0x123, %al
    page_fault 2, PAGE_A+8, mov %al, PAGE_A + 8
    page_fault 2, PAGE_A, incl PAGE_A
    page_fault 3, PAGE_B, movl $1, PAGE_B
    user_page_fault 4, PAGE_A, mov PAGE_A, %ecx
    user_page_fault 6, PAGE_A, mov %ecx, PAGE_A
    user_page_fault 7, PAGE_B, mov %ecx, PAGE_B
    user_page_fault 5, PAGE_C, mov PAGE_C, %ecx
    user_page_fault 7, PAGE_C, mov %ecx, PAGE_C
    user_page_fault 7, PAGE_C, incl PAGE_C
    user_ok mov PAGE_B, %ecx
    movq    $0, PML4 + 8 * 0x100
    movabs  $0xffff800000000000, %rbx
    fault   PF, 0, mov (%rbx), %eax
    cmp     REC_CR2, %rbx
    check   e, CR2 in the upper half
    set_pte PAGE_A, PAGE_A+0x87
    mov     PAGE_A, %ecx
    mov     $PAGE_C, %ecx
    movq    $3f, RESUME
    enter_user 4f
4:  jmp     *%rcx
3:  expect  PF, 5, PAGE_C, a fetch of ring 3 from ring 0's page
    cmpq    $PAGE_C, REC_CR2
    check   e, CR2 of a fetch
    pass
