/* SPDX-License-Identifier: MIT */
/*
 * An instruction over a page border: with the second page absent #PF at the second page's address,
 * with NX the same with I; the first bytes alone decide where they can.
 */
#include "lab64.inc"
    program long, "SDM 3A, Page-Fault Exceptions (CR2); Exception Reference, #PF", "mode_long mode_long_4k"
main:
    own_tables
    set_efer EFER_NXE
    mov     $PAGE_B - 2, %ebx
    mov     %rsp, KSP
    movw    $0xc0c7, PAGE_B - 2     /* MOV EAX, imm32 */
    movl    $0x11223344, PAGE_B
    movw    $0xe3ff, PAGE_B + 4     /* JMP RBX */
    set_pte PAGE_B, 0
    movq    $1f, RESUME
    jmp     *%rbx
1:  expect  PF, 0x10, PAGE_B-2, the second page absent
    cmpq    $PAGE_B, REC_CR2
    check   e, CR2 is where the second page starts
    set_pte PAGE_B, PAGE_B+7
    movl    $0x80000000, PTE_B + 4
    invlpg  PAGE_B
    movq    $2f, RESUME
    jmp     *%rbx
2:  expect  PF, 0x11, PAGE_B-2, the second page with NX
    cmpq    $PAGE_B, REC_CR2
    check   e, CR2 with NX
    movl    $0, PTE_B + 4
    movq    $0x70000000 + 7, PTE_B
    movw    $0xe0ff, PAGE_B - 4     /* JMP RAX, on one page */
    mov     $3f, %eax
    mov     $PAGE_B - 4, %ecx
    jmp     *%rcx
3:  set_pte PAGE_B, PAGE_B+7
    movb    $0xc3, PAGE_B + 4
    movb    $0, PAGE_B + 5
    call    *%rbx
    check_eq $0x11223344, %eax, on two pages
    set_pte PAGE_B, PAGE_C+7
    movl    $0x55667788, PAGE_C
    movb    $0xc3, PAGE_C + 4
    call    *%rbx
    check_eq $0x55667788, %eax, the second page changed
    movq    $0x70000000 + 7, PTE_B  /* no memory: the bytes are ones */
    invlpg  PAGE_B
    movb    $0xb8, PAGE_B - 6       /* MOV EAX, imm32 */
    movl    $0, PAGE_B - 5
    movb    $0xf0, PAGE_B - 1       /* LOCK, then ones: #UD */
    mov     $PAGE_B - 6, %ecx
    movq    $4f, RESUME
    jmp     *%rcx
4:  expect  UD, 0, PAGE_B-1, the second page without memory
    check_eq $0, %eax, the instruction before was executed
    pass
