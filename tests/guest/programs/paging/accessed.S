/* SPDX-License-Identifier: MIT */
/*
 * Each entry on the way gets its accessed bit; the dirty bit is set in the last one, by writes only.
 */
#include "lab64.inc"
    program long, "SDM 3A, Accessed and Dirty Flags", "mode_long mode_long_4k"
main:
    own_tables
    andq    $~0x60, PTE_A
    andq    $~0x60, PML4
    invlpg  PAGE_A
    mov     PAGE_A, %ecx
    mov     PTE_A, %rax
    and     $0x60, %eax
    check_eq $0x20, %eax, a read sets A and not D
    movl    $1, PAGE_A
    testb   $0x40, PTE_A
    check   nz, a write sets D
    mov     PML4, %eax
    and     $0x60, %eax
    check_eq $0x20, %eax, A and no D in the PML4
    mov     PD + 8, %eax
    and     $0x60, %eax
    check_eq $0, %eax, a page that nobody has used
    movl    $1, 0x200000
    mov     PD + 8, %eax
    and     $0x60, %eax
    check_eq $0x60, %eax, A and D of a large page
    andq    $~0x60, PTE_A
    invlpg  PAGE_A
    lock cmpxchg %eax, PAGE_A
    testb   $0x40, PTE_A
    check   nz, a locked instruction sets D
    andq    $~0x60, PTE_A
    invlpg  PAGE_A
    lea     PAGE_A, %rax
    prefetcht0 PAGE_A
    nopl    PAGE_A
    testb   $0x40, PTE_A
    check   z, no write and no D
    set_pte PAGE_B, 0
    andq    $~0x60, PTE_A
    invlpg  PAGE_A
    page_fault 2, PAGE_B, movq $-1, PAGE_B - 4
    cmpl    $-1, PAGE_B - 4
    check   ne, nothing was written before the fault
    pass
