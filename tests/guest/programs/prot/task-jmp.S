/* SPDX-License-Identifier: MIT */
/*
 * A jump to a TSS saves the registers in the old one, loads those of the new, moves the busy bit,
 * sets CR0.TS; there is no back link and no NT.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Task Switching", "mode_protected"
main:
    task_b  new
    movl    $0x1111, TSS_B + 0x28
    movl    $0x6666, TSS_B + 0x44
    mov     $0x22222222, %ecx
    mov     $0x33333333, %ebx
    stc
    ljmp    $TSS_B_SEL, $0xdeadbeef
back:
    check   c, CF of the first task
    check_eq $0x33333333, %ebx, EBX of the first task
    check_eq $KSTACK, %esp, ESP of the first task
    cmpb    $0x8b, GDT + TSS_SEL + 5
    check   e, the first TSS is busy again
    cmpb    $0x89, GDT + TSS_B_SEL + 5
    check   e, the second is not
    pass
new:
    check_eq $0x1111, %eax, EAX from the TSS
    pushf
    pop     %edx
    test    $FLAG_NT, %edx
    check   z, NT after a jump
    str     %dx
    check_eq $TSS_B_SEL, %dx, the task register
    cmpb    $0x89, GDT + TSS_SEL + 5
    check   e, the old TSS is not busy
    cmpb    $0x8b, GDT + TSS_B_SEL + 5
    check   e, the new TSS is busy
    cmpl    $0x22222222, TSS + 0x2c
    check   e, ECX in the old TSS
    cmpl    $back, TSS + 0x20
    check   e, EIP in the old TSS
    cmpl    $KSTACK, TSS + 0x38
    check   e, ESP in the old TSS
    cmpw    $CODE0, TSS + 0x4c
    check   e, CS in the old TSS
    cmpw    $0, TSS_B
    check   e, no back link
    mov     %cr0, %ecx
    test    $CR0_TS, %cl
    check   nz, CR0.TS
    clts
    ljmp    $TSS_SEL, $0
