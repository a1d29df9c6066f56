/* SPDX-License-Identifier: MIT */
/* integer.S - arithmetic in registers: a mixing function as hash tables and checksums have it. */
#include "loop.h"

LOOP_BEGIN
    mov $0x9e3779b97f4a7c15, %rbx
    xor %eax, %eax
1:
    add %rbx, %rax
    mov %rax, %rdx
    shr $30, %rdx
    xor %rdx, %rax
    imul $0x1ce4e5b9, %rax, %rax
    lea (%rax,%rcx,4), %rsi
    and $0x7fffffff, %esi
    sub %esi, %edx
    or $1, %edx
    movzbl %al, %edi
    add %rdi, %rax
    inc %rsi
    dec %ecx
    jnz 1b
LOOP_END
