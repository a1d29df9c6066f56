/* SPDX-License-Identifier: MIT */
/*
 * 32-bit paging: two levels, rights are those of both entries, accessed and dirty bits are set; error
 * codes say present, write, user.
 */
#include "lab32.inc"
    program protected, "SDM 3A, 32-Bit Paging; Page-Fault Exceptions; Accessed and Dirty Flags", "mode_protected mode_paged32_4k"
main:
    own_tables
    movl    $PAGE_B + 7, PTE_A
    movl    $PAGE_B + 5, PTE_C
    movl    $0, PTE_B
    set_cr0 CR0_PG
    testl   $0x20, PTE_A
    check   z, no accessed bit before the access
    mov     PAGE_A, %ecx
    mov     PTE_A, %eax
    and     $0x60, %eax
    check_eq $0x20, %eax, a read sets the accessed bit
    movl    $0x99, PAGE_A + 4
    testl   $0x40, PTE_A
    check   nz, a write sets the dirty bit
    cmpl    $0x99, PAGE_C + 4
    check   e, two addresses of one page
    testl   $0x20, TABLES
    check   nz, accessed bit of the directory entry
    testl   $0x40, TABLES
    check   z, no dirty bit there
    page_fault 0, PAGE_B+8, mov PAGE_B + 8, %ecx
    page_fault 2, PAGE_B, movl $1, PAGE_B
    page_fault 0, 0x400000, mov 0x400000, %ecx
    user_page_fault 4, PAGE_B, mov PAGE_B, %ecx
    user_page_fault 6, PAGE_B, movl $1, PAGE_B
    user_page_fault 7, PAGE_C, movl $1, PAGE_C
    movl    $1, PAGE_C
    user_ok mov PAGE_C, %ecx
    set_cr0 CR0_WP
    page_fault 3, PAGE_C, movl $1, PAGE_C
    movl    $PAGE_B + 3, PTE_C
    invlpg  PAGE_C
    user_page_fault 5, PAGE_C, mov PAGE_C, %ecx
    user_page_fault 7, PAGE_C, movl $1, PAGE_C
    user_page_fault 7, PAGE_C, lock incl PAGE_C
    page_fault 2, PAGE_B, lock incl PAGE_B
    pass
