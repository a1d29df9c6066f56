/* SPDX-License-Identifier: MIT */
/*
 * With CPL above IOPL every port of an access must have a clear bit; what lies beyond the TSS limit
 * counts as set.
 */
#include "lab32.inc"
    program protected, "SDM 1, I/O Permission Bit Map", "mode_protected"
main:
    movb    $0x06, IOMAP + 0x200 / 8
    mov     $0x200, %edx
    user_ok out %al, %dx
    user    GP, 0, out %ax, %dx
    user    GP, 0, in %dx, %eax
    mov     $0x201, %edx
    user    GP, 0, in %dx, %al
    mov     $0x203, %edx
    user_ok in %dx, %eax
    mov     $0x3ff, %edx
    user_ok in %dx, %al
    user    GP, 0, in %dx, %ax
    mov     $0x8000, %edx
    user    GP, 0, in %dx, %al
    movl    $FLAG_IOPL3 | 2, UFLAGS
    user_ok in %dx, %al
    mov     $0x201, %edx
    user_ok in %dx, %eax
    movl    $2, UFLAGS
    movw    $0x1000, TSS + 0x66
    user    GP, 0, in $0xe9, %al
    mov     $0x201, %edx
    mov     $DATA, %edi
    mov     $3, %ecx
    user    GP, 0, rep insb
    check_eq $3, %ecx, ECX of a refused INS
    in      %dx, %al
    pass
