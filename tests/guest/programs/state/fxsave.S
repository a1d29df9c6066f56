/* SPDX-License-Identifier: MIT */
/*
 * FXSAVE stores x87, MXCSR and SSE state where the manual says; FXRSTOR brings it back; unaligned is
 * #GP, a reserved bit of MXCSR too.
 */
#include "lab64.inc"
    program long, "SDM 1, FXSAVE and FXRSTOR Instructions; SDM 2, FXSAVE", "mode_long insn_fxsave"
main:
    fninit
    fld1
    fldpi
    movl    $0x1f81, DATA + 0x300
    ldmxcsr DATA + 0x300
    movabs  $0x1122334455667788, %rax
    movq    %rax, %xmm3
    movq    %rax, %xmm15
    fxsave64 DATA
    cmpw    $0x37f, DATA
    check   e, FCW
    movzwl  DATA + 2, %eax
    shr     $11, %eax
    and     $7, %eax
    check_eq $6, %eax, TOP
    cmpb    $0xc0, DATA + 4
    check   e, abridged tag word
    cmpl    $0x1f81, DATA + 24
    check   e, MXCSR
    cmpw    $0x4000, DATA + 32 + 8
    check   e, ST0
    cmpw    $0x3fff, DATA + 48 + 8
    check   e, ST1
    movabs  $0x1122334455667788, %rax
    cmp     %rax, DATA + 160 + 3 * 16
    check   e, XMM3
    cmp     %rax, DATA + 160 + 15 * 16
    check   e, XMM15
    fninit
    movl    $0x1f80, DATA + 0x300
    ldmxcsr DATA + 0x300
    xorps   %xmm3, %xmm3
    fxrstor64 DATA
    movq    %xmm3, %rbx
    check_eq %rax, %rbx, XMM3 is back
    fstps   DATA + 0x300
    cmpl    $0x40490fdb, DATA + 0x300
    check   e, ST0 is back
    fault   GP, 0, fxsave DATA + 8
    fault   GP, 0, fxrstor DATA + 8
    movl    $0x10000, DATA + 24
    fault   GP, 0, fxrstor DATA
    pass
