/* SPDX-License-Identifier: MIT */
/*
 * XSAVEC compacts and says so in XCOMP_BV; XGETBV(1), where offered, knows what is in its initial state.
 */
#include "lab64.inc"
    program long, "SDM 1, Operation of XSAVEC; Compacted XRSTOR", "mode_long insn_xsave insn_xrstor insn_xsetbv"
main:
    needs_cpuid 0xd, 1, eax, 1
    needs_cpuid 1, 0, ecx, 28
    set_cr4 CR4_OSXSAVE
    xor     %ecx, %ecx
    xor     %edx, %edx
    mov     $7, %eax
    xsetbv
    mov     $DATA, %edi
    mov     $0x80, %ecx
    xor     %eax, %eax
    rep stosq
    fninit
    vzeroall
    movabs  $0x1122334455667788, %rax
    movq    %rax, %xmm1
    vinsertf128 $1, %xmm1, %ymm1, %ymm1
    mov     $4, %eax
    xor     %edx, %edx
    xsavec  DATA
    movabs  $0x8000000000000004, %rax
    cmp     %rax, DATA + 520
    check   e, XCOMP_BV
    movabs  $0x1122334455667788, %rax
    cmp     %rax, DATA + 576 + 16
    check   e, the upper half of YMM1 comes first
    vzeroall
    mov     $4, %eax
    xrstor  DATA
    vextractf128 $1, %ymm1, %xmm2
    movq    %xmm2, %rcx
    movabs  $0x1122334455667788, %rax
    check_eq %rax, %rcx, compacted XRSTOR
    movabs  $0x8000000000000001, %rax
    mov     %rax, DATA + 520
    mov     $4, %eax
    fault   GP, 0, xrstor DATA
    vzeroall
    mov     $0xd, %eax
    mov     $1, %ecx
    cpuid
    mov     %eax, %ebx
    mov     $1, %ecx
    bt      $2, %ebx
    jc      1f
    fault   GP, 0, xgetbv   /* not offered */
    pass
1:  xgetbv
    and     $4, %eax
    check_eq $0, %eax, AVX state is initial
    pass
