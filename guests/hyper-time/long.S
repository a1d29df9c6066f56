/* SPDX-License-Identifier: MIT */
/* hyper-time: makes a hundred exits, then prints how long they took, by type. */
    .code64
    .set SIGNATURE, 0x5600
    .set PRINT_STR, 0x5610
    .set BUF_LEN, 0x5614
    .set TIME_BY_TYPE, 0x5620
    .set BUF, 0x10000
    .set BUF_BYTES, 2048
start:
    mov $100, %ecx
    mov $SIGNATURE, %edx
1:  inl %dx, %eax
    loop 1b
    mov $BUF_LEN, %edx
    mov $BUF_BYTES, %eax
    outl %eax, %dx
    mov $TIME_BY_TYPE, %edx
    mov $BUF, %eax
    outl %eax, %dx                  /* lines of 'type ns-in-guest ns-in-monitor' */
    mov $head, %eax
    mov $PRINT_STR, %edx
    outl %eax, %dx
    mov $BUF, %eax
    outl %eax, %dx
    mov $1, %eax
    cmpl $0x206f6970, BUF           /* "pio " */
    jne 2f
    cmpl $0x30206e69, BUF + 4       /* "in 0": a hundred exits cannot take no time */
    je 2f
    mov $ok, %eax
    outl %eax, %dx
    mov $42, %eax
2:  hlt
    jmp 2b
head:
    .asciz "type, ns in guest, ns in monitor:\n"
ok:
    .asciz "ok\n"
