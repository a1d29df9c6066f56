/* SPDX-License-Identifier: MIT */
/*
 * Call gates have 16 bytes, lead to 64-bit code only, push quadwords; a change of rings loads null
 * into SS.
 */
#include "lab64.inc"
    program long, "SDM 3A, IA-32e Mode Call Gates; Stack Switching in IA-32e Mode", "mode_long mode_long_ring3"
main:
    gate_at GDT+SEL_A, CODE0, inner, 0xec
    movq    $done, RESUME
    enter_user outer
outer:
    lcall   *pointer
back:
    mov     %rsp, %rbx
ends:
    ud2
inner:
    check_eq $KSTACK-0x1000-32, %rsp, four quadwords on the stack of the TSS
    mov     %ss, %eax
    check_eq $0, %ax, SS is null
    cmpq    $back, (%rsp)
    check   e, RIP
    cmpq    $CODE3, 8(%rsp)
    check   e, CS
    cmpq    $USTACK, 16(%rsp)
    check   e, RSP
    cmpq    $DATA3, 24(%rsp)
    check   e, SS
    lretq
done:
    expect  UD, 0, ends, after the return
    check_eq $USTACK, %rbx, RSP of ring 3
    gate_at GDT+SEL_A, CODE0_32, inner, 0xec
    fault   GP, CODE0_32, lcall *pointer
    gate_at GDT+SEL_A, CODE0, inner, 0xec
    movl    $0x100, GDT + SEL_A + 12
    fault   GP, SEL_A, lcall *pointer
    gate_at GDT+SEL_A, CODE0, inner, 0x6c
    fault   NP, SEL_A, lcall *pointer
    desc    SEL_C, 0, 0xfffff, A_CODE, 0xe
    movl    $SEL_C, other + 4
    fault   GP, SEL_C, ljmp *other
    movl    $TSS_SEL, other + 4
    fault   GP, TSS_SEL, ljmp *other
    pass
pointer:
    .long   0, SEL_A
other:
    .long   main, 0
