/* SPDX-License-Identifier: MIT */
/* The 32-bit program; paging makes no difference to it. */
    .code32
start:
    mov $message, %esi
    mov $0xe9, %edx
1:  lodsb
    test %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  mov $42, %eax
    mov %eax, 0x400
3:  hlt
    jmp 3b
message:
    .asciz "Hello, world!\n"
