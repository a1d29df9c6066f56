/* SPDX-License-Identifier: MIT */
/* hyper-exits: prints the number of its exits so far, and the monitor's table of them by type. */
    .code64
    .set PRINT32, 0x5608
    .set PRINT_STR, 0x5610
    .set BUF_LEN, 0x5614
    .set EXITS, 0x5618
    .set EXITS_BY_TYPE, 0x561c
    .set BUF, 0x10000
    .set BUF_BYTES, 1024
start:
    mov $EXITS, %edx
    inl %dx, %eax                   /* 0: this exit is counted after it */
    inl %dx, %eax                   /* 1 */
    mov %eax, %ebx
    mov $PRINT32, %edx
    outl %eax, %dx
    mov $BUF_LEN, %edx
    mov $BUF_BYTES, %eax
    outl %eax, %dx
    mov $EXITS_BY_TYPE, %edx
    mov $BUF, %eax
    outl %eax, %dx                  /* text of 'type number' lines, with a NUL, at BUF */
    mov $PRINT_STR, %edx
    outl %eax, %dx
    mov $1, %eax
    cmp $1, %ebx
    jne 1f
    mov $42, %eax
1:  hlt
    jmp 1b
