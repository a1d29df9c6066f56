/* SPDX-License-Identifier: MIT */
/*
 * A page table in a hole of the address space reads as all ones: present with reserved bits set.
 */
#include "lab64.inc"
    program long, "SDM 3A, Page-Fault Exceptions", "mode_long"
main:
    own_tables
    movq    $0x70000000 + 7, PDPT + 8
    page_fault 9, 0x40000000, mov 0x40000000, %ecx
    movq    $0x87, PDPT + 8
    mov     0x40000000 + 0x10000000, %ecx
    check_eq $-1, %ecx, a read of nothing
    movl    $1, 0x40000000 + 0x10000000
    mov     $0x40000000 + 0x10000000, %ebx
    mov     %rsp, KSP
    movq    $1f, RESUME
    jmp     *%rbx
1:  cmpq    $UD, REC_VECTOR
    check   e, bytes of all ones are no instruction
    pass
