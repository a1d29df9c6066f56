/* SPDX-License-Identifier: MIT */
/*
 * thunk_call.S - calls of one-instruction thunks; see thunk.h
 *
 * RBX holds the struct soft_regs while a thunk runs, R12 the x87 image: thunks touch RAX, RCX, RDX,
 * the flags, vector registers 0 to 4, MM1 to MM3 and what RDI points to.
 */
#define V0 0(%rbx)
#define V1 32(%rbx)
#define V2 64(%rbx)
#define V3 96(%rbx)
#define V4 128(%rbx)
#define MM(n) (160 + 8 * n)(%rbx)
#define RAX 192(%rbx)
#define RCX 200(%rbx)
#define RDX 208(%rbx)
#define RFLAGS 216(%rbx)
#define MXCSR 224(%rbx)
#define HOST_MXCSR 228(%rbx)
#define HOST_FCW 232(%rbx)
#define MEM 256(%rbx)

    .macro begin name
    .globl \name
    .hidden \name
    .type \name, @function
    .balign 16
\name:
    .cfi_startproc
    push %rbx
    .cfi_def_cfa_offset 16
    .cfi_offset %rbx, -16
    mov %rdi, %rbx
    .endm

    .macro finish name
    pop %rbx
    .cfi_def_cfa_offset 8
    ret
    .cfi_endproc
    .size \name, . - \name
    .endm

    .macro load_vectors move, kind
    \move V0, %\kind\()0
    \move V1, %\kind\()1
    \move V2, %\kind\()2
    \move V3, %\kind\()3
    \move V4, %\kind\()4
    .endm

    .macro store_vectors move, kind
    \move %\kind\()0, V0
    \move %\kind\()1, V1
    \move %\kind\()2, V2
    \move %\kind\()3, V3
    \move %\kind\()4, V4
    .endm

    /* Nothing between the thunk and pushfq changes the flags, nothing but the thunk sees guest MXCSR. */
    .macro run ldmxcsr, stmxcsr
    mov RAX, %rax
    mov RCX, %rcx
    mov RDX, %rdx
    lea MEM, %rdi
    \stmxcsr HOST_MXCSR
    \ldmxcsr MXCSR
    call *%rsi
    pushfq
    .cfi_adjust_cfa_offset 8
    popq RFLAGS
    .cfi_adjust_cfa_offset -8
    \stmxcsr MXCSR
    \ldmxcsr HOST_MXCSR
    mov %rax, RAX
    mov %rcx, RCX
    .endm

    .text
    begin soft_call_sse
    load_vectors movaps, xmm
    run ldmxcsr, stmxcsr
    store_vectors movaps, xmm
    finish soft_call_sse

    begin soft_call_avx
    load_vectors vmovaps, ymm
    run vldmxcsr, vstmxcsr
    store_vectors vmovaps, ymm
    vzeroupper
    finish soft_call_avx

    begin soft_call_mmx
    load_vectors movaps, xmm
    movq MM(1), %mm1
    movq MM(2), %mm2
    movq MM(3), %mm3
    run ldmxcsr, stmxcsr
    store_vectors movaps, xmm
    movq %mm1, MM(1)
    movq %mm2, MM(2)
    movq %mm3, MM(3)
    emms
    finish soft_call_mmx

    /* FNINIT waits for nothing, so exceptions that the guest has not masked stay in the image. */
    .macro leave_x87
    fxsave64 (%r12)
    fninit
    fldcw HOST_FCW
    ldmxcsr HOST_MXCSR
    pop %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore %r12
    .endm

    .macro enter_x87
    push %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %r12, 0
    mov %rdx, %r12
    stmxcsr HOST_MXCSR
    fnstcw HOST_FCW
    fxrstor64 (%r12)
    .endm

    begin soft_call_x87
    enter_x87
    mov RAX, %rax
    lea MEM, %rdi
    pushq RFLAGS
    .cfi_adjust_cfa_offset 8
    popfq
    .cfi_adjust_cfa_offset -8
    call *%rsi
    pushfq
    .cfi_adjust_cfa_offset 8
    popq RFLAGS
    .cfi_adjust_cfa_offset -8
    mov %rax, RAX
    leave_x87
    finish soft_call_x87

    begin soft_call_fxrstor
    mov %rsi, %rdx
    enter_x87
    leave_x87
    finish soft_call_fxrstor

    .section .note.GNU-stack, "", @progbits
