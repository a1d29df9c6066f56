/* SPDX-License-Identifier: MIT */
/*
 * A stack where there is no memory loses what is pushed: the handler runs, and what it pops are ones.
 */
#include "lab64.inc"
    program long, "SDM 3A, Exception- or Interrupt-Handler Procedures", "mode_long"
main:
    own_tables
    movq    $0x70000007, PTE_A
    invlpg  PAGE_A
    gate    UD, handler
    mov     $PAGE_A + 0x800, %esp
    ud2
    mov     $KSTACK, %esp
    fail    it went on
handler:
    mov     (%rsp), %rbx
    mov     $KSTACK, %esp
    check_eq $-1, %rbx, what the stack gives back
    pass
