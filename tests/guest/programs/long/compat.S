/* SPDX-License-Identifier: MIT */
/*
 * A code segment with L clear makes compatibility mode: 32-bit code that sees segments; its
 * exceptions go to 64-bit handlers.
 */
#include "lab64.inc"
    program long, "SDM 3A, IA-32e Mode; SDM 1, Compatibility Mode", "mode_long mode_long_ring3 insn_ud2"
main:
    movl    $1f, RESUME
    movl    $0, RESUME + 4
    movabs  $0x1122334455667788, %r8
    movabs  $0x1122334455667788, %rbx
    enter_user 2f, CODE3_32
    .code32
2:  mov     %cs, %ecx
    inc     %ebx
    push    %ecx
    .byte   0x48 /* DEC EAX here */
    mov     %esp, %edx
3:  ud2
    .code64
1:  expect  UD, 0, 3b, in compatibility mode
    cmpq    $CODE3_32, REC_CS
    check   e, saved CS
    check_eq $CODE3_32, %cx, CS
    mov     $0x55667789, %eax
    check_eq %rax, %rbx, a 32-bit result clears the upper half
    check_eq $USTACK-4, %rdx, pushes of four bytes
    movabs  $0x1122334455667788, %rax
    check_eq %rax, %r8, R8 is kept
    ljmp    *far32
back:
    mov     %cs, %eax
    check_eq $CODE0, %ax, back in 64-bit mode
    pass
    .code32
code32:
    mov     %cs, %eax
    cmp     $CODE0_32, %ax
    jne     bad32
    mov     $KSTACK, %esp
    ljmp    $CODE0, $back
bad32:
    ud2
    .code64
far32:
    .long   code32, CODE0_32
