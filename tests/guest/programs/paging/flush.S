/* SPDX-License-Identifier: MIT */
/*
 * A changed entry is seen after INVLPG, after a load of CR3, and for global pages after INVLPG or a
 * change of CR4.PGE.
 */
#include "lab64.inc"
    program long, "SDM 3A, Operations that Invalidate TLBs and Paging-Structure Caches", "mode_long_4k insn_invlpg insn_mov_cr3"
main:
    own_tables
    movl    $0x11, PAGE_B
    movl    $0x22, PAGE_C
    mov     PAGE_A, %ecx
    movq    $PAGE_B + 7, PTE_A
    invlpg  PAGE_A + 0x777
    cmpl    $0x11, PAGE_A
    check   e, INVLPG at any byte of the page
    movq    $PAGE_C + 7, PTE_A
    mov     %cr3, %rax
    mov     %rax, %cr3
    cmpl    $0x22, PAGE_A
    check   e, CR3
    set_cr4 CR4_PGE
    movq    $PAGE_B + 0x107, PTE_A
    invlpg  PAGE_A
    cmpl    $0x11, PAGE_A
    check   e, a global page
    movq    $PAGE_C + 0x107, PTE_A
    invlpg  PAGE_A
    cmpl    $0x22, PAGE_A
    check   e, INVLPG of a global page
    movq    $PAGE_B + 0x107, PTE_A
    clear_cr4 CR4_PGE
    cmpl    $0x11, PAGE_A
    check   e, CR4.PGE forgets global pages
    movq    $0x87, PD + 8
    invlpg  0x3ff000
    cmpl    $0x11, 0x200000 + PAGE_B
    check   e, INVLPG at the end of a large page
    movq    $0, PTE_A
    invlpg  PAGE_A
    page_fault 0, PAGE_A, mov PAGE_A, %ecx
    movq    $PAGE_A + 7, PTE_A
    mov     PAGE_A, %ecx
    pass
