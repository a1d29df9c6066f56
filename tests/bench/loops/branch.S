/* SPDX-License-Identifier: MIT */
/* branch.S - conditions that depend on data: a generator's bits choose the way. */
#include "loop.h"

LOOP_BEGIN
    mov $0x2545f491, %eax
    xor %ebx, %ebx
1:
    mov %eax, %edx
    shl $13, %edx
    xor %edx, %eax
    mov %eax, %edx
    shr $17, %edx
    xor %edx, %eax
    mov %eax, %edx
    shl $5, %edx
    xor %edx, %eax
    test $1, %al
    jz 2f
    inc %ebx
2:
    test $0x100, %eax
    jnz 3f
    add %eax, %ebx
    jmp 4f
3:
    sub $3, %ebx
4:
    cmp %eax, %ebx
    jl 5f
    xor %eax, %ebx
5:
    dec %ecx
    jnz 1b
LOOP_END
