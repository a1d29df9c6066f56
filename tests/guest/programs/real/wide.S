/* SPDX-License-Identifier: MIT */
/*
 * Operands and addresses of 32 bits in 16-bit code; a jump beyond the limit of CS is #GP at the jump.
 */
#include "lab16.inc"
    program real, "SDM 3B, Mixing 16-Bit and 32-Bit Code; SDM 2, JMP", "mode_real"
main:
    mov     $0x12345678, %eax
    bswap   %eax
    check_eq $0x78563412, %eax, BSWAP
    mov     $0x6000, %ebx
    movl    $0xabcdef01, 4(%ebx)
    mov     $1, %ecx
    mov     (%ebx, %ecx, 4), %edx
    check_eq $0xabcdef01, %edx, SIB in 16-bit code
    mov     $0x10000, %ecx
    fault   GP, jmp *%ecx
    fault   GP, .byte 0x66, 0xea, 0, 0, 1, 0, 0, 0
    pushl   $0x11223344
    pop     %ax
    pop     %dx
    check_eq $0x3344, %ax, low half of PUSHD
    check_eq $0x1122, %dx, high half of PUSHD
    mov     $0xffff7000, %esp
    push    %ax
    check_eq $0xffff6ffe, %esp, a 16-bit stack leaves the upper half of ESP
    mov     $STACK16, %esp
    pass
