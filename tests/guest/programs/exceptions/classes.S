/* SPDX-License-Identifier: MIT */
/*
 * Faults save the address of the instruction and set RF, traps that of the next one; an error code
 * comes with #DF, #TS, #NP, #SS, #GP, #PF, #AC only.
 */
#include "lab64.inc"
    program long, "SDM 3A, Exception Classifications; Exception and Interrupt Vectors", "mode_long insn_int3"
main:
    xor     %edx, %edx
    xor     %ecx, %ecx
    fault   DE, 0, div %ecx
    testl   $FLAG_RF, REC_FLAGS
    check   nz, RF of a fault
    trap    BP, int3
    testl   $FLAG_RF, REC_FLAGS
    check   z, RF of a trap
    cmpq    $KSTACK - 40, REC_FRAME
    check   e, no error code with #BP
    trap    3, .byte 0xcd, 3
    trap    DB, .byte 0xf1
    fault   UD, 0, ud2
    fault   UD, 0, .byte 0x0f, 0x0b
    fault   UD, 0, .byte 0x0f, 0xb9, 0xc0
    mov     $SEL_OUT, %eax
    fault   GP, SEL_OUT, mov %eax, %fs
    mov     $1, %eax
    mov     $0x8000000000000000, %rdx
    mov     $-1, %rcx
    mov     %rdx, %rax
    mov     $-1, %rdx
    fault   DE, 0, idiv %rcx
    pass
