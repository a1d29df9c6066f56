/* SPDX-License-Identifier: MIT */
/*
 * Reserved bits of present entries are #PF with P and RSVD: above MAXPHYADDR, below the address of a
 * large page, PS in the PML4, NX without EFER.NXE.
 */
#include "lab64.inc"
    program long, "SDM 3A, 4-Level Paging; Page-Fault Exceptions (RSVD)", "mode_long mode_long_4k"
main:
    own_tables
    .macro  high_bits entry:req, bits:req
    movl    $\bits, \entry + 4
    .endm
    high_bits PTE_A, 0x00080000         /* bit 51 */
    invlpg  PAGE_A
    page_fault 9, PAGE_A, mov PAGE_A, %ecx
    page_fault 11, PAGE_A, mov %ecx, PAGE_A
    user_page_fault 13, PAGE_A, mov PAGE_A, %ecx
    high_bits PTE_A, 0x80000000
    invlpg  PAGE_A
    page_fault 9, PAGE_A, mov PAGE_A, %ecx
    set_efer EFER_NXE
    mov     PAGE_A, %ecx
    high_bits PTE_A, 0x7ff00000         /* ignored */
    invlpg  PAGE_A
    mov     PAGE_A, %ecx
    movq    $0x402087, PD + 16
    page_fault 9, 0x400000, mov 0x400000, %ecx
    movq    $0x400087, PD + 16
    movq    $0x2087, PDPT + 8
    page_fault 9, 0x40000000, mov 0x40000000, %ecx
    movq    $PDPT + 0x87, PML4 + 8
    movabs  $0x8000000000, %rbx
    fault   PF, 9, mov (%rbx), %ecx
    movq    $0x2086, PDPT + 8
    page_fault 0, 0x40000000, mov 0x40000000, %ecx
    pass
