/* SPDX-License-Identifier: MIT */
/*
 * refused.S - a small guest for each instruction that some KVMs refuse in ring 0
 *
 * Each is a flat image in long mode at 0 that leaves 42 in rax and halts; anything else is a failure.
 */
#include "tables.h"

        .section .rodata

        begin   refused_int3
        descriptors
        gate    3, 1f
        xor     %ecx, %ecx
        int3
        inc     %ecx
        cmp     $0x101, %ecx
        jne     2f
        done
1:      or      $0x100, %ecx
        iretq
2:      hlt
        end     refused_int3

        begin   refused_int_n
        descriptors
        gate    0x40, 1f
        xor     %ecx, %ecx
        int     $0x40
        inc     %ecx
        cmp     $0x101, %ecx
        jne     2f
        done
1:      or      $0x100, %ecx
        iretq
2:      hlt
        end     refused_int_n

        begin   refused_stac_clac
        stac
        pushfq
        pop     %rcx
        clac
        pushfq
        pop     %rdx
        bt      $18, %rcx
        jnc     1f
        bt      $18, %rdx
        jc      1f
        done
1:      hlt
        end     refused_stac_clac

        begin   refused_xgetbv
        mov     %cr4, %rax
        or      $0x40000, %rax
        mov     %rax, %cr4
        xor     %ecx, %ecx
        xgetbv
        test    $1, %al
        jz      1f
        done
1:      hlt
        end     refused_xgetbv

        begin   refused_xsave_xrstor
        mov     %cr4, %rax
        or      $0x40000, %rax
        mov     %rax, %cr4
        fninit
        fld1
        xor     %edx, %edx
        mov     $1, %eax
        xsave   DATA
        fninit
        fldz
        mov     $1, %eax
        xrstor  DATA
        fistpq  DATA + 0x1000
        cmpq    $1, DATA + 0x1000
        jne     1f
        done
1:      hlt
        end     refused_xsave_xrstor

        begin   refused_clwb
        movq    $7, DATA
        clwb    DATA
        cmpq    $7, DATA
        jne     1f
        done
1:      hlt
        end     refused_clwb

        begin   refused_invpcid
        movq    $0, DATA
        movq    $0, DATA + 8
        mov     $2, %ecx
        invpcid DATA, %rcx
        done
        end     refused_invpcid

        begin   refused_cmpxchg16b
        movq    $1, DATA
        movq    $2, DATA + 8
        mov     $1, %eax
        mov     $2, %edx
        mov     $3, %ebx
        mov     $4, %ecx
        lock cmpxchg16b DATA
        jnz     1f
        cmpq    $3, DATA
        jne     1f
        cmpq    $4, DATA + 8
        jne     1f
        done
1:      hlt
        end     refused_cmpxchg16b

        begin   refused_rdtscp
        rdtscp
        shl     $32, %rdx
        lea     (%rdx, %rax), %rsi
        rdtsc
        shl     $32, %rdx
        add     %rdx, %rax
        cmp     %rsi, %rax
        jb      1f
        mov     %rax, %rsi
        rdtscp
        shl     $32, %rdx
        add     %rdx, %rax
        cmp     %rsi, %rax
        jb      1f
        done
1:      hlt
        end     refused_rdtscp

        begin   refused_popcnt
        mov     $0xff, %ecx
        popcnt  %rcx, %rdx
        cmp     $8, %edx
        jne     1f
        done
1:      hlt
        end     refused_popcnt

        /* Values must survive between instructions that one engine executes and the other does not. */
        begin   refused_sse
        mov     $5, %eax
        cvtsi2sd %eax, %xmm0
        mov     $37, %eax
        movd    %eax, %xmm8
        cvtdq2pd %xmm8, %xmm1
        addsd   %xmm0, %xmm1
        movaps  %xmm1, DATA
        movaps  DATA, %xmm2
        cvttsd2si %xmm2, %eax
        hlt
        end     refused_sse

        /* Helped instructions reach devices: OUTS behind one, and the port's own. */
        begin   refused_port
        mov     $0xff, %ecx
        popcnt  %rcx, %rdx
        mov     $'a', %al
        out     %al, $0xe9
        popcnt  %rcx, %rdx
        mov     $'b', %al
        out     %al, $0xe9
        done
        end     refused_port

        /* Refusals in a row: 20000 of them. */
        begin   refused_cluster
        mov     $20000, %esi
        xor     %edi, %edi
        mov     $1, %ecx
1:      popcnt  %rcx, %rdx
        add     %rdx, %rdi
        dec     %esi
        jnz     1b
        cmp     $20000, %edi
        jne     2f
        done
2:      hlt
        end     refused_cluster

        /*
         * Ring 3 reads a page, ring 0 changes the entry and flushes by instructions that are refused, and
         * ring 3 reads again. Needs 4 KiB pages with the page table at 0x5000: entry 0x100 maps 0x100000.
         */
        begin   refused_remap
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
        mov     %rbp, %r13
        mov     0x5800, %rax
        mov     0x5808, %rdx
        mov     %rdx, %rcx
        lea     0x1000(%rax), %rbx
        lock cmpxchg16b 0x5800
        jnz     4f
        movq    $0, DATA
        movq    $0, DATA + 8
        mov     $2, %ecx
        invpcid DATA, %rcx
        lea     2b(%rip), %rax
        mov     %rax, (%rsp)
        iretq
3:      cmp     $111, %r13
        jne     4f
        lea     11(%rbp), %rax
        hlt
4:      hlt
        end     refused_remap

        /*
         * Several CPUs (rdi is the number) store words that look like page-table entries, by a refused
         * instruction, and use their memory in between. Nobody may find it gone.
         */
        begin   refused_smp
        shl     $8, %edi
        add     $DATA, %edi
        mov     $100, %esi
        xor     %r8d, %r8d
1:      mov     (%rdi), %rax
        mov     8(%rdi), %rdx
        lea     2(%rax), %rbx
        or      $1, %rbx
        mov     %rdx, %rcx
        lock cmpxchg16b (%rdi)
        jnz     3f
        mov     $200, %ecx
2:      inc     %r8
        mov     %r8, 0x20(%rdi)
        cmp     %r8, 0x20(%rdi)
        jne     3f
        loop    2b
        dec     %esi
        jnz     1b
        cmpq    $201, (%rdi)
        jne     3f
        cmp     $20000, %r8
        jne     3f
        done
3:      hlt
        end     refused_smp

        /* A few instructions in ring 3, for those who step through them. */
        .globl  refused_ring3_at
        begin   refused_ring3
        descriptors
        gate    6, 1f
        task    0x7000
        lea     2f(%rip), %rax
        to_ring3
2:      mov     $40, %ebx
refused_ring3_at:
        inc     %ebx
        inc     %ebx
        ud2
1:      cmp     $42, %ebx
        jne     3f
        done
3:      hlt
        end     refused_ring3

        .section .note.GNU-stack, "", @progbits
