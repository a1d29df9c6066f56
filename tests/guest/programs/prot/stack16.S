/* SPDX-License-Identifier: MIT */
/*
 * With B clear in SS pushes use SP and leave the upper half of ESP.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Segment Descriptors (D/B flag); SDM 1, Stack Alignment", "mode_protected"
main:
    desc    SEL_A, 0x20000, 0xffff, A_DATA, 0
    mov     $SEL_A, %eax
    mov     %ax, %ss
    mov     $0x12340000, %esp
    push    $0x55
    check_eq $0x1234fffc, %esp, SP wraps by itself
    cmpl    $0x55, 0x2fffc
    check   e, where it was written
    pop     %ecx
    check_eq $0x12340000, %esp, POP
    mov     $0x12348000, %esp
    enter   $16, $0
    check_eq $0x12347fec, %esp, ENTER
    leave
    check_eq $0x12348000, %esp, LEAVE
    mov     $DATA0, %eax
    mov     %ax, %ss
    mov     $KSTACK, %esp
    pass
