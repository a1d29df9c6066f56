/* SPDX-License-Identifier: MIT */
/*
 * A locked instruction over a page border works as one without LOCK; if either page cannot be written
 * nothing has changed.
 */
#include "lab64.inc"
    program long, "SDM 3A, Bus Locking (unaligned operands)", "mode_long mode_long_4k"
main:
    own_tables
    movl    $0x11223344, PAGE_B - 2
    lock addl $0x01010101, PAGE_B - 2
    cmpl    $0x12233445, PAGE_B - 2
    check   e, LOCK ADD over the border
    mov     $0x55667788, %eax
    xchg    %eax, PAGE_B - 2
    check_eq $0x12233445, %eax, XCHG over the border
    movq    $-1, PAGE_C - 4
    lock incq PAGE_C - 4
    check   z, LOCK INC of a quadword over the border
    mov     $0x55667788, %eax
    mov     $1, %ecx
    lock cmpxchg %ecx, PAGE_B - 2
    check   z, LOCK CMPXCHG over the border
    set_pte PAGE_B, PAGE_B+5
    page_fault 3, PAGE_B, lock incl PAGE_B - 2
    cmpl    $1, PAGE_B - 2
    check   e, nothing has changed
    set_pte PAGE_A, PAGE_A+5
    set_pte PAGE_B, PAGE_B+7
    page_fault 3, PAGE_B-2, lock incl PAGE_B - 2
    pass
