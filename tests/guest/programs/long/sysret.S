/* SPDX-License-Identifier: MIT */
/*
 * SYSRET with 32 bits goes to compatibility mode; with an address that is not canonical it is #GP in
 * ring 0; in ring 3 #GP, without EFER.SCE #UD.
 */
#include "lab64.inc"
    program long, "SDM 2, SYSRET", "mode_long mode_long_ring3 syscall_ring0 sysret"
main:
    fault   UD, 0, sysretq
    set_efer EFER_SCE
    write_msr 0xc0000081, 0, CODE0 + (CODE3_32 << 16)
    movabs  $0x800000000000, %rcx
    fault   GP, 0, sysretq
    cmpq    $CODE0, REC_CS
    check   e, the #GP came from ring 0
    user    GP, 0, sysretq
    mov     %rsp, KSP
    movq    $done, RESUME
    movabs  $0xffffffff00000000, %rcx
    or      $code32, %rcx
    mov     $2, %r11d
    mov     $USTACK, %esp
    sysretl
    .code32
code32:
    mov     %cs, %ebx
    .byte   0x48, 0x90 /* DEC EAX; NOP: in 64-bit code one instruction */
ends:
    ud2
    .code64
done:
    expect  UD, 0, ends, in compatibility mode
    check_eq $CODE3_32, %bx, CS
    pass
