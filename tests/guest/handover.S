/* SPDX-License-Identifier: MIT */
/*
 * handover.S - guests that are stopped after an OUT and go on with another engine
 *
 * Flat images in long mode at 0, IDT 0x8000, GDT 0x9000, TSS 0x9800, data from 0xa000.
 */
#include "tables.h"

        .section .rodata

        /* Fills registers, gives the host a chance at port 0x80, and checks them: 42 in rax when all is well. */
        begin   handover_registers
        mov     $0x1111, %ebx
        mov     $0x2222, %ebp
        mov     $0x3333, %esi
        mov     $0x4444, %edi
        movabs  $0x1122334455667788, %r8
        mov     $0x9999, %r15d
        fninit
        fldpi
        fld1
        movw    $0x27f, DATA
        fldcw   DATA
        movl    $0x3f80, DATA
        ldmxcsr DATA
        movq    %r8, %xmm3
        movq    %r8, %xmm14
        mov     $0x12340, %eax
        mov     %rax, %dr1
        mov     $0xc0000102, %ecx
        mov     $0xabcd, %eax
        xor     %edx, %edx
        wrmsr
        mov     $0x277, %ecx
        rdmsr
        mov     %eax, %r13d
        rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        mov     %rax, %r14
        std
        stc
        out     %al, $0x80
        pushfq
        cld
        pop     %rax
        and     $0x401, %eax
        cmp     $0x401, %eax
        jne     1f
        cmp     $0x1111, %rbx
        jne     1f
        cmp     $0x2222, %rbp
        jne     1f
        cmp     $0x3333, %rsi
        jne     1f
        cmp     $0x4444, %rdi
        jne     1f
        movabs  $0x1122334455667788, %rax
        cmp     %rax, %r8
        jne     1f
        cmp     $0x9999, %r15
        jne     1f
        movq    %xmm3, %rcx
        cmp     %rax, %rcx
        jne     1f
        movq    %xmm14, %rcx
        cmp     %rax, %rcx
        jne     1f
        movl    $0, DATA
        fnstcw  DATA
        cmpl    $0x27f, DATA
        jne     1f
        stmxcsr DATA
        cmpl    $0x3f80, DATA
        jne     1f
        fistpq  DATA
        cmpq    $1, DATA
        jne     1f
        fistpq  DATA
        cmpq    $3, DATA
        jne     1f
        mov     %dr1, %rax
        cmp     $0x12340, %rax
        jne     1f
        mov     $0xc0000102, %ecx
        rdmsr
        cmp     $0xabcd, %eax
        jne     1f
        mov     $0x277, %ecx
        rdmsr
        cmp     %eax, %r13d
        jne     1f
        rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        cmp     %r14, %rax
        jb      1f
        done
1:      mov     $1, %eax
        hlt
        end     handover_registers

        /*
         * Ring 3 reads 0x100000, OUT; the entry that maps it is made to lead to 0x101000, unless 0x3ff8 says
         * that somebody has done so, CR3 is loaded, OUT; ring 3 reads again, OUT with the value in rax. Ring 3
         * leaves by UD2.
         */
        begin   handover_tables
        descriptors
        gate    6, 1f
        task    0x7000
        movq    $111, 0x100000
        movq    $31, 0x101000
        xor     %r12d, %r12d
        lea     2f(%rip), %rax
        to_ring3
2:      mov     0x100000, %rbp
        ud2
1:      inc     %r12d
        cmp     $2, %r12d
        je      3f
        mov     %rbp, %rax
        out     %al, $0x80
        cmpq    $0, 0x3ff8
        jne     4f
        movq    $0x101007, 0x5800
        mov     %cr3, %rax
        mov     %rax, %cr3
4:      out     %al, $0x80
        lea     2b(%rip), %rax
        to_ring3
3:      mov     %rbp, %rax
        out     %al, $0x80
        hlt
        end     handover_tables

        begin   handover_string
        lea     1f(%rip), %rsi
        mov     $21, %ecx
        mov     $0xe9, %edx
        rep outsb
        hlt
1:      .ascii  "all of these letters\n"
        end     handover_string

        .section .note.GNU-stack, "", @progbits
