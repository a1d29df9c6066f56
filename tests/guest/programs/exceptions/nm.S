/* SPDX-License-Identifier: MIT */
/*
 * CR0.TS makes x87, MMX, SSE and AVX instructions #NM, WAIT only with MP; CR0.EM makes x87 #NM, and
 * MMX and SSE #UD.
 */
#include "lab64.inc"
    program long, "SDM 3A, Device Not Available Exception (#NM); Emulation of the x87 FPU, table Action Taken By x87 FPU Instructions", "mode_long"
main:
    set_cr0 CR0_TS
    fault   NM, 0, fninit
    fault   NM, 0, fld1
    fault   NM, 0, fwait
    fault   NM, 0, movq %mm0, %mm1
    fault   NM, 0, movaps %xmm0, %xmm1
    fault   NM, 0, ldmxcsr DATA
    fault   NM, 0, fxsave DATA
    fault   UD, 0, .byte 0xf0, 0xd9, 0xe8
    clear_cr0 CR0_MP
    fwait
    fault   NM, 0, fld1
    sfence
    clflush DATA
    clts
    set_cr0 CR0_MP
    fninit
    movaps  %xmm0, %xmm1
    set_cr0 CR0_EM
    fault   NM, 0, fld1
    fault   UD, 0, movq %mm0, %mm1
    fault   UD, 0, movaps %xmm0, %xmm1
    fwait
    clear_cr0 CR0_EM
    clear_cr4 CR4_OSFXSR
    fault   UD, 0, movaps %xmm0, %xmm1
    fault   UD, 0, addsd %xmm0, %xmm1
    movq    %mm0, %mm1
    fxsave  DATA
    user    UD, 0, ldmxcsr DATA
    pass
