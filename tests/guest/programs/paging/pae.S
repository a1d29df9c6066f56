/* SPDX-License-Identifier: MIT */
/*
 * PAE: MOV CR3 loads four pointers, which are not looked up again; a reserved bit in one that is
 * present is #GP.
 */
#include "lab32.inc"
    program protected, "SDM 3A, PAE Paging; PDPTE Registers", "mode_protected mode_pae"
main:
    .set PD0, TABLES + 0x1000
    .set PD1, TABLES + 0x2000
    .set PT0, TABLES + 0x3000
    mov     $TABLES, %edi
    mov     $0x1000, %ecx
    xor     %eax, %eax
    rep stosl
    movl    $PD0 + 1, TABLES
    movl    $PT0 + 7, PD0
    movl    $0x200087, PD0 + 8
    mov     $PT0, %edi
    mov     $7, %eax
1:  mov     %eax, (%edi)
    add     $0x1000, %eax
    add     $8, %edi
    cmp     $PT0 + 0x1000, %edi
    jb      1b
    movl    $0x200087, PD1
    set_cr4 CR4_PAE
    mov     $TABLES, %eax
    mov     %eax, %cr3
    set_cr0 CR0_PG
    movl    $0x77, 0x200000
    page_fault 0, 0x40000000, mov 0x40000000, %ecx
    movl    $PD1 + 1, TABLES + 8
    page_fault 0, 0x40000000, mov 0x40000000, %ecx
    mov     $TABLES, %eax
    mov     %eax, %cr3
    cmpl    $0x77, 0x40000000
    check   e, the pointer counts once CR3 is loaded
    testl   $0x20, TABLES
    check   z, pointers have no accessed bit
    movl    $2 + PD1 + 1, TABLES + 16
    mov     $TABLES, %eax
    fault   GP, 0, mov %eax, %cr3
    movl    $2, TABLES + 16
    mov     $TABLES, %eax
    mov     %eax, %cr3
    movl    $PAGE_B + 7, PT0 + 8 * (PAGE_A >> 12)
    movl    $0x80000000, PT0 + 8 * (PAGE_A >> 12) + 4
    invlpg  PAGE_A
    page_fault 9, PAGE_A, mov PAGE_A, %ecx
    movl    $0x100000, PT0 + 8 * (PAGE_A >> 12) + 4
    invlpg  PAGE_A
    page_fault 9, PAGE_A, mov PAGE_A, %ecx
    movl    $0, PT0 + 8 * (PAGE_A >> 12) + 4
    movl    $0x202087, PD0 + 16
    page_fault 9, 0x400000, mov 0x400000, %ecx
    mov     $EFER, %ecx
    rdmsr
    or      $EFER_NXE, %eax
    wrmsr
    movl    $0x80000000, PT0 + 8 * (PAGE_A >> 12) + 4
    invlpg  PAGE_A
    mov     PAGE_A, %ecx
    mov     $PAGE_A, %ecx
    mov     %esp, KSP
    movl    $2f, RESUME
    jmp     *%ecx
2:  expect  PF, 0x11, PAGE_A, a fetch from a page with NX
    pass
