/* SPDX-License-Identifier: MIT */
/* hyper-print: looks for the hypercall device, then prints bytes and numbers with it. */
    .code64
    .set SIGNATURE, 0x5600
    .set PRINT8, 0x5604
    .set PRINT32, 0x5608
start:
    mov $SIGNATURE, %edx
    inl %dx, %eax
    cmp $0x4f525456, %eax           /* 'V' 'T' 'R' 'O' in memory order */
    jne 2f                          /* no device: rax is not 42 */
    mov $text, %esi
    mov $PRINT8, %edx
1:  lodsb
    outb %al, %dx                   /* one byte an exit, as on port 0xE9 */
    cmp $'\n', %al
    jne 1b
    mov $PRINT32, %edx
    mov $1234567890, %eax
    outl %eax, %dx                  /* a number and its newline an exit */
    mov $-1, %eax
    outl %eax, %dx                  /* without a sign */
    mov $42, %eax
    outl %eax, %dx
2:  hlt
    jmp 2b
text:
    .ascii "Bytes, then numbers:\n"
