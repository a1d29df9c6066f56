/* SPDX-License-Identifier: MIT */
/*
 * Of several faults the earlier kind counts: #UD before #NM before #GP before #PF; a limit before a
 * page.
 */
#include "lab64.inc"
    program long, "SDM 3A, Priority Among Concurrent Events", "mode_long mode_long_ring3"
main:
    set_cr0 CR0_TS
    own_tables
    set_pte PAGE_A, 0
    fault   UD, 0, .byte 0xf0, 0x0f, 0x28, 0x04, 0x25, 1, 0, 7, 0
    fault   NM, 0, movaps PAGE_A + 1, %xmm0
    clts
    fault   GP, 0, movaps PAGE_A + 1, %xmm0
    page_fault 0, PAGE_A, movaps PAGE_A, %xmm0
    user    GP, 0, lgdt PAGE_A
    user    GP, 0, wrmsr
    fault   UD, 0, .byte 0xf0, 0x0f, 0x01, 0x14, 0x25, 0, 0, 7, 0
    movabs  $0x800000000000, %rbx
    fault   GP, 0, movsd 1(%rbx), %xmm0
    movl    $0, DATA
    xor     %ecx, %ecx
    page_fault 0, PAGE_A, divl PAGE_A
    pass
