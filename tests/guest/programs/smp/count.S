/* SPDX-License-Identifier: MIT */
/*
 * Every CPU counts to the same places with each kind of locked instruction: nothing is lost. Also over a border of
 * cache lines and of pages, and under a lock that is taken by XCHG.
 */
#include "lab_smp.inc"
    program long, "SDM 3A, Locked Atomic Operations; Bus Locking"
    .set ROUNDS, 20000
    .set FEW, 300
    .set COUNTS, DATA
    .set LINE_BORDER, DATA + 0x43c
    .set PAGE_BORDER, PAGE_B - 4
    .set SPINLOCK, DATA + 0x600
    .set UNDER_LOCK, DATA + 0x680
start:
    begin
    mov     $ROUNDS, %ecx
1:  lock addq $1, COUNTS
    lock incl COUNTS + 8
    lock subw $-1, COUNTS + 16
    mov     $1, %eax
    lock xadd %rax, COUNTS + 24
    mov     COUNTS + 32, %rax
2:  lea     1(%rax), %rdx
    lock cmpxchg %rdx, COUNTS + 32
    jne     2b
    mov     COUNTS + 48, %rax
    mov     COUNTS + 56, %rdx
3:  mov     %rax, %rbx
    mov     %rcx, %r13
    mov     %rdx, %rcx
    add     $1, %rbx
    adc     $1, %rcx
    lock cmpxchg16b COUNTS + 48
    mov     %r13, %rcx
    jne     3b
    lock incq LINE_BORDER
4:  mov     $1, %eax
    xchg    %eax, SPINLOCK
    test    %eax, %eax
    jz      5f
    pause
    jmp     4b
5:  incq    UNDER_LOCK
    movl    $0, SPINLOCK
    dec     %ecx
    jnz     1b
    mov     $FEW, %ecx
6:  lock incq PAGE_BORDER
    mov     $1, %eax
    lock xadd %eax, PAGE_BORDER + 0x1002
    dec     %ecx
    jnz     6b
    all_done
    mov     CPUS, %r14d
    imul    $ROUNDS, %r14d, %r15d
    imul    $FEW, %r14d, %r14d
    check_eq %r15, COUNTS, LOCK ADD
    check_eq %r15d, COUNTS+8, LOCK INC
    check_eq %r15w, COUNTS+16, LOCK SUB of a word
    check_eq %r15, COUNTS+24, LOCK XADD
    check_eq %r15, COUNTS+32, LOCK CMPXCHG
    check_eq %r15, COUNTS+48, LOCK CMPXCHG16B: low half
    check_eq %r15, COUNTS+56, LOCK CMPXCHG16B: high half
    check_eq %r15, LINE_BORDER, over a border of cache lines
    check_eq %r15, UNDER_LOCK, under a lock
    check_eq %r14, PAGE_BORDER, over a border of pages
    check_eq %r14d, PAGE_BORDER+0x1002, XADD over a border of pages
    pass
