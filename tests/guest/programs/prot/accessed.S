/* SPDX-License-Identifier: MIT */
/*
 * Loading a descriptor sets its accessed bit.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Code- and Data-Segment Descriptor Types", "mode_protected"
main:
    desc    SEL_A, 0, 0xfffff, 0x92, 0xc
    desc    SEL_B, 0, 0xfffff, 0x9a, 0xc
    desc    SEL_C, 0, 0xfffff, 0x12, 0xc
    mov     $SEL_A, %eax
    mov     %ax, %fs
    cmpb    $0x93, GDT + SEL_A + 5
    check   e, accessed bit of data
    ljmp    $SEL_B, $1f
1:  cmpb    $0x9b, GDT + SEL_B + 5
    check   e, accessed bit of code
    ljmp    $CODE0, $1f
1:  mov     $SEL_C, %eax
    fault   NP, SEL_C, mov %ax, %fs
    cmpb    $0x12, GDT + SEL_C + 5
    check   e, no accessed bit when the load fails
    lar     %eax, %ecx
    cmpb    $0x12, GDT + SEL_C + 5
    check   e, LAR sets none
    pass
