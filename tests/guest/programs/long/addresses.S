/* SPDX-License-Identifier: MIT */
/*
 * Addresses of 32 bits (67) wrap at 4 GiB and are zero-extended; RIP-relative ones count from the
 * next instruction; a disp32 is sign-extended.
 */
#include "lab64.inc"
    program long, "SDM 2, 64-Bit Mode: RIP-Relative Addressing, Address-Size Prefix", "mode_long"
main:
    movl    $0x5aa5, DATA
    movabs  $0xffffffff00000000 + DATA, %rbx
    mov     (%ebx), %eax
    check_eq $0x5aa5, %eax, upper half of RBX does not count with 67
    mov     $DATA + 0x10, %ebx
    mov     $-0x10, %ecx
    mov     (%ebx, %ecx), %eax
    check_eq $0x5aa5, %eax, the sum wraps at 4 GiB
    mov     value(%rip), %eax
    check_eq $0x77, %eax, RIP-relative
    cmpl    $0x77, value(%rip)
    check   e, RIP counts behind the immediate
    lea     -1, %rax
    inc     %rax
    check   e, a disp32 is sign-extended
    pass
value:
    .long   0x77
