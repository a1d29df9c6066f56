/* SPDX-License-Identifier: MIT */
/*
 * With CR4.DE, R/W 2 breaks on ports, after the access; without it R/W 2 is undefined.
 */
#include "lab64.inc"
    program long, "SDM 3B, Data Memory and I/O Breakpoint Exception Conditions", "mode_long watch_ring0"
main:
    set_cr4 CR4_DE
    xor     %eax, %eax
    mov     %rax, %dr6
    mov     $0x200, %eax
    mov     %rax, %dr0
    mov     $0x00060002, %eax   /* two bytes, ports */
    mov     %rax, %dr7
    mov     $0x202, %edx
    in      %dx, %al
    mov     $0x201, %edx
    trap    DB, in %dx, %al
    testl   $1, REC_DR6
    check   nz, DR6.B0
    mov     $0x1ff, %edx
    trap    DB, out %ax, %dx
    movl    $1, 0x200
    pass
