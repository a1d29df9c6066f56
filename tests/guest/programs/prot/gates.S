/* SPDX-License-Identifier: MIT */
/*
 * An interrupt gate clears IF, a trap gate does not; both clear TF, NT, RF, VM; a 16-bit gate pushes
 * words.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Flag Usage By Exception- or Interrupt-Handler Procedure", "mode_protected insn_int_n"
main:
    gate    0x30, handler, 0x8e
    gate    0x31, handler, 0x8f
    gate    0x32, handler16, 0x86, CODE16
    sti
    pushf
    orl     $FLAG_NT, (%esp)
    popf
    int     $0x30
    test    $FLAG_IF, %ebx
    check   z, IF through an interrupt gate
    test    $FLAG_NT, %ebx
    check   z, NT is cleared
    int     $0x31
    test    $FLAG_IF, %ebx
    check   nz, IF through a trap gate
    pushf
    pop     %ecx
    test    $FLAG_NT, %ecx
    check   nz, NT comes back with the flags
    mov     %esp, %edx
    int     $0x32
    sub     %ebx, %edx
    check_eq $6, %edx, a 16-bit gate pushes six bytes
    check_eq $KSTACK, %esp, ESP afterwards
    pass
handler:
    pushf
    pop     %ebx
    iret
    .code16
handler16:
    mov     %esp, %ebx
    iretw
    .code32
