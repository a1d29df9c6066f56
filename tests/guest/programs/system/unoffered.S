/* SPDX-License-Identifier: MIT */
/*
 * What CPUID does not offer is #UD: MONITOR, MWAIT, VMX, SMX, TSX, AVX-512, SVM.
 */
#include "lab64.inc"
    program long, "SDM 2, instruction pages: #UD if the CPUID bit is clear", "mode_long insn_ud2"
main:
    .macro  absent leaf:req, subleaf:req, reg:req, bit:req, insn:vararg
    mov     $\leaf, %eax
    mov     $\subleaf, %ecx
    cpuid
    bt      $\bit, %\reg
    jc      .Lthere\@
    xor     %eax, %eax
    xor     %ecx, %ecx
    xor     %edx, %edx
    fault   UD, 0, \insn
.Lthere\@:
    .endm
    absent  1, 0, ecx, 3, monitor
    absent  1, 0, ecx, 3, mwait
    absent  1, 0, ecx, 5, vmxoff
    absent  1, 0, ecx, 6, getsec
    absent  7, 0, ebx, 11, .byte 0xc7, 0xf8, 0, 0, 0, 0
    absent  7, 0, ebx, 11, .byte 0x0f, 0x01, 0xd6
    absent  7, 0, ebx, 16, .byte 0x62, 0xf1, 0x7c, 0x48, 0x28, 0xc0
    absent  0x80000001, 0, ecx, 2, .byte 0x0f, 0x01, 0xd8
    absent  7, 0, ecx, 3, .byte 0x0f, 0x01, 0xee
    absent  0x80000001, 0, ecx, 6, .byte 0x66, 0x0f, 0x79, 0xc0
    pass
