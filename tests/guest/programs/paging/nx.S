/* SPDX-License-Identifier: MIT */
/*
 * With EFER.NXE a set bit 63 at any level forbids fetches: #PF with I set, in every ring; data
 * accesses pass.
 */
#include "lab64.inc"
    program long, "SDM 3A, Access Rights; Page-Fault Exceptions (I/D flag)", "mode_long mode_long_4k"
main:
    own_tables
    set_pte PAGE_B, 0
    movb    $0xc3, PAGE_A
    mov     $PAGE_A, %ebx
    mov     $PAGE_B, %ecx
    mov     %rsp, KSP
    movq    $1f, RESUME
    jmp     *%rcx
1:  expect  PF, 0, PAGE_B, a fetch without NXE has no I bit
    set_efer EFER_NXE
    call    *%rbx
    movl    $0x80000000, PTE_A + 4
    invlpg  PAGE_A
    mov     PAGE_A, %al
    movb    $0xc3, PAGE_A
    movq    $2f, RESUME
    jmp     *%rbx
2:  expect  PF, 0x11, PAGE_A, NX in ring 0
    movq    $3f, RESUME
    enter_user 4f
4:  jmp     *%rbx
3:  expect  PF, 0x15, PAGE_A, NX in ring 3
    mov     $PAGE_B, %ecx
    movq    $5f, RESUME
    jmp     *%rcx
5:  expect  PF, 0x10, PAGE_B, a fetch from nowhere
    movl    $0, PTE_A + 4
    movl    $0x80000000, PD + 12
    mov     $TABLES, %eax
    mov     %rax, %cr3
    movb    $0xc3, 0x200000
    mov     $0x200000, %ebx
    movq    $6f, RESUME
    jmp     *%rbx
6:  expect  PF, 0x11, 0x200000, NX of a large page
    pass
