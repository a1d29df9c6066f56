/* SPDX-License-Identifier: MIT */
/*
 * SYSCALL and SYSRET without long mode, which AMD's CPUs have: EIP from the lower half of STAR, flat segments, IF and VM clear;
 * back with IF set. Intel's have them in 64-bit mode alone.
 */
#include "lab32.inc"
    program protected, "APM 3, SYSCALL, SYSRET (legacy mode)", "mode_protected"
    .set STAR, 0xc0000081
main:
    xor     %eax, %eax
    cpuid
    cmp     $0x68747541, %ebx   /* Auth, enti, cAMD */
    je      1f
    end_with ENDS_UNOFFERED
1:  mov     $EFER, %ecx
    rdmsr
    and     $~1, %eax
    wrmsr
    fault   UD, 0, syscall
    fault   UD, 0, sysretl
    mov     $EFER, %ecx
    rdmsr
    or      $1, %eax
    wrmsr
    mov     $STAR, %ecx
    mov     $inside, %eax
    mov     $CODE0 | (CODE3 & ~3) << 16, %edx
    wrmsr
    user    GP, 0, sysretl
    movl    $FLAG_IF | 2, UFLAGS
    movl    $done, RESUME
    enter_user outside
outside:
    mov     $USTACK - 64, %esp
    syscall
behind:
    mov     %esp, %ebx
    mov     %cs, %ecx
    mov     %ss, %edx
    pushf
    pop     %esi
ends:
    ud2
inside:
    check_eq $USTACK-64, %esp, ESP stays
    check_eq $behind, %ecx, ECX
    mov     %cs, %eax
    check_eq $CODE0, %ax, CS
    mov     %ss, %eax
    check_eq $CODE0 + 8, %ax, SS
    pushf
    pop     %eax
    test    $FLAG_IF, %eax
    check   z, IF
    mov     $behind, %ecx
    sysretl
done:
    expect  UD, 0, ends, behind SYSRET
    check_eq $USTACK-64, %ebx, ESP of ring 3
    check_eq $CODE3, %cx, CS of ring 3
    check_eq $(CODE3&~3)+8+3, %dx, SS of ring 3
    test    $FLAG_IF, %esi
    check   nz, IF of ring 3
    cmpl    $CODE3, REC_CS
    check   e, ring 3
    pass
