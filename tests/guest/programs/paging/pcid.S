/* SPDX-License-Identifier: MIT */
/*
 * CR4.PCIDE needs long mode and CR3[11:0] = 0; bit 63 of a CR3 value keeps translations and is not
 * stored; CR0.PG stays while PCIDE is set.
 */
#include "lab64.inc"
    program long, "SDM 3A, Process-Context Identifiers (PCIDs); SDM 2, MOV to CR", "mode_long"
main:
    needs_cpuid 1, 0, ecx, 17
    own_tables
    mov     $TABLES + 0x18, %eax
    mov     %rax, %cr3
    mov     %cr4, %rax
    or      $CR4_PCIDE, %eax
    fault   GP, 0, mov %rax, %cr4
    mov     $TABLES, %eax
    mov     %rax, %cr3
    set_cr4 CR4_PCIDE
    mov     $TABLES + 5, %eax
    mov     %rax, %cr3
    mov     %cr3, %rcx
    check_eq $TABLES+5, %rcx, the PCID is part of CR3
    bts     $63, %rax
    mov     %rax, %cr3
    mov     %cr3, %rcx
    check_eq $TABLES+5, %rcx, bit 63 is not stored
    movl    $0x11, PAGE_A
    movl    $0x22, PAGE_B
    mov     PAGE_A, %ecx
    movq    $PAGE_B + 7, PTE_A
    mov     $TABLES + 5, %eax
    mov     %rax, %cr3
    mov     PAGE_A, %ecx
    check_eq $0x22, %ecx, CR3 without bit 63 forgets its PCID
    movabs  $0x0010000000000000 + TABLES, %rax
    fault   GP, 0, mov %rax, %cr3
    clear_cr4 CR4_PCIDE
    movabs  $0x8000000000000000 + TABLES, %rax
    fault   GP, 0, mov %rax, %cr3
    pass
