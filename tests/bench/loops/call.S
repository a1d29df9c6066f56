/* SPDX-License-Identifier: MIT */
/* call.S - two levels of calls with saved registers and a frame each. */
#include "loop.h"

LOOP_BEGIN
    push %rbx
    push %rbp
    xor %ebx, %ebx
1:
    mov %ecx, %edi
    call outer
    add %eax, %ebx
    dec %ecx
    jnz 1b
    pop %rbp
    pop %rbx
LOOP_END

outer:
    push %rbp
    mov %rsp, %rbp
    push %rbx
    sub $8, %rsp
    lea 1(%rdi), %ebx
    call inner
    add %ebx, %eax
    mov -8(%rbp), %rbx
    leave
    ret

inner:
    push %rbp
    mov %rsp, %rbp
    mov %edi, -4(%rbp)
    mov -4(%rbp), %eax
    imul %eax, %eax
    pop %rbp
    ret
