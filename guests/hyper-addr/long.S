/* SPDX-License-Identifier: MIT */
/* hyper-addr: asks where an address of its own lies in the host, then one that does not exist. */
    .code64
    .set ADDR_HI, 0x560c
    .set PRINT_STR, 0x5610
    .set GVA_TO_HVA, 0x5624
    .set HVA_LO, 0x5628
    .set HVA_HI, 0x562c
start:
    xor %ebp, %ebp                  /* bit 0, bit 1: tests that went well */
    mov $start, %edi
    call hva
    test %rax, %rax
    jz 1f
    mov %rax, %rbx
    mov $start + 0x1234, %edi       /* memory of one slot lies in one piece in the host */
    call hva
    sub %rbx, %rax
    cmp $0x1234, %rax
    jne 1f
    or $1, %ebp
    mov $good, %eax
    mov $PRINT_STR, %edx
    outl %eax, %dx
1:  movabs $0x1234567890, %rdi      /* far beyond what the page table maps */
    call hva                        /* prints "Invalid GVA" */
    test %rax, %rax
    jnz 2f
    or $2, %ebp
    mov $bad, %eax
    mov $PRINT_STR, %edx
    outl %eax, %dx
2:  mov $42, %eax
    cmp $3, %ebp
    je 3f
    mov $1, %eax
3:  hlt
    jmp 3b

/* rdi: guest-virtual; gives rax: host-virtual, or 0. Changes rdx and rcx. */
hva:
    mov %rdi, %rax
    shr $32, %rax
    mov $ADDR_HI, %edx
    outl %eax, %dx                  /* first the high half ... */
    mov %edi, %eax
    mov $GVA_TO_HVA, %edx
    outl %eax, %dx                  /* ... then the low one, which asks */
    mov $HVA_LO, %edx
    inl %dx, %eax
    mov %eax, %ecx
    mov $HVA_HI, %edx
    inl %dx, %eax
    shl $32, %rax
    or %rcx, %rax
    ret
good:
    .asciz "Code: the host has it, in one piece.\n"
bad:
    .asciz "0x1234567890: nowhere.\n"
