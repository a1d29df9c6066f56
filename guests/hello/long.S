/* SPDX-License-Identifier: MIT */
/* hello in long mode: 64-bit code at 0 under an identity map of one 2 MiB page. */
    .code64
start:
    mov $message, %esi
    mov $0xe9, %edx
1:  lodsb
    test %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  mov $42, %eax
    mov %rax, 0x400
3:  hlt
    jmp 3b
message:
    .asciz "Hello, world!\n"
