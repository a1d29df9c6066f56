/* SPDX-License-Identifier: MIT */
/*
 * enter.S - into translated code and out of it; see frame.h for the homes of registers
 *
 * Flags travel as LAHF and SETO leave them in AX: AL + 0x7f overflows exactly when AL is 1, and SAHF
 * sets the others.
 */
#define HOST_RSP 0
#define GPR 8
#define XSAVE 32
#define SPILL 40
#define FLAGS 80
#define DATA 88
#define MISSING 120
#define LEAVE_FLAGS 128
#define BUDGET 136
#define SITE 144
#define ENTRY 152
#define HOST_MXCSR 160
#define HOST_FCW 164
#define WANTED 168
#define PARKED_RAX 176
#define REFUSED 184
#define LANDED 1 /* enum trans_ring_end */
#define SSE 1 /* enum trans_simd */
#define AVX 2
#define X87 4
#define FSW 2 /* in the image, as FXSAVE64 and XSAVE have it */
#define MXCSR 24
#define XMM 160
#define YMM_HIGH 576
#define EXCEPTIONS 0x7f

    .macro begin name
    .globl \name
    .hidden \name
    .type \name, @function
    .balign 16
\name:
    .endm

    /* To and from the guest's registers, at RBP: those from RSI on that live where they are named. */
    .macro put_rsi_to_r11
    mov %rsi, 48(%rbp)
    mov %rdi, 56(%rbp)
    mov %r8, 64(%rbp)
    mov %r9, 72(%rbp)
    mov %r10, 80(%rbp)
    mov %r11, 88(%rbp)
    .endm

    .macro get_rsi_to_r11
    mov 48(%rbp), %rsi
    mov 56(%rbp), %rdi
    mov 64(%rbp), %r8
    mov 72(%rbp), %r9
    mov 80(%rbp), %r10
    mov 88(%rbp), %r11
    .endm

    .macro movaps_to n, image
    movaps %xmm\n, (XMM + 16 * \n)(\image)
    .endm

    .macro movaps_from n, image
    movaps (XMM + 16 * \n)(\image), %xmm\n
    .endm

    .macro vmovaps_to n, image
    vmovaps %xmm\n, (XMM + 16 * \n)(\image)
    .endm

    .macro high_to n, image
    vextractf128 $1, %ymm\n, (YMM_HIGH + 16 * \n)(\image)
    .endm

    .macro or_high n, image
    or (YMM_HIGH + 16 * \n)(\image), %rax
    or (YMM_HIGH + 16 * \n + 8)(\image), %rax
    .endm

    .macro high_from n, image
    vinsertf128 $1, (YMM_HIGH + 16 * \n)(\image), %ymm\n, %ymm\n
    .endm

    .macro sixteen what, image
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    \what \n, \image
    .endr
    .endm

    /* Behind FXSAVE64 to RSI: as C code expects it. The flags go before the host's control word unmasks one. */
    .macro leave_x87
    emms
    testb $EXCEPTIONS, FSW(%rsi)
    jz 9f
    fnclex
9:
    fldcw HOST_FCW(%rsp)
    .endm

    .text
    begin trans_enter
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, HOST_RSP(%rdi)
    mov %rdi, %rsp
    mov WANTED(%rsp), %r15d
    test %r15d, %r15d
    jz 1f
    call trans_simd_load
1:
    mov GPR(%rsp), %rbp
    .irp n, 0, 1, 2, 3
    mov (96 + 8 * \n)(%rbp), %rax
    mov %rax, (SPILL + 8 * \n)(%rsp)
    .endr
    mov BUDGET(%rsp), %r12
    mov 8(%rbp), %rcx
    mov 16(%rbp), %rdx
    mov 24(%rbp), %rbx
    mov 32(%rbp), %r14
    mov 40(%rbp), %r13
    get_rsi_to_r11
    mov FLAGS(%rsp), %eax
    add $0x7f, %al
    sahf
    mov 0(%rbp), %rax
    jmp *ENTRY(%rsp)
    .size trans_enter, . - trans_enter

    /* R15: the site; RBP: what it wants to tell. */
    begin trans_leave
    mov %r15, SITE(%rsp)
    mov %rbp, DATA(%rsp)
    mov GPR(%rsp), %rbp
    mov %rax, 0(%rbp)
    lahf
    seto %al
    mov %eax, LEAVE_FLAGS(%rsp)
    mov %rcx, 8(%rbp)
    mov %rdx, 16(%rbp)
    mov %rbx, 24(%rbp)
    mov %r14, 32(%rbp)
    mov %r13, 40(%rbp)
    put_rsi_to_r11
    .irp n, 0, 1, 2, 3
    mov (SPILL + 8 * \n)(%rsp), %rax
    mov %rax, (96 + 8 * \n)(%rbp)
    .endr
    mov %r12, BUDGET(%rsp)
    mov MISSING(%rsp), %ecx
    not %ecx
    and $(SSE | AVX | X87), %ecx
    jz 5f
    mov XSAVE(%rsp), %rsi
    test $X87, %ecx
    jz 1f
    fxsave64 (%rsi)
    leave_x87
    jmp 3f
1:
    test $AVX, %ecx
    jnz 2f
    sixteen movaps_to, %rsi
    stmxcsr MXCSR(%rsi)
    jmp 4f
2:
    sixteen vmovaps_to, %rsi
    vstmxcsr MXCSR(%rsi)
3:
    test $AVX, %ecx
    jz 4f
    sixteen high_to, %rsi
    vzeroupper
4:
    ldmxcsr HOST_MXCSR(%rsp)
5:
    mov HOST_RSP(%rsp), %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
    .size trans_leave, . - trans_leave

    /* Called with what is needed in R15: RSP is eight less. Changes RBP, R15 and the flags. */
    begin trans_simd_load
    mov %rax, (8 + PARKED_RAX)(%rsp)
    and (8 + MISSING)(%rsp), %r15d
    test $(SSE | AVX | X87), %r15d
    jz 4f
    mov (8 + REFUSED)(%rsp), %eax
    not %eax
    and $(SSE | AVX), %eax
    or %eax, %r15d
    and (8 + MISSING)(%rsp), %eax /* vectors that come now: all that may */
    mov (8 + XSAVE)(%rsp), %rbp
    test $X87, %r15d
    jz 2f
    testl $SSE, (8 + MISSING)(%rsp)
    jnz 1f
    sixteen movaps_to, %rbp /* FXRSTOR has them too */
    stmxcsr MXCSR(%rbp)
1:
    fxrstor64 (%rbp)
    jmp 3f
2:
    ldmxcsr MXCSR(%rbp)
    sixteen movaps_from, %rbp
3:
    test $AVX, %eax
    jz 4f
    /* Upper halves that are zero stay as the host leaves them: SSE runs slower once they have been written. */
    xor %eax, %eax
    sixteen or_high, %rbp
    vzeroupper
    test %rax, %rax
    jz 4f
    sixteen high_from, %rbp
4:
    mov (8 + PARKED_RAX)(%rsp), %rax
    not %r15d
    and %r15d, (8 + MISSING)(%rsp)
    ret
    .size trans_simd_load, . - trans_simd_load

    /* IRET to the next instruction serializes without leaving a virtual machine's guest. */
    begin trans_serialize
    mov %rsp, %rax
    mov %ss, %ecx
    push %rcx
    push %rax
    pushf
    mov %cs, %ecx
    push %rcx
    lea 1f(%rip), %rcx
    push %rcx
    iretq
1:
    ret
    .size trans_serialize, . - trans_serialize

    /*
     * Called with a site in R15: what trans_ring makes of it. Goes back with the target in R15, or leaves at the site
     * or the one behind it.
     */
    begin trans_call
    mov (8 + GPR)(%rsp), %rbp
    mov %rax, 0(%rbp)
    mov %rcx, 8(%rbp)
    mov %rdx, 16(%rbp)
    mov %r14, 32(%rbp)
    put_rsi_to_r11
    mov %r12, (8 + BUDGET)(%rsp)
    lea 8(%rsp), %rdi
    mov %r15d, %esi
    sub $8, %rsp
    call trans_ring
    add $8, %rsp
    mov 8(%rbp), %rcx
    mov 16(%rbp), %rdx
    mov 32(%rbp), %r14
    get_rsi_to_r11
    cmp $LANDED, %rax
    jbe 1f
    mov %rax, %r15
    mov 0(%rbp), %rax
    ret
1:
    add %eax, %r15d
    mov 0(%rbp), %rax
    add $8, %rsp
    mov DATA(%rsp), %rbp
    jmp trans_leave
    .size trans_call, . - trans_call

    /*
     * Called with a site in R15. Goes back when trans_string has done all of the instruction, or leaves at the site.
     * Changes RBP and R15; flags are kept.
     */
    begin trans_string_call
    mov (8 + GPR)(%rsp), %rbp
    mov %rax, 0(%rbp)
    lahf
    seto %al
    mov %eax, (8 + LEAVE_FLAGS)(%rsp)
    mov %rcx, 8(%rbp)
    mov %rdx, 16(%rbp)
    put_rsi_to_r11
    mov %r12, (8 + BUDGET)(%rsp)
    lea 8(%rsp), %rdi
    mov %r15d, %esi
    sub $8, %rsp
    call trans_string
    add $8, %rsp
    mov (8 + BUDGET)(%rsp), %r12
    mov 8(%rbp), %rcx
    mov 16(%rbp), %rdx
    get_rsi_to_r11
    test %al, %al
    jz 1f
    mov (8 + LEAVE_FLAGS)(%rsp), %eax
    add $0x7f, %al
    sahf
    mov 0(%rbp), %rax
    ret
1:
    add $8, %rsp
    mov LEAVE_FLAGS(%rsp), %eax
    add $0x7f, %al
    sahf
    mov 0(%rbp), %rax
    jmp trans_leave
    .size trans_string_call, . - trans_string_call

    /*
     * Called with a site in R15 and an address in RBP, which both stay. Goes back there if `function` says so, or five
     * bytes further on, behind a jump. Flags change.
     */
    .macro general name, function
    begin \name
    .irp reg, rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11
    push %\reg
    .endr
    lea 80(%rsp), %rdi
    mov %r15d, %esi
    mov %rbp, %rdx
    call \function
    test %al, %al
    .irp reg, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax
    pop %\reg
    .endr
    jz 1f
    ret
1:
    addq $5, (%rsp)
    ret
    .size \name, . - \name
    .endm

    general trans_fill, trans_fill_at
    general trans_across, trans_across_at
    general trans_across_end, trans_across_end_at

    .section .note.GNU-stack, "", @progbits
