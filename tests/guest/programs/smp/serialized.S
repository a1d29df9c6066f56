/* SPDX-License-Identifier: MIT */
/*
 * Code that another CPU has changed, in the order of the manual: the writer stores code, then a flag; the other
 * waits for the flag, executes an instruction that serializes, then the code. It must be the new one, whichever
 * way it was written and whichever instruction serialized.
 */
#include "lab_smp.inc"
    program long, "SDM 3A, Handling Self- and Cross-Modifying Code; Serializing Instructions"
    .set ROUNDS, 1000
    .set FLAG, 0x7100
    .set TAKEN, 0x7180
    .set ROUTINE, PAGE_A + 0x3d /* MOV EAX, imm32; RET: over a border of cache lines */
start:
    begin
    test    %edi, %edi
    jnz     writer
    xor     %r12d, %r12d
1:  inc     %r12d
    /* Often executed as it was: translated, and linked to. */
    mov     $20, %ebp
2:  cmp     $1, %r12d
    je      3f
    call    by_call
    dec     %ebp
    jnz     2b
3:  cmp     FLAG, %r12d
    je      4f
    test    $0x3e, %r12b
    jz      3b          /* nothing here that a CPU would look around at */
    pause
    jmp     3b
4:  mov     %r12d, %eax
    and     $7, %eax
    lea     ways(%rip), %rdx
    jmp     *(%rdx, %rax, 8)
cpuid_first:
    xor     %eax, %eax
    cpuid
    jmp     5f
iret_first:
    mov     %rsp, %rax
    mov     %ss, %ecx
    push    %rcx
    push    %rax
    pushfq
    mov     %cs, %ecx
    push    %rcx
    lea     5f(%rip), %rcx
    push    %rcx
    iretq
cr3_first:
    mov     %cr3, %rax
    mov     %rax, %cr3
    jmp     5f
invlpg_first:
    invlpg  TABLES
5:  call    by_call
    check_eq %r12d, %eax, called directly
    mov     $ROUTINE, %ebx
    call    *%rbx
    check_eq %r12d, %eax, called through a register
    mov     %r12d, TAKEN
    cmp     $ROUNDS, %r12d
    jne     1b
    pass
by_call:
    jmp     ROUTINE
    .balign 8
ways:   /* IRET several times in a row: the first one makes known what the next ones need */
    .quad   iret_first, iret_first, cr3_first, invlpg_first, cpuid_first, iret_first, iret_first, iret_first

writer:
    xor     %r12d, %r12d
1:  inc     %r12d
    mov     %r12, %rax
    shl     $8, %rax
    mov     $0xc300000000b8, %rdx
    or      %rdx, %rax
    mov     %r12d, %ecx
    and     $3, %ecx
    jz      stored
    dec     %ecx
    jz      pushed
    dec     %ecx
    jz      exchanged
    mov     %rax, DATA + 0x100
    mov     $DATA + 0x100, %esi
    mov     $ROUTINE, %edi
    mov     $7, %ecx
    rep movsb
    jmp     2f
stored:
    mov     %rax, ROUTINE
    jmp     2f
pushed:
    mov     %rsp, %rbx
    mov     $ROUTINE + 8, %esp
    push    %rax
    mov     %rbx, %rsp
    jmp     2f
exchanged:
    xchg    %rax, ROUTINE
2:  mov     %r12d, FLAG
3:  cmp     TAKEN, %r12d
    je      1b
    test    $1, %r12b
    jz      4f
    in      $0x80, %al  /* every other time it is not executing instructions when its code is translated */
    jmp     3b
4:  pause
    jmp     3b
