/* SPDX-License-Identifier: MIT */
/*
 * Long mode is entered and left through compatibility mode: PG off, LME off, protected mode without
 * paging, and back.
 */
#include "lab64.inc"
    program long, "SDM 3A, Initializing IA-32e Mode; Switching Out of IA-32e Mode Operation", "mode_long mode_protected"
main:
    ljmp    *pointer
pointer:
    .long   leave, CODE0_32
    .code32
leave:
    mov     $DATA0, %eax
    mov     %ax, %ss
    mov     %ax, %ds
    mov     %ax, %es
    mov     %cr0, %eax
    and     $~CR0_PG, %eax
    mov     %eax, %cr0
    mov     $EFER, %ecx
    rdmsr
    test    $0x400, %eax
    check   z, LMA is clear without paging
    and     $~0x100, %eax
    wrmsr
    mov     %cr4, %eax
    and     $~CR4_PAE, %eax
    mov     %eax, %cr4
    movl    $0x1234, 0x7ff000
    cmpl    $0x1234, 0x7ff000
    check   e, memory without paging
    mov     $EFER, %ecx
    rdmsr
    or      $0x100, %eax
    wrmsr
    mov     %cr4, %eax
    or      $CR4_PAE, %eax
    mov     %eax, %cr4
    mov     %cr0, %eax
    or      $CR0_PG, %eax
    mov     %eax, %cr0
    ljmp    $CODE0, $1f
    .code64
1:  mov     $EFER, %ecx
    rdmsr
    test    $0x400, %eax
    check   nz, LMA is set again
    movabs  $0x1122334455667788, %rax
    mov     %rax, %rbx
    fault   UD, 0, ud2
    pass
