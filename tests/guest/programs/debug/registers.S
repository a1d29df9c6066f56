/* SPDX-License-Identifier: MIT */
/*
 * DR4 and DR5 are DR6 and DR7, or #UD with CR4.DE; fixed bits; upper halves of DR6 and DR7 are
 * #GP(0); ring 3 may not.
 */
#include "lab64.inc"
    program long, "SDM 3B, Debug Registers DR4 and DR5; Debug Status Register; SDM 2, MOV to DR", "mode_long"
main:
    mov     $0, %eax
    mov     %rax, %dr6
    mov     %dr6, %rax
    check_eq $0xffff0ff0, %eax, fixed bits of DR6
    mov     $0, %eax
    mov     %rax, %dr7
    mov     %dr7, %rax
    check_eq $0x400, %eax, fixed bit of DR7
    mov     %dr5, %rax
    check_eq $0x400, %eax, DR5 is DR7
    .byte   0x0f, 0x21, 0xe0
    mov     %dr6, %rcx
    check_eq %rax, %rcx, DR4 is DR6
    movabs  $0x100000000, %rax
    fault   GP, 0, mov %rax, %dr6
    fault   GP, 0, mov %rax, %dr7
    mov     %rax, %dr0
    mov     %dr0, %rcx
    check_eq %rax, %rcx, DR0 takes 64 bits
    user    GP, 0, mov %dr0, %rax
    user    GP, 0, mov %rax, %dr7
    set_cr4 CR4_DE
    fault   UD, 0, mov %dr5, %rax
    fault   UD, 0, .byte 0x0f, 0x23, 0xe0
    fault   UD, 0, .byte 0x44, 0x0f, 0x21, 0xc0
    pass
