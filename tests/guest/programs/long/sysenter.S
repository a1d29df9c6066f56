/* SPDX-License-Identifier: MIT */
/*
 * SYSENTER goes to 64-bit code; SYSEXIT with REX.W returns to 64-bit code at RDX with RSP from RCX,
 * and both must be canonical.
 */
#include "lab64.inc"
    program long, "SDM 2, SYSENTER, SYSEXIT", "mode_long mode_long_ring3"
main:
    fault   GP, 0, sysenter
    write_msr 0x174, CODE0
    write_msr 0x175, KSTACK-0x3000
    write_msr 0x176, inside
    movq    $done, RESUME
    enter_user outside
outside:
    sysenter
inside:
    check_eq $KSTACK-0x3000, %rsp, RSP
    mov     %cs, %eax
    check_eq $CODE0, %ax, CS
    mov     %ss, %eax
    check_eq $DATA0, %ax, SS
    mov     $returned, %edx
    mov     $USTACK - 16, %ecx
    sysexitq
returned:
    mov     %rsp, %rbx
    mov     %cs, %ecx
    mov     %ss, %edx
ends:
    ud2
done:
    expect  UD, 0, ends, behind SYSEXIT
    check_eq $USTACK-16, %rbx, RSP of ring 3
    check_eq $CODE3, %cx, CS of ring 3
    check_eq $0x33, %dx, SS of ring 3
    movabs  $0x800000000000, %rdx
    mov     $USTACK, %ecx
    fault   GP, 0, sysexitq
    mov     %rdx, %rcx
    mov     $returned, %edx
    fault   GP, 0, sysexitq
    user    GP, 0, sysexitq
    pass
