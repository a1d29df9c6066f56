/* SPDX-License-Identifier: MIT */
/*
 * The D bit of a code segment chooses operand and address size; prefixes the other.
 */
#include "lab32.inc"
    program protected, "SDM 3B, Mixing 16-Bit and 32-Bit Code; SDM 3A, Segment Descriptors (D/B flag)", "mode_protected"
main:
    ljmp    $CODE16, $1f
    .code16
1:  mov     $0x1234, %ax
    pushw   %ax
    pushl   $0x11223344
    mov     %esp, %ebx
    mov     $0xffff, %esi
    mov     $0x10002, %ebp
    lea     2(%bp), %ecx
    ljmpl   $CODE0, $2f
    .code32
2:  check_eq $0x4, %ecx, LEA with a 16-bit address
    check_eq $KSTACK-6, %ebx, pushes of 2 and 4 bytes on a 32-bit stack
    cmpl    $0x11223344, KSTACK - 6
    check   e, the pushed doubleword
    mov     $KSTACK, %esp
    lcall   $CODE16, $3f
    check_eq $0x77, %eax, a 16-bit procedure called with a 32-bit frame
    check_eq $KSTACK, %esp, ESP after the return
    pass
    .code16
3:  mov     $0x77, %eax
    lretl
    .code32
