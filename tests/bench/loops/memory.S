/* SPDX-License-Identifier: MIT */
/* memory.S - loads and stores over 64 KiB, in words of several sizes, and a read-modify-write. */
#include "loop.h"

LOOP_BEGIN
    sub $0x10000, %rsp
    xor %esi, %esi
1:
    mov (%rsp,%rsi), %rax
    add %rcx, %rax
    mov %rax, (%rsp,%rsi)
    mov 8(%rsp,%rsi), %edx
    movzwl 12(%rsp,%rsi), %edi
    add %edx, 16(%rsp,%rsi)
    mov %dil, 21(%rsp,%rsi)
    cmp %eax, 24(%rsp,%rsi)
    add $56, %esi
    and $0xffc0, %esi
    add $8, %esi
    and $0xfff8, %esi
    cmp $0xff00, %esi
    jb 2f
    xor %esi, %esi
2:
    dec %ecx
    jnz 1b
    add $0x10000, %rsp
LOOP_END
