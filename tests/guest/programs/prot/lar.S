/* SPDX-License-Identifier: MIT */
/*
 * LAR, LSL, VERR, VERW say by ZF whether a selector may be used, and raise nothing; ARPL raises an
 * RPL.
 */
#include "lab32.inc"
    program protected, "SDM 2, LAR, LSL, VERR, ARPL; SDM 3A, Pointer Validation", "mode_protected"
main:
    desc    SEL_A, 0, 0x12345, 0x91, 0xc
    desc    SEL_B, 0, 0xfffff, 0x99, 0xc
    gate_at GDT+SEL_C, CODE0, main, 0x8c
    gate_at GDT+SEL_D, CODE0, main, 0x8e
    mov     $SEL_A, %ecx
    lar     %ecx, %eax
    check   e, LAR of data
    and     $0xf0ff00, %eax
    check_eq $0xc09100, %eax, what LAR gives
    lsl     %ecx, %eax
    check   e, LSL of data
    check_eq $0x12345fff, %eax, the limit in bytes
    verr    %cx
    check   e, VERR of read-only data
    verw    %cx
    check   ne, VERW of read-only data
    mov     $SEL_B, %ecx
    verr    %cx
    check   ne, VERR of execute-only code
    lsl     %ecx, %eax
    check   e, LSL of code
    mov     $SEL_C, %ecx
    lar     %ecx, %eax
    check   e, LAR of a call gate
    mov     $0x55, %eax
    lsl     %ecx, %eax
    check   ne, LSL of a call gate
    check_eq $0x55, %eax, a failed LSL leaves its register
    mov     $SEL_D, %ecx
    lar     %ecx, %eax
    check   ne, LAR of an interrupt gate
    mov     $SEL_OUT, %ecx
    lar     %ecx, %eax
    check   ne, LAR beyond the limit
    xor     %ecx, %ecx
    lar     %ecx, %eax
    check   ne, LAR of null
    mov     $SEL_A + 3, %ecx
    verr    %cx
    check   ne, VERR with an RPL above DPL
    mov     $0x10, %ecx
    mov     $0x13, %edx
    arpl    %dx, %cx
    check   e, ARPL raises
    check_eq $0x13, %cx, the raised RPL
    arpl    %dx, %cx
    check   ne, ARPL has nothing to raise
    pass
