/* SPDX-License-Identifier: MIT */
/*
 * SYSENTER loads flat segments, ESP and EIP from MSRs, clears IF and VM; SYSEXIT goes back to ECX and
 * EDX.
 */
#include "lab32.inc"
    program protected, "SDM 2, SYSENTER, SYSEXIT", "mode_protected"
main:
    mov     $0x174, %ecx
    xor     %edx, %edx
    xor     %eax, %eax
    wrmsr
    user    GP, 0, sysenter
    fault   GP, 0, sysexit
    mov     $0x174, %ecx
    xor     %edx, %edx
    mov     $CODE0, %eax
    wrmsr
    inc     %ecx
    mov     $KSTACK - 0x3000, %eax
    wrmsr
    inc     %ecx
    mov     $inside, %eax
    wrmsr
    movl    $FLAG_IF | 2, UFLAGS
    movl    $done, RESUME
    enter_user outside
outside:
    sysenter
inside:
    check_eq $KSTACK-0x3000, %esp, ESP
    mov     %cs, %eax
    check_eq $CODE0, %ax, CS
    mov     %ss, %eax
    check_eq $DATA0, %ax, SS
    pushf
    pop     %eax
    test    $FLAG_IF, %eax
    check   z, IF
    mov     $USTACK - 64, %ecx
    mov     $returned, %edx
    sysexit
returned:
    mov     %esp, %ebx
    mov     %cs, %ecx
    mov     %ss, %edx
ends:
    ud2
done:
    expect  UD, 0, ends, behind SYSEXIT
    check_eq $USTACK-64, %ebx, ESP of ring 3
    check_eq $CODE3, %cx, CS of ring 3
    check_eq $DATA3, %dx, SS of ring 3
    user    GP, 0, sysexit
    pass
