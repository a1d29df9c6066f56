/* SPDX-License-Identifier: MIT */
/*
 * INVPCID: four types; #GP for others, for PCID bits above 11, for an address that is not canonical,
 * for a PCID without CR4.PCIDE; #GP in ring 3.
 */
#include "lab64.inc"
    program long, "SDM 2, INVPCID", "mode_long mode_long_ring3 insn_invpcid"
main:
    needs_cpuid 7, 0, ebx, 10
    own_tables
    .macro  remap page:req, type:req
    movq    $\page + 7, PTE_A
    movq    $PAGE_A, DATA + 8
    mov     $\type, %ecx
    invpcid DATA, %rcx
    .endm
    movl    $0x11, PAGE_B
    movl    $0x22, PAGE_C
    movq    $0, DATA
    mov     PAGE_A, %ecx
    remap   PAGE_B, 0
    cmpl    $0x11, PAGE_A
    check   e, type 0 forgets an address
    remap   PAGE_C, 1
    cmpl    $0x22, PAGE_A
    check   e, type 1 forgets a PCID
    remap   PAGE_B, 2
    cmpl    $0x11, PAGE_A
    check   e, type 2 forgets all
    remap   PAGE_C, 3
    cmpl    $0x22, PAGE_A
    check   e, type 3 forgets all that is not global
    mov     $4, %ecx
    fault   GP, 0, invpcid DATA, %rcx
    mov     $-1, %rcx
    fault   GP, 0, invpcid DATA, %rcx
    xor     %ecx, %ecx
    movq    $1, DATA
    fault   GP, 0, invpcid DATA, %rcx
    movq    $0x1000, DATA
    fault   GP, 0, invpcid DATA, %rcx
    movq    $0, DATA
    movabs  $0x800000000000, %rax
    mov     %rax, DATA + 8
    fault   GP, 0, invpcid DATA, %rcx
    user    GP, 0, invpcid DATA, %rcx
    set_pte PAGE_B, 0
    page_fault 0, PAGE_B, invpcid PAGE_B, %rcx
    fault   UD, 0, .byte 0x66, 0x0f, 0x38, 0x82, 0xc8
    pass
