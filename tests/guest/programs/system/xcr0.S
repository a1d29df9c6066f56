/* SPDX-License-Identifier: MIT */
/*
 * XSETBV takes XCR0 values with x87 and, with AVX, SSE; others and other registers are #GP; without
 * CR4.OSXSAVE it is #UD.
 */
#include "lab64.inc"
    program long, "SDM 2, XGETBV, XSETBV; SDM 1, Enabling the XSAVE Feature Set", "mode_long mode_long_ring3 insn_xsetbv"
main:
    needs_cpuid 1, 0, ecx, 26
    xor     %ecx, %ecx
    fault   UD, 0, xgetbv
    fault   UD, 0, xsetbv
    set_cr4 CR4_OSXSAVE
    xor     %ecx, %ecx
    xgetbv
    and     $1, %eax
    check   nz, x87 is always on
    mov     $3, %eax
    xsetbv
    xgetbv
    check_eq $3, %eax, x87 and SSE
    mov     $2, %eax
    fault   GP, 0, xsetbv
    mov     $5, %eax
    fault   GP, 0, xsetbv
    mov     $0x80000001, %eax
    fault   GP, 0, xsetbv
    mov     $1, %eax
    mov     $0x80000000, %edx
    fault   GP, 0, xsetbv
    xor     %edx, %edx
    mov     $5, %ecx
    fault   GP, 0, xsetbv
    fault   GP, 0, xgetbv
    xor     %ecx, %ecx
    user    GP, 0, xsetbv
    user_ok xgetbv
    pass
