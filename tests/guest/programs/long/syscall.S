/* SPDX-License-Identifier: MIT */
/*
 * SYSCALL keeps RIP in RCX and RFLAGS in R11, takes RIP from LSTAR, CS and SS from STAR, clears what
 * FMASK names, and leaves RSP. SYSRET undoes it.
 */
#include "lab64.inc"
    program long, "SDM 2, SYSCALL, SYSRET", "mode_long mode_long_ring3 syscall_ring0 sysret"
main:
    fault   UD, 0, syscall
    set_efer EFER_SCE
    write_msr 0xc0000081, 0, CODE0 + (CODE3_32 << 16)
    write_msr 0xc0000082, inside
    write_msr 0xc0000084, FLAG_IF | FLAG_TF | FLAG_CF
    movq    $FLAG_IF | 2, UFLAGS
    movq    $done, RESUME
    enter_user outside
outside:
    stc
    syscall
next:
    mov     %rsp, %rbx
    mov     %cs, %esi
    mov     %ss, %edi
    pushfq
    pop     %rbp
ends:
    ud2
inside:
    check   nc, FMASK clears CF
    mov     %rsp, %rbx
    check_eq $next, %rcx, RCX
    mov     %r11, %rax
    and     $~FLAG_RF, %rax
    check_eq $FLAG_IF|FLAG_CF|2, %eax, R11
    check_eq $USTACK, %rbx, RSP is ring 3's
    mov     $KSTACK, %esp
    pushfq
    pop     %rax
    test    $FLAG_IF | FLAG_TF, %eax
    check   z, IF and TF are clear
    mov     %cs, %eax
    check_eq $CODE0, %ax, CS
    mov     %ss, %eax
    check_eq $DATA0, %ax, SS
    mov     %cr0, %rax
    mov     %rbx, %rsp
    sysretq
done:
    expect  UD, 0, ends, behind SYSRET
    check_eq $USTACK, %rbx, RSP
    check_eq $CODE3, %si, CS
    check_eq $DATA3, %di, SS
    test    $FLAG_IF, %ebp
    check   nz, IF is back
    pass
