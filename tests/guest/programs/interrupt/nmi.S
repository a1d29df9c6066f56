/* SPDX-License-Identifier: MIT */
/*
 * An NMI is taken whatever IF is; the next one waits until IRET, also one that faults or that is not
 * the NMI handler's own.
 */
#include "lab_intr.inc"
    program long, "SDM 3A, Nonmaskable Interrupt (NMI); Handling Multiple NMIs", ""
main:
    interrupts
    gate    NMI, on_nmi
    gate    BP, on_bp
    xor     %esi, %esi
    xor     %edi, %edi
    cli
    ask_nmi
1:  nop
    check_eq $2, %esi, the second NMI came after the first one's IRET
    check_eq $1, %edi, and not before
    cmpq    $1b, LAST_RIP
    check   e, where the second one came
    mov     $10, %esi
    ask_nmi
2:  nop
3:  check_eq $12, %esi, the IRET of another handler unmasks NMIs too
    check_eq $11, %edi, a nested NMI came before the first handler's own IRET
    pass
on_nmi:
    inc     %esi
    mov     (%rsp), %rax
    mov     %rax, LAST_RIP
    cmp     $1, %esi
    je      4f
    cmp     $11, %esi
    je      5f
    iretq
4:  ask_nmi
    nop
    mov     %esi, %edi
    iretq
5:  ask_nmi
    nop
    cmp     $11, %esi
    check   e, the next NMI waits
    int3
    mov     %esi, %edi
    sub     $1, %edi
    iretq
on_bp:
    iretq
