/* SPDX-License-Identifier: MIT */
/* hyper-string: prints a whole string with one exit, and counts the exits to show that it was one. */
    .code64
    .set PRINT32, 0x5608
    .set PRINT_STR, 0x5610
    .set EXITS, 0x5618
start:
    mov $EXITS, %edx
    inl %dx, %eax
    mov %eax, %ebx
    mov $PRINT_STR, %edx
    mov $text, %eax
    outl %eax, %dx                  /* the address is below 4 GiB: ADDR_HI is not needed */
    mov $EXITS, %edx
    inl %dx, %eax                   /* the first IN and the OUT have been counted since */
    sub %ebx, %eax
    dec %eax
    mov %eax, %ebx
    mov $PRINT32, %edx
    outl %eax, %dx
    mov $1, %eax
    cmp $1, %ebx
    jne 1f
    mov $42, %eax
1:  hlt
    jmp 1b
text:
    .asciz "This whole line left the guest at once. Exits it took: "
