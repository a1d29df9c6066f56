/* SPDX-License-Identifier: MIT */
/*
 * Two CPUs: one calls routines, the other changes an aligned word in the first instruction of each between two values.
 * The first must execute one or the other each time, never a mixture, wherever the word lies in the instruction and in
 * the page, and both in the end.
 */
#include "lab.inc"
    program long, "SDM 3A, Handling Self- and Cross-Modifying Code; Guaranteed Atomic Operations"
    .set ROUNDS, 60000
    .set SCRATCH, 0x7100
    .code64
start:
    test    %edi, %edi
    jnz     writer
    mov     $ROUNDS, %r12d
    xor     %r13d, %r13d        /* two bits a place: which values it has had */
1:  mov     $places, %ebx
    mov     $1, %r14d
2:  call    *(%rbx)
    cmp     32(%rbx), %rax
    je      3f
    add     %r14d, %r14d
    cmp     40(%rbx), %rax
    je      4f
    fail    one value or the other
3:  or      %r14d, %r13d
    add     %r14d, %r14d
    jmp     5f
4:  or      %r14d, %r13d
5:  add     %r14d, %r14d
    add     $PLACE, %ebx
    cmp     $places_end, %ebx
    jne     2b
    dec     %r12d
    jns     1b
    xor     %r12d, %r12d
    cmp     $(1 << (2 * NPLACES)) - 1, %r13d  /* for as long as it takes */
    jne     1b
    pass

writer:
    mov     $16, %ebp           /* where in a place the value is */
1:  mov     $places, %ebx
2:  mov     8(%rbx), %rdi
    mov     (%rbx, %rbp), %rax
    mov     %rax, (%rdi)
    add     $PLACE, %ebx
    cmp     $places_end, %ebx
    jne     2b
    xor     $16 ^ 24, %ebp
    inc     %edx                /* for longer and for shorter */
    mov     %edx, %ecx
    and     $3, %ecx
3:  dec     %ecx
    jns     3b
    jmp     1b

    /* What is called, the aligned word of 8 bytes and both that it may be, and what RAX is then. */
    .macro place routine:req, word:req, one:req, other:req, gives_one:req, gives_other:req
    .quad   \routine, \word, \one, \other, \gives_one, \gives_other
    .endm
    .balign 8
places:
    place   third_word, page + 0x10, 0x1111111100000000 + SCRATCH, 0x2222222200000000 + SCRATCH, 0x11111111, 0x22222222
    place   all_of_it, page + 0x20, 0x11111111c0c7483e, 0x2222222225048d48, 0x11111111, 0x22222222
    place   long_immediate, page + 0x40, 0x1111111111111111, 0x2222222222222222, 0x1111111111111111, 0x2222222222222222
    place   at_the_end, page + 0xff8, 0x11111111b8909090, 0x22222222b8909090, 0x11111111, 0x22222222
    place   longer_at_the_end, page + 0x1ff8, 0x11111111c0c74890, 0x22222222c0c74890, 0x11111111, 0x22222222
places_end:
    .set PLACE, 48
    .set NPLACES, (places_end - places) / PLACE

    .balign 4096
page:
    .org    page + 0xd
third_word:
    movl    $0x11111111, SCRATCH    /* 3 bytes, 4 of an address, and these */
    mov     SCRATCH, %eax
    ret
    .org    page + 0x20
all_of_it:                          /* MOV RAX or LEA RAX */
    .quad   0x11111111c0c7483e
    ret
    .org    page + 0x3e
long_immediate:
    movabs  $0x1111111111111111, %rax
    ret
    .org    page + 0xff8
    .byte   0x90, 0x90, 0x90
at_the_end:
    mov     $0x11111111, %eax
    ret
    .org    page + 0x1ff8
    .byte   0x90
longer_at_the_end:
    mov     $0x11111111, %rax
    ret
