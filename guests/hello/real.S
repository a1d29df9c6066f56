/* SPDX-License-Identifier: MIT */
/* hello in real mode: 16-bit code at 0, segments at 0. */
    .code16
start:
    mov $message, %si
    mov $0xe9, %dx
1:  lodsb
    test %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  mov $42, %eax
    mov %ax, 0x400
3:  hlt
    jmp 3b
message:
    .asciz "Hello, world!\n"
