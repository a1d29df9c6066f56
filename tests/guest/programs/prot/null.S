/* SPDX-License-Identifier: MIT */
/*
 * A null selector may be loaded into DS, ES, FS, GS and not be used; it may not be loaded into SS, CS
 * or TR.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Segment Selectors; Exception Reference, #GP", "mode_protected"
main:
    xor     %eax, %eax
    mov     %ax, %fs
    mov     $3, %ecx
    mov     %cx, %gs
    fault   GP, 0, movl %fs:0, %ecx
    fault   GP, 0, movl %ecx, %gs:0
    mov     %gs, %ecx
    check_eq $3, %cx, a null selector keeps its RPL
    xor     %eax, %eax
    fault   GP, 0, mov %ax, %ss
    fault   GP, 0, ltr %ax
    fault   GP, 0, ljmp $0, $0
    fault   GP, 0, ljmp $3, $0
    lldt    %ax
    sldt    %cx
    check_eq $0, %cx, LLDT takes null
    fault   GP, 4, .byte 0xea, 0, 0, 0, 0, 4, 0
    mov     $0xc, %eax
    fault   GP, 0xc, mov %ax, %fs
    pass
