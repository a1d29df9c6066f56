/* SPDX-License-Identifier: MIT */
/*
 * Pages of 4 MiB with CR4.PSE; bits 13 to 20 of such an entry extend the address, bit 21 is reserved;
 * without CR4.PSE the PS bit is ignored.
 */
#include "lab32.inc"
    program protected, "SDM 3A, 32-Bit Paging (4-MByte pages, PSE-36)", "mode_protected mode_paged32"
main:
    own_tables
    movl    $0x000087, TABLES + 4
    movl    $0x400087, TABLES + 8
    set_cr4 CR4_PSE
    set_cr0 CR0_PG
    movl    $0x55, DATA
    cmpl    $0x55, 0x400000 + DATA
    check   e, 4 MiB at physical 0
    movl    $0x66, 0x800000
    testl   $0x60, TABLES + 8
    check   nz, accessed and dirty in the directory entry
    movl    $0x200087, TABLES + 12
    page_fault 9, 0xc00010, mov 0xc00010, %ecx
    user_page_fault 13, 0xc00010, mov 0xc00010, %ecx
    page_fault 11, 0xc00010, mov %ecx, 0xc00010
    mov     %cr4, %eax
    and     $~CR4_PSE, %eax
    movl    $PT32 + 0x87, TABLES + 4
    mov     %eax, %cr4
    cmpl    $0x55, 0x400000 + DATA
    check   e, without CR4.PSE the entry names a table
    pass
