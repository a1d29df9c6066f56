/* SPDX-License-Identifier: MIT */
/*
 * There are no performance counters, CPUID says so: RDPMC is #GP(0) for every number, in ring 3 also
 * without CR4.PCE.
 */
#include "lab64.inc"
    program long, "SDM 2, RDPMC; SDM 3B, Architectural Performance Monitoring", "mode_long mode_long_ring3"
main:
    mov     $0xa, %eax
    xor     %ecx, %ecx
    cpuid
    test    %al, %al
    jz      1f
    end_with ENDS_UNOFFERED     /* there are some */
1:  xor     %ecx, %ecx
    fault   GP, 0, rdpmc
    mov     $0x40000000, %ecx
    fault   GP, 0, rdpmc
    user    GP, 0, rdpmc
    set_cr4 0x100
    user    GP, 0, rdpmc
    pass
