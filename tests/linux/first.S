/* SPDX-License-Identifier: MIT */
/*
 * first.S - the shortest init: 20 system calls, each after a long while in ring 3, then a line, then it ends
 *
 * The while, some milliseconds of a CPU's own speed, is far longer than what the software CPU executes where KVM has
 * refused something, so it is KVM that meets the SYSCALL.
 */
    .globl _start
_start:
    mov $20, %ebx
again:
    mov $10000000, %ecx
spin:
    dec %ecx
    jnz spin
    mov $39, %eax /* getpid */
    syscall
    dec %ebx
    jnz again

    mov $1, %eax /* write */
    mov $1, %edi
    lea line(%rip), %rsi
    mov $line_end - line, %edx
    syscall
    mov $60, %eax /* exit */
    xor %edi, %edi
    syscall

    .section .rodata
line:
    .ascii "first: system calls come back\n"
line_end:

    .section .note.GNU-stack, "", @progbits
