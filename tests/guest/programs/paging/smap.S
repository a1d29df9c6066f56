/* SPDX-License-Identifier: MIT */
/*
 * With CR4.SMAP ring 0 does not access data of ring 3 while AC is clear; STAC and CLAC set it;
 * implicit accesses never do.
 */
#include "lab64.inc"
    program long, "SDM 3A, Access Rights (CR4.SMAP); SDM 2, STAC, CLAC", "mode_long mode_long_4k insn_stac"
main:
    needs_cpuid 7, 0, ebx, 20
    own_tables
    mov     $PT, %edi
1:  andb    $~4, (%rdi)
    add     $8, %edi
    cmp     $PT + 0x1000, %edi
    jb      1b
    orb     $4, PTE_A
    mov     %cr3, %rax
    mov     %rax, %cr3
    set_cr4 CR4_SMAP
    page_fault 1, PAGE_A, mov PAGE_A, %ecx
    page_fault 3, PAGE_A, mov %ecx, PAGE_A
    stac
    mov     PAGE_A, %ecx
    movl    $5, PAGE_A
    clac
    page_fault 1, PAGE_A, mov PAGE_A, %ecx
    stac
    fault   UD, 0, ud2
    testl   $FLAG_AC, REC_FLAGS
    check   nz, AC in the saved flags
    pushfq
    pop     %rax
    test    $FLAG_AC, %eax
    check   nz, an exception in 64-bit mode leaves AC
    clac
    stac
    desc_at PAGE_C, 0, 0xfffff, A_DATA, 0xc
    clac
    orb     $4, PTE_C
    desc_at GDT+LDT_SEL, PAGE_C, 0x1f, 0x82, 0
    invlpg  PAGE_C
    mov     $LDT_SEL, %eax
    lldt    %ax
    mov     $4, %ecx
    stac
    page_fault 1, PAGE_C, mov %ecx, %fs
    clac
    pass
