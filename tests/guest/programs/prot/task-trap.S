/* SPDX-License-Identifier: MIT */
/*
 * The T flag of a TSS: #DB with DR6.BT after the switch, before the first instruction.
 */
#include "lab32.inc"
    program protected, "SDM 3B, Task-Switch Exception Condition", "mode_protected"
main:
    task_b  first
    movw    $1, TSS_B + 0x64
    mov     %esp, KSP
    movl    $1f, RESUME
    ljmp    $TSS_B_SEL, $0
first:
    fail    no trap
1:  expect  DB, 0, first, the first instruction of the new task
    testl   $0x8000, REC_DR6
    check   nz, DR6.BT
    pass
