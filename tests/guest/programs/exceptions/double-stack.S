/* SPDX-License-Identifier: MIT */
/*
 * A stack that is not mapped: #PF while #PF is delivered is #DF, whose IST brings a good stack;
 * benign first, #PF alone.
 */
#include "lab64.inc"
    program long, "SDM 3A, Double Fault Exception (#DF); Interrupt Stack Table", "mode_long"
main:
    own_tables
    set_pte PAGE_A, 0
    movb    $1, IDT + 16 * DF + 4
    movq    $1f, RESUME
    mov     %rsp, KSP
    mov     $PAGE_A + 0x800, %esp
2:  push    %rax
1:  cmpq    $DF, REC_VECTOR
    check   e, #PF on the way to the handler of #PF
    cmpq    $2b, REC_IP
    check   e, saved RIP
    cmpq    $PAGE_A + 0x800 - 8, REC_CR2
    check   e, CR2
    movb    $1, IDT + 16 * PF + 4
    movq    $3f, RESUME
    mov     $PAGE_A + 0x800, %esp
4:  push    %rax
3:  expect  PF, 2, 4b, with an IST for #PF
    movq    $5f, RESUME
    mov     $PAGE_A + 0x800, %esp
6:  ud2
5:  expect  PF, 2, 6b, #PF on the way to the handler of #UD
    cmpq    $PAGE_A + 0x800 - 8, REC_CR2
    check   e, CR2 of the push
    pass
