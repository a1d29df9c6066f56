/* SPDX-License-Identifier: MIT */
/*
 * What cannot be switched to: a busy TSS #GP, one that is not present #NP, one too small #TS, an
 * available one by IRET #TS; the error code is its selector.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Task Switching, table Exception Conditions Checked During a Task Switch", "mode_protected"
main:
    task_b  main
    desc    SEL_A, TSS_B, 0x67, 0x8b, 0
    desc    SEL_B, TSS_B, 0x67, 0x09, 0
    desc    SEL_C, TSS_B, 0x66, 0x89, 0
    gate_at GDT + SEL_D, SEL_B, 0, 0x85
    gate_at GDT + SEL_E, DATA0, 0, 0x85
    gate_at GDT + SEL_F, TSS_B_SEL, 0, 0x05
    fault   GP, SEL_A, ljmp $SEL_A, $0
    fault   GP, SEL_A, lcall $SEL_A, $0
    fault   NP, SEL_B, ljmp $SEL_B, $0
    fault   TS, SEL_C, ljmp $SEL_C, $0
    fault   NP, SEL_B, ljmp $SEL_D, $0
    fault   GP, DATA0, lcall $SEL_E, $0
    fault   NP, SEL_F, lcall $SEL_F, $0
    user    GP, TSS_B_SEL, lcall $TSS_B_SEL, $0
    fault   GP, TSS_SEL, ljmp $TSS_SEL, $0
    movw    $TSS_B_SEL, TSS
    pushf
    orl     $FLAG_NT, (%esp)
    popf
    fault   TS, TSS_B_SEL, iret
    pushf
    andl    $~FLAG_NT, (%esp)
    popf
    str     %ax
    check_eq $TSS_SEL, %ax, the task register after all that
    pass
