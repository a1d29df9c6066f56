/* SPDX-License-Identifier: MIT */
/*
 * Selectors of the new task that cannot be loaded raise #TS or #NP in its context, before its first
 * instruction. The handlers are tasks, since the new task has no stack yet.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Task Switching, table Exception Conditions Checked During a Task Switch; Invalid TSS Exception (#TS)", "mode_protected"
main:
    .set TSS_C, TSS_B + 0x100
    .set AFTER, 0x690
    .macro new_task at:req, selector:req, vec:req, err:req
    desc    TSS_SEL, TSS, 0xe8, 0x89, 0
    mov     $TSS_SEL, %eax
    ltr     %ax
    desc    TSS_B_SEL, TSS_B, 0x67, 0x89, 0
    desc    SEL_C, TSS_C, 0x67, 0x89, 0
    task_b  catch
    mov     $TSS_B, %esi
    mov     $TSS_C, %edi
    mov     $26, %ecx
    rep movsl
    movl    $first, TSS_B + 0x20
    movl    $KSTACK - 0x3000, TSS_C + 0x38
    movl    $\selector, TSS_B + \at
    gate_at IDT+8*TS, 0, 0, 0x85
    gate_at IDT+8*NP, 0, 0, 0x85
    gate_at IDT+8*\vec, SEL_C, 0, 0x85
    movl    $.Lafter\@, AFTER
    ljmp    $TSS_B_SEL, $0
.Lafter\@:
    cmpl    $\err, (%esp)
    check   e, error code of \selector at \at of a TSS
    cmpl    $first, TSS_B + 0x20
    check   e, EIP of the task that faulted
    cmpw    $TSS_B_SEL, TSS_C
    check   e, the new task has faulted and not the old
    mov     $KSTACK, %esp
    pushl   $2
    popf
    .endm
    desc    SEL_A, 0, 0xfffff, A_CODE & 0x7f, 0xc
    desc    SEL_B, 0, 0xfffff, A_DATA & 0x7f, 0xc
    new_task 0x4c, SEL_OUT, TS, SEL_OUT
    new_task 0x4c, SEL_A, NP, SEL_A
    new_task 0x4c, DATA0, TS, DATA0
    new_task 0x4c, 0, TS, 0
    new_task 0x50, CODE0, TS, CODE0
    new_task 0x50, DATA3, TS, 0x20
    new_task 0x54, SEL_OUT, TS, SEL_OUT
    new_task 0x54, SEL_B, NP, SEL_B
    new_task 0x60, TSS_SEL, TS, TSS_SEL
    new_task 0x60, LDT_SEL+4, TS, LDT_SEL+4
    pass
catch:
    jmp     *AFTER
first:
    fail    the new task ran
