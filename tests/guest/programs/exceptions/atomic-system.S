/* SPDX-License-Identifier: MIT */
/*
 * System instructions and far transfers whose memory operand is not there: #PF, and no system
 * register, selector or stack pointer has changed.
 */
#include "lab64.inc"
    program long, "SDM 3A, Exception Classifications (faults)", "mode_long mode_long_4k"
main:
    .set BEFORE, DATA
    .set AFTER, DATA + 0x80
    /* What the instructions might have changed, into memory. */
    .macro  snapshot to:req
    sgdt    \to
    sidt    \to + 0x10
    sldt    \to + 0x20
    str     \to + 0x28
    mov     %cr0, %rax
    mov     %rax, \to + 0x30
    mov     %cr4, %rax
    mov     %rax, \to + 0x38
    mov     %fs, \to + 0x40
    mov     %ss, \to + 0x48
    mov     %cs, \to + 0x50
    .endm
    .macro  same insn:vararg
    check_eq $0x1234, %rcx, RCX after: \insn
    check_eq $0x5678, %rdx, RDX after: \insn
    snapshot AFTER
    mov     $BEFORE, %esi
    mov     $AFTER, %edi
    mov     $0x58, %ecx
    repe cmpsb
    check   e, system registers after: \insn
    .endm
    .macro  reads insn:vararg
    mov     $PAGE_B - 1, %ebx
    mov     $0x1234, %ecx
    mov     $0x5678, %edx
    fault   PF, 0, \insn
    same    \insn
    .endm
    .macro  writes insn:vararg
    mov     $PAGE_B - 1, %ebx
    mov     $0x1234, %ecx
    mov     $0x5678, %edx
    movb    $0x77, PAGE_B - 1
    fault   PF, 2, \insn
    same    \insn
    cmpb    $0x77, PAGE_B - 1
    check   e, memory after: \insn
    .endm
    /* The stack pointer stands where the last bytes of the frame are missing. */
    .macro  pops bytes:req, insn:vararg
    mov     $0x1234, %ecx
    mov     $0x5678, %edx
    mov     $PAGE_B - \bytes, %esp
    movq    $.Lon\@, RESUME
    movq    $KSTACK, KSP
    movb    $1, IDT + 16 * PF + 4
.Lat\@:
    \insn
    fail    nothing raised by: \insn
.Lon\@:
    movb    $0, IDT + 16 * PF + 4
    expect  PF, 0, .Lat\@, \insn
    cmpq    $PAGE_B - \bytes, REC_SP
    check   e, RSP after: \insn
    same    \insn
    .endm
    own_tables
    set_pte PAGE_B, 0
    mov     $PAGE_B - 64, %edi
    mov     $CODE0, %eax
    mov     $8, %ecx
    rep stosq
    mov     $BEFORE, %edi
    mov     $32, %ecx
    xor     %eax, %eax
    rep stosq
    mov     $DATA3, %eax
    mov     %eax, %fs
    snapshot BEFORE
    writes  sgdt (%rbx)
    writes  sidt (%rbx)
    writes  sldt (%rbx)
    writes  str (%rbx)
    writes  smsw (%rbx)
    reads   lgdt (%rbx)
    reads   lidt (%rbx)
    reads   lldt (%rbx)
    reads   ltr (%rbx)
    reads   lmsw (%rbx)
    reads   verr (%rbx)
    reads   verw (%rbx)
    reads   lar (%rbx), %ecx
    reads   lsl (%rbx), %ecx
    reads   mov (%rbx), %fs
    reads   mov (%rbx), %ss
    reads   lfs (%rbx), %ecx
    reads   lss (%rbx), %ecx
    reads   ljmp *(%rbx)
    reads   lcall *(%rbx)
    check_eq $KSTACK, %rsp, RSP after a far CALL
    pops    8, lretq
    pops    4, pop %fs
    pops    24, iretq
    pops    32, iretq
    pops    4, popfq
    pass
