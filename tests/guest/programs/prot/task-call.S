/* SPDX-License-Identifier: MIT */
/*
 * CALL to a TSS keeps both busy, sets NT and writes the back link; IRET with NT goes back.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Task Linking", "mode_protected"
main:
    task_b  new
    mov     $5, %ebx
    lcall   $TSS_B_SEL, $0
back:
    check_eq $5, %ebx, EBX of the caller
    cmpb    $0x8b, GDT + TSS_SEL + 5
    check   e, the caller is busy
    cmpb    $0x89, GDT + TSS_B_SEL + 5
    check   e, the called task is not
    testl   $FLAG_NT, TSS_B + 0x24
    check   z, NT is clear in the saved flags
    cmpl    $after, TSS_B + 0x20
    check   e, the called task goes on behind its IRET
    pushf
    pop     %eax
    test    $FLAG_NT, %eax
    check   z, NT of the caller
    pass
new:
    pushf
    pop     %eax
    test    $FLAG_NT, %eax
    check   nz, NT of the called task
    cmpw    $TSS_SEL, TSS_B
    check   e, back link
    cmpb    $0x8b, GDT + TSS_SEL + 5
    check   e, the caller stays busy
    mov     $9, %ebx
    iret
after:
    hlt
