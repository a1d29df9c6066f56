/* SPDX-License-Identifier: MIT */
/*
 * CR4.VME and CR4.PVI are not offered: CPUID says so, the bits are reserved, and CLI below IOPL is
 * #GP.
 */
#include "lab64.inc"
    program long, "SDM 3B, Virtual-8086 Mode Extensions; SDM 3A, Protected-Mode Virtual Interrupts", "mode_long mode_long_ring3"
main:
    mov     $1, %eax
    cpuid
    bt      $1, %edx
    jnc     1f
    end_with ENDS_UNOFFERED
1:  mov     %cr4, %rbx
    mov     %rbx, %rax
    or      $CR4_VME, %eax
    fault   GP, 0, mov %rax, %cr4
    mov     %rbx, %rax
    or      $CR4_PVI, %eax
    fault   GP, 0, mov %rax, %cr4
    user    GP, 0, cli
    user    GP, 0, sti
    pass
