/* SPDX-License-Identifier: MIT */
/*
 * XSAVE writes what RFBM and XCR0 name and its header; XRSTOR initialises what XSTATE_BV leaves out;
 * bad headers are #GP(0).
 */
#include "lab64.inc"
    program long, "SDM 1, Operation of XSAVE, XRSTOR; Form of the XSAVE Header", "mode_long insn_xsave insn_xrstor insn_xsetbv"
main:
    needs_cpuid 1, 0, ecx, 26
    fault   UD, 0, xsave DATA
    set_cr4 CR4_OSXSAVE
    xor     %ecx, %ecx
    xor     %edx, %edx
    mov     $3, %eax
    xsetbv
    mov     $DATA, %edi
    mov     $0x80, %ecx
    xor     %eax, %eax
    rep stosq
    fninit
    fldpi
    movabs  $0x1122334455667788, %rax
    movq    %rax, %xmm5
    mov     $2, %eax
    xor     %edx, %edx
    xsave   DATA
    cmpb    $2, DATA + 512
    check   e, XSTATE_BV of SSE alone
    cmpw    $0, DATA
    check   e, FCW was not written
    mov     $-1, %eax
    mov     %eax, %edx
    xsave   DATA
    cmpq    $3, DATA + 512
    check   e, XSTATE_BV of all that is on
    cmpw    $0x37f, DATA
    check   e, FCW
    movq    $1, DATA + 512
    movl    $-1, DATA + 160 + 5 * 16
    xrstor  DATA
    movq    %xmm5, %rax
    check_eq $0, %rax, XMM5 is initialised
    mov     $-1, %eax
    fault   GP, 0, xsave DATA + 8
    fault   GP, 0, xrstor DATA + 8
    movq    $4, DATA + 512
    fault   GP, 0, xrstor DATA
    movq    $3, DATA + 512
    movq    $1, DATA + 528
    fault   GP, 0, xrstor DATA
    movq    $0, DATA + 528
    movl    $-1, DATA + 24
    fault   GP, 0, xrstor DATA
    movl    $0x1f80, DATA + 24
    xrstor  DATA
    set_cr0 CR0_TS
    fault   NM, 0, xsave DATA
    pass
