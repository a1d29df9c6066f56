/* SPDX-License-Identifier: MIT */
/*
 * CPUID clears the upper halves; leaf 0 and 80000000 say how far the leaves go; OSXSAVE follows CR4;
 * the hypervisor leaf is there.
 */
#include "lab64.inc"
    program long, "SDM 2, CPUID", "mode_long insn_cpuid"
main:
    mov     $-1, %rbx
    mov     $-1, %rdx
    movabs  $0xffffffff00000000, %rax
    mov     $-1, %rcx
    cpuid
    mov     %rbx, %rsi
    shr     $32, %rsi
    check   e, upper half of RBX
    cmp     $0xd, %eax
    check   ae, leaves up to 0d
    mov     $0x80000000, %eax
    cpuid
    cmp     $0x80000008, %eax
    check   ae, extended leaves up to 80000008
    mov     $0x80000001, %eax
    cpuid
    bt      $29, %edx
    check   c, long mode
    mov     $1, %eax
    cpuid
    and     $1 << 0 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 15 | 1 << 24 | 1 << 26, %edx
    check_eq $1<<0|1<<4|1<<5|1<<6|1<<15|1<<24|1<<26, %edx, FPU TSC MSR PAE CMOV FXSR SSE2
    bt      $31, %ecx
    check   c, a hypervisor is there
    bt      $27, %ecx
    check   nc, OSXSAVE is clear
    mov     $0x40000000, %eax
    cpuid
    cmp     $0x40000000, %eax
    check   ae, the hypervisor leaf
    mov     $1, %eax
    cpuid
    bt      $26, %ecx
    jnc     1f
    set_cr4 CR4_OSXSAVE
    mov     $1, %eax
    cpuid
    bt      $27, %ecx
    check   c, OSXSAVE is set
1:
    user_ok cpuid
    pass
