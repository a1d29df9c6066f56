/* SPDX-License-Identifier: MIT */
/*
 * Pages of 2 MiB and 1 GiB: address bits, rights of all levels, bit 12 of a large page is PAT.
 */
#include "lab64.inc"
    program long, "SDM 3A, 4-Level Paging", "mode_long"
main:
    own_tables
    movl    $0x1234, DATA
    movq    $0x1087, PD + 8
    invlpg  0x200000
    cmpl    $0x1234, 0x200000 + DATA
    check   e, 2 MiB at physical 0, with PAT
    movq    $0x85, PD + 16
    invlpg  0x400000
    user_page_fault 7, 0x400000+DATA, movl $1, 0x400000 + DATA
    movq    $0x400087, PD + 16
    needs_cpuid 0x80000001, 0, edx, 26
    movq    $0x87, PDPT + 8
    cmpl    $0x1234, 0x40000000 + DATA
    check   e, 1 GiB at physical 0
    movl    $0x4321, 0x40000000 + DATA
    cmpl    $0x4321, DATA
    check   e, a write through the 1 GiB page
    testl   $0x40, PDPT + 8
    check   nz, its dirty bit
    movq    $0x83, PDPT + 8
    invlpg  0x40000000
    user_page_fault 5, 0x40000000+DATA, mov 0x40000000 + DATA, %ecx
    movabs  $0xffffff8000000000, %rbx
    movq    $PDPT + 7, PML4 + 8 * 511
    movq    $0x87, PDPT + 8
    cmpl    $0x4321, 0x40000000 + DATA(%rbx)
    check   e, in the upper half
    mov     $TABLES, %eax
    mov     %rax, %cr3
    pass
