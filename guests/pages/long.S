/* SPDX-License-Identifier: MIT */
/*
 * pages: runs under 4 KiB pages (page table at 0x5000) and maps its first page a second time, at
 * guest-virtual 0x100000, by writing page-table entry 0x100. The 42 goes in by one name and is read by
 * the other.
 */
    .code64
    .set PT, 0x5000
    .set ALIAS, 0x100000
start:
    movq $0x0007, PT + 8 * (ALIAS >> 12)    /* page 0: present, writable, user */
    invlpg ALIAS
    movq $42, ALIAS + 0x400
    mov $message, %esi
    mov $0xe9, %edx
1:  lodsb
    test %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  mov 0x400, %rax
3:  hlt
    jmp 3b
message:
    .asciz "One page, two addresses.\n"
