/* SPDX-License-Identifier: MIT */
/*
 * With CR4.SMEP ring 0 does not fetch from pages of ring 3: #PF with P and I.
 */
#include "lab64.inc"
    program long, "SDM 3A, Access Rights (CR4.SMEP)", "mode_long mode_long_4k"
main:
    needs_cpuid 7, 0, ebx, 7
    own_tables
    movb    $0xc3, PAGE_A
    mov     $PAGE_A, %ebx
    call    *%rbx
    mov     $PT, %edi       /* all of the program is ring 0's now */
1:  andb    $~4, (%rdi)
    add     $8, %edi
    cmp     $PT + 0x1000, %edi
    jb      1b
    orb     $4, PTE_A
    mov     %cr3, %rax
    mov     %rax, %cr3
    set_cr4 CR4_SMEP
    mov     PAGE_A, %al
    mov     %rsp, KSP
    movq    $2f, RESUME
    jmp     *%rbx
2:  expect  PF, 0x11, PAGE_A, a fetch from a page of ring 3
    set_pte PAGE_B, 0
    mov     $PAGE_B, %ecx
    movq    $3f, RESUME
    jmp     *%rcx
3:  expect  PF, 0x10, PAGE_B, the I bit without NXE
    andb    $~4, PTE_A
    invlpg  PAGE_A
    call    *%rbx
    pass
