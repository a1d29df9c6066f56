/* SPDX-License-Identifier: MIT */
/*
 * The same bytes are other instructions in 16-, 32- and 64-bit code.
 */
#include "lab64.inc"
    program long, "SDM 1, Modes of Operation; SDM 3A, Segment Descriptors (L and D/B)", "mode_long mode_protected"
main:
    desc    SEL_A, 0, 0xffff, A_CODE, 0
    mov     $1, %eax
    mov     $bytes, %ecx
    call    run
    check_eq $1, %eax, 64-bit: REX and NOP
    ljmp    *to32
run:
    jmp     *%rcx
to32:
    .long   in32, CODE0_32
    .code32
in32:
    mov     $DATA0, %eax
    mov     %ax, %ss
    mov     $KSTACK, %esp
    mov     $1, %eax
    mov     $bytes, %ecx
    call    *%ecx
    check_eq $0, %eax, 32-bit: DEC EAX and NOP
    ljmp    $SEL_A, $in16
    .code16
in16:
    mov     $0x10001, %eax
    mov     $bytes, %ecx
    call    *%cx
    check_eq $0x10000, %eax, 16-bit: DEC AX and NOP
    ljmpl   $CODE0, $in64
    .code64
in64:
    pass
bytes:
    .byte   0x48, 0x90, 0xc3
