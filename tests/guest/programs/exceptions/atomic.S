/* SPDX-License-Identifier: MIT */
/*
 * An instruction that faults changes nothing: registers, flags and memory are as before.
 */
#include "lab64.inc"
    program long, "SDM 3A, Exception Classifications (faults); Restarting a Task or Program", "mode_long"
main:
    own_tables
    set_pte PAGE_B, 0
    .macro  keeps insn:vararg
    mov     $PAGE_B - 4, %ebx
    mov     $0x1234, %ecx
    mov     $0x5678, %edx
    mov     %ebx, %esi
    mov     %ebx, %edi
    movl    $0x77777777, PAGE_B - 4
    mov     %rsp, KSP
    mov     %rsp, %rbp
    movq    $.Lon\@, RESUME
    mov     $0x9abc, %eax
    stc
    \insn
    fail    nothing raised by: \insn
.Lon\@:
    cmpl    $0x9abc, SAVED
    check   e, RAX after: \insn
    testl   $1, REC_FLAGS
    check   nz, CF after: \insn
    check_eq $0x1234, %rcx, RCX after: \insn
    check_eq $0x5678, %rdx, RDX after: \insn
    check_eq $PAGE_B-4, %rsi, RSI after: \insn
    check_eq $PAGE_B-4, %rdi, RDI after: \insn
    check_eq $PAGE_B-4, %rbx, RBX after: \insn
    cmpl    $0x77777777, PAGE_B - 4
    check   e, memory after: \insn
    .endm
    keeps   add %rcx, (%rbx)
    keeps   xadd %rcx, (%rbx)
    keeps   lock xadd %rcx, (%rbx)
    keeps   xchg %rcx, (%rbx)
    keeps   lock cmpxchg %rcx, (%rbx)
    keeps   lock cmpxchg8b (%rbx)
    keeps   mov %rcx, (%rbx)
    keeps   add (%rbx), %rcx
    keeps   movsq
    keeps   cmpsq
    keeps   scasq
    keeps   lodsq
    keeps   stosq
    keeps   push 4(%rbx)
    keeps   pop (%rbx)
    keeps   sgdt (%rbx)
    keeps   adcq $1, (%rbx)
    keeps   rclq $3, (%rbx)
    keeps   shld $3, %rcx, (%rbx)
    keeps   btsq $40, (%rbx)
    keeps   mulq (%rbx)
    keeps   fxsave -12(%rbx)
    keeps   fxrstor -12(%rbx)
    keeps   movups %xmm0, (%rbx)
    keeps   fstpt (%rbx)
    pass
