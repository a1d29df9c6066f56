/* SPDX-License-Identifier: MIT */
/*
 * SWAPGS exchanges the base of GS with IA32_KERNEL_GS_BASE; only ring 0 may.
 */
#include "lab64.inc"
    program long, "SDM 2, SWAPGS", "mode_long mode_long_ring3 insn_swapgs"
main:
    write_msr 0xc0000101, DATA
    write_msr 0xc0000102, 0x9000, 0xffff8000
    movl    $0x1234, DATA + 8
    mov     %gs:8, %eax
    check_eq $0x1234, %eax, memory at the base of GS
    swapgs
    mov     $0xc0000101, %ecx
    rdmsr
    check_eq $0x9000, %eax, low half of the base of GS
    check_eq $0xffff8000, %edx, high half of the base of GS
    inc     %ecx
    rdmsr
    check_eq $DATA, %eax, IA32_KERNEL_GS_BASE
    swapgs
    mov     %gs:8, %eax
    check_eq $0x1234, %eax, after two exchanges
    user    GP, 0, swapgs
    mov     $DATA3, %eax
    mov     %eax, %gs
    mov     $0xc0000101, %ecx
    rdmsr
    check_eq $0, %eax, loading a selector loads the base of its descriptor
    pass
