/* SPDX-License-Identifier: MIT */
/*
 * Addresses at the edges: 0, the end of memory, 2^47, the last byte of the upper half; CALL and RET
 * at the end of a page.
 */
#include "lab64.inc"
    program long, "SDM 1, Canonical Addressing; SDM 3A, 4-Level Paging", "mode_long mode_long_4k"
main:
    own_tables
    movl    $0x01020304, 0
    mov     0, %eax
    check_eq $0x01020304, %eax, address 0
    movq    $PDPT + 7, PML4 + 8 * 255
    movq    $PDPT + 7, PML4 + 8 * 256
    movq    $PDPT + 7, PML4 + 8 * 511
    movq    $PD + 7, PDPT + 8 * 511
    movq    $0x87, PD + 8 * 511
    mov     $TABLES, %eax
    mov     %rax, %cr3
    movabs  $0x7fffffffffff, %rbx
    movb    $0x5a, (%rbx)
    cmpb    $0x5a, 0x1fffff
    check   e, the last byte below 2^47
    fault   GP, 0, movw $1, (%rbx)
    fault   GP, 0, movl $1, -2(%rbx)
    movabs  $0xffff800000000000, %rbx
    cmpl    $0x01020304, (%rbx)
    check   e, the first byte of the upper half
    fault   GP, 0, movl $1, -2(%rbx)
    mov     $-1, %rbx
    cmpb    $0x5a, (%rbx)
    check   e, the last byte of all
    movb    $0xc3, 0x1fffff
    call    *%rbx
    movabs  $0x7fffffffffff, %rbx
    call    *%rbx
    movb    $0x90, 0x1fffff
    mov     %rsp, KSP
    movq    $1f, RESUME
    jmp     *%rbx
1:  cmpq    $GP, REC_VECTOR
    check   e, running into the hole is #GP
    movabs  $0x800000000000, %rax
    cmp     %rax, REC_IP
    check   e, at its first address
    movb    $0x77, 0x7fffff
    cmpb    $0x77, 0x7fffff
    check   e, the last byte of memory
    pass
