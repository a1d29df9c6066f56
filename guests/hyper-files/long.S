/* SPDX-License-Identifier: MIT */
/* hyper-files: reads and writes files of the host, and shows what it may not do. */
    .code64
    .set PRINT_STR, 0x5610
    .set FILE_CALL, 0x5630
    .set OPEN, 1
    .set READ, 2
    .set WRITE, 3
    .set CLOSE, 4
    .set NEW_FILE, 2 | 4 | 8        /* for writing, make it, empty it */
    .set BUF, 0x10000               /* zero, so that what is read ends with a NUL */
/* One call: op, fd, address, length, flags. Leaves the result in rax. */
.macro file op, fd, addr, len, flags
    movl $\op, block
    movl \fd, block + 4
    movq $\addr, block + 8
    movl $\len, block + 16
    movl $\flags, block + 20
    mov $block, %eax
    mov $FILE_CALL, %edx
    outl %eax, %dx
    mov block + 32, %rax
.endm
.macro print text
    mov $\text, %eax
    mov $PRINT_STR, %edx
    outl %eax, %dx
.endm
start:
    mov $1, %ebp                    /* what rax is if a check fails */
    file OPEN, $0, greeting, 0, 1   /* for reading */
    cmp $-19, %rax                  /* -ENODEV: no directory was given */
    jne 1f
    print no_files
    jmp 9f
1:  mov %eax, %ebx
    test %rax, %rax
    js 2f
    file READ, %ebx, BUF, 255, 0
    print BUF
    file CLOSE, %ebx, 0, 0, 0
    file READ, %ebx, BUF, 255, 0    /* closed: a bad descriptor */
    cmp $-9, %rax
    jne 10f
    print bad_fd
2:  file OPEN, $0, escape, 0, 1
    test %rax, %rax
    jns 10f
    print no_escape
    file OPEN, $0, out, 0, NEW_FILE
    mov %eax, %ebx
    file WRITE, %ebx, text, TEXT_LEN, 0
    cmp $TEXT_LEN, %rax
    jne 10f
    file CLOSE, %ebx, 0, 0, 0
    print written
9:  mov $42, %ebp
10: mov %ebp, %eax
    hlt
    jmp 10b
    .balign 8
block:
    .fill 40
greeting:  .asciz "greeting.txt"
escape:    .asciz "../escape"
out:       .asciz "out.txt"
text:      .ascii "Written by a guest.\n"
    .set TEXT_LEN, . - text
no_files:  .asciz "no files\n"
bad_fd:    .asciz "A closed descriptor is refused.\n"
no_escape: .asciz "So is ../escape.\n"
written:   .asciz "out.txt is written.\n"
