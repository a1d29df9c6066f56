/* SPDX-License-Identifier: MIT */
/*
 * Two CPUs: one calls a routine over and over, the other changes an immediate in it, aligned, now and then, and nobody
 * serializes. The routine lies in a page of its own. The first must get one of the values each time, and see each
 * change some time. STR in front of it is an instruction that no translator takes.
 */
#include "lab_smp.inc"
    program long, "SDM 3A, Handling Self- and Cross-Modifying Code; Guaranteed Atomic Operations"
    .set CHANGES, 200
    .set SEEN, 0x7100
    .set READY, 0x7108
    .set ROUTINE, PAGE_A + 0x40
    .set VALUE, ROUTINE + 4
start:
    begin
    test    %edi, %edi
    jnz     writer
1:  cmpl    $1, READY
    jne     1b
    xor     %eax, %eax
    cpuid
    xor     %r12d, %r12d        /* the last value */
2:  mov     $100, %ebp
3:  call    *routine(%rip)
    mov     %eax, %ecx
    sub     %r12d, %ecx
    cmp     $1, %ecx
    setbe   %cl
    movzx   %cl, %ecx
    check_eq $1, %ecx, the value or the next one
    mov     %eax, %r12d
    dec     %ebp
    jnz     3b
    mov     %r12d, SEEN
    cmp     $CHANGES, %r12d
    jne     2b
    pass
    .balign 8
routine:
    .quad   ROUTINE
template:
    str     %ecx
    mov     $0, %eax
    add     %rax, %rbx
    ret
    .balign 4
end:

writer:
    mov     $ROUTINE, %edi
    lea     template(%rip), %rsi
    mov     $end - template, %ecx
    rep movsb
    movl    $1, READY
    xor     %edx, %edx
1:  mov     $300, %ecx
2:  pause
    dec     %ecx
    jnz     2b
    cmp     %edx, SEEN
    jne     1b
    inc     %edx
    mov     %edx, VALUE
    cmp     $CHANGES, %edx
    jne     1b
3:  hlt
    jmp     3b
