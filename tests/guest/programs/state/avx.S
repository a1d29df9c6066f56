/* SPDX-License-Identifier: MIT */
/*
 * VEX instructions need CR4.OSXSAVE and XCR0 with SSE and AVX, else #UD; 128-bit results clear the
 * upper half, legacy ones keep it.
 */
#include "lab64.inc"
    program long, "SDM 1, AVX: Detection and Enabling; SDM 2, Exceptions Type 4", "mode_long insn_xsetbv insn_vmovups"
main:
    needs_cpuid 1, 0, ecx, 28
    fault   UD, 0, vmovups %xmm0, %xmm1
    set_cr4 CR4_OSXSAVE
    xor     %ecx, %ecx
    xor     %edx, %edx
    mov     $3, %eax
    xsetbv
    fault   UD, 0, vmovups %xmm0, %xmm1
    mov     $7, %eax
    xsetbv
    movabs  $0x1122334455667788, %rax
    movq    %rax, %xmm0
    vinsertf128 $1, %xmm0, %ymm0, %ymm0
    vmovaps %ymm0, %ymm1
    vmovaps %ymm0, %ymm2
    addps   %xmm3, %xmm1
    vaddps  %xmm3, %xmm2, %xmm2
    vmovups %ymm1, DATA
    vmovups %ymm2, DATA + 32
    cmp     %rax, DATA + 16
    check   e, ADDPS keeps the upper half
    cmpq    $0, DATA + 48
    check   e, VADDPS clears it
    fault   GP, 0, vmovaps DATA + 16, %ymm0
    vmovups DATA + 1, %ymm0
    vaddps  DATA + 1, %ymm0, %ymm0
    fault   UD, 0, .byte 0xf0, 0xc5, 0xfc, 0x28, 0xc1
    fault   UD, 0, .byte 0x66, 0xc5, 0xfc, 0x28, 0xc1
    fault   UD, 0, .byte 0x40, 0xc5, 0xfc, 0x28, 0xc1
    set_cr0 CR0_TS
    fault   NM, 0, vmovups %xmm0, %xmm1
    clts
    set_cr0 CR0_EM
    vmovups %xmm0, %xmm1
    pass
