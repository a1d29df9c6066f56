/* SPDX-License-Identifier: MIT */
/*
 * An unmasked SSE exception is #XM and leaves the destination; without CR4.OSXMMEXCPT it is #UD.
 */
#include "lab64.inc"
    program long, "SDM 3A, SIMD Floating-Point Exception (#XM)", "mode_long"
main:
    movl    $0x1d80, DATA   /* divide by zero is not masked */
    ldmxcsr DATA
    movl    $0x3f800000, DATA + 4
    movl    $0, DATA + 8
    movss   DATA + 4, %xmm0
    movss   DATA + 8, %xmm1
    fault   XM, 0, divss %xmm1, %xmm0
    movd    %xmm0, %eax
    check_eq $0x3f800000, %eax, the destination is kept
    stmxcsr DATA
    testl   $4, DATA
    check   nz, MXCSR.ZE
    clear_cr4 CR4_OSXMMEXCPT
    fault   UD, 0, divss %xmm1, %xmm0
    set_cr4 CR4_OSXMMEXCPT
    movl    $0x1f80, DATA
    ldmxcsr DATA
    divss   %xmm1, %xmm0
    movd    %xmm0, %eax
    check_eq $0x7f800000, %eax, masked, the result is infinity
    movl    $0x10000, DATA
    fault   GP, 0, ldmxcsr DATA
    pass
