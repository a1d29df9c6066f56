/* SPDX-License-Identifier: MIT */
/*
 * RDRAND and RDSEED set CF and clear the other flags, write 16, 32 or 64 bits, and do not repeat
 * themselves.
 */
#include "lab64.inc"
    program long, "SDM 2, RDRAND, RDSEED", "mode_long insn_rdrand"
main:
    needs_cpuid 1, 0, ecx, 30
    .macro  draw insn:req
    mov     $4, %esi
.Lagain\@:
    \insn   %rbx
    \insn   %rdx
    cmp     %rbx, %rdx
    je      .Lsame\@
    dec     %esi
    jnz     .Lagain\@
.Lsame\@:
    check_eq $0, %esi, numbers of \insn differ
    xor     %edx, %edx
    cmp     $0, %edx
    \insn   %rdx
    pushfq
    pop     %rax
    and     $0x8d5, %eax
    check_eq $1, %eax, flags of \insn
    mov     $-1, %rcx
    \insn   %ecx
    shr     $32, %rcx
    check   e, a 32-bit number clears the upper half
    mov     $0x12340000, %ecx
    \insn   %cx
    shr     $16, %ecx
    check_eq $0x1234, %ecx, a 16-bit number keeps the rest
    .endm
    draw    rdrand
    user_ok rdrand %rax
    needs_cpuid 7, 0, ebx, 18
    draw    rdseed
    pass
