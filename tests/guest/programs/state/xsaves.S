/* SPDX-License-Identifier: MIT */
/*
 * XSAVES and XRSTORS, ring 0 only, use the compacted form always; XRSTORS takes no other.
 */
#include "lab64.inc"
    program long, "SDM 1, Operation of XSAVES; Operation of XRSTORS", "mode_long insn_xsave insn_xrstor insn_xsetbv"
main:
    needs_cpuid 0xd, 1, eax, 3
    needs_cpuid 1, 0, ecx, 28
    fault   UD, 0, xsaves DATA
    set_cr4 CR4_OSXSAVE
    xor     %ecx, %ecx
    xor     %edx, %edx
    mov     $7, %eax
    xsetbv
    mov     $DATA, %edi
    mov     $0x80, %ecx
    xor     %eax, %eax
    rep stosq
    .macro  there_and_back save:req, restore:req
    fninit
    fldpi
    movabs  $0x1122334455667788, %rcx
    movq    %rcx, %xmm1
    vinsertf128 $1, %xmm1, %ymm1, %ymm1
    mov     $7, %eax
    xor     %edx, %edx
    \save   DATA
    movabs  $0x8000000000000007, %rbx
    cmp     %rbx, DATA + 520
    check   e, XCOMP_BV of \save
    vzeroall
    fninit
    mov     $7, %eax
    \restore DATA
    vextractf128 $1, %ymm1, %xmm2
    movq    %xmm2, %rbx
    check_eq %rcx, %rbx, AVX state after \restore
    fstps   DATA + 0x800
    cmpl    $0x40490fdb, DATA + 0x800
    check   e, x87 state after \restore
    .endm
    there_and_back xsaves, xrstors
    there_and_back xsaves64, xrstors64
    mov     $7, %eax
    xsave   DATA + 0x400
    fault   GP, 0, xrstors DATA + 0x400
    fault   GP, 0, xsaves DATA + 8
    user    GP, 0, xsaves DATA
    user    GP, 0, xrstors DATA
    mov     $0xda0, %ecx
    mov     $1, %eax
    xor     %edx, %edx
    fault   GP, 0, wrmsr
    pass
