/* SPDX-License-Identifier: MIT */
/*
 * CR0.WP decides whether ring 0 writes to read-only pages; without it no page table keeps ring 0 from
 * writing.
 */
#include "lab64.inc"
    program long, "SDM 3A, Access Rights (CR0.WP)", "mode_long mode_long_4k"
main:
    own_tables
    set_pte PAGE_A, PAGE_A+5
    set_pte PAGE_B, PAGE_B+1
    page_fault 3, PAGE_A, movl $1, PAGE_A
    page_fault 3, PAGE_B, movl $1, PAGE_B
    clear_cr0 CR0_WP
    movl    $0x11, PAGE_A
    movl    $0x22, PAGE_B
    cmpl    $0x22, PAGE_B
    check   e, written without WP
    testb   $0x40, PTE_A
    check   nz, the dirty bit of a read-only page
    user_page_fault 7, PAGE_A, movl $1, PAGE_A
    set_cr0 CR0_WP
    page_fault 3, PAGE_A, movl $1, PAGE_A
    pass
