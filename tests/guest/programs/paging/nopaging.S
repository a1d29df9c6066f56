/* SPDX-License-Identifier: MIT */
/*
 * Without paging linear addresses are physical; PG without PE is #GP, so are NW without CD and
 * reserved bits of CR4.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Paging-Mode Modifiers; Control Registers; SDM 2, MOV to CR", "mode_protected"
main:
    mov     %cr0, %ebx
    mov     %ebx, %eax
    or      $CR0_PG, %eax
    and     $~CR0_PE, %eax
    fault   GP, 0, mov %eax, %cr0
    mov     %ebx, %eax
    or      $0x20000000, %eax
    fault   GP, 0, mov %eax, %cr0
    mov     %cr0, %eax
    check_eq %ebx, %eax, CR0 after refused loads
    mov     $0x80000000, %eax
    fault   GP, 0, mov %eax, %cr4
    mov     $0x8000, %eax
    fault   GP, 0, mov %eax, %cr4
    mov     $CR4_PCIDE, %eax
    fault   GP, 0, mov %eax, %cr4
    fault   UD, 0, .byte 0x0f, 0x20, 0xc8
    fault   UD, 0, .byte 0x0f, 0x22, 0xe8
    fault   UD, 0, .byte 0x0f, 0x20, 0xf8
    mov     $0x12345678, %eax
    mov     %eax, %cr2
    mov     %cr2, %ecx
    check_eq $0x12345678, %ecx, CR2
    pass
