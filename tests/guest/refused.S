/* SPDX-License-Identifier: MIT */
/*
 * refused.S - a small guest for each instruction that some KVMs refuse in ring 0
 *
 * Each is a flat image in long mode at 0 that leaves 42 in rax and halts; anything else is a failure. Tables
 * lie where nothing else does: IDT 0x8000, GDT 0x9000, TSS 0x9800, data from 0xa000.
 */
        .code64

        .set IDT, 0x8000
        .set GDT, 0x9000
        .set TSS, 0x9800
        .set DATA, 0xa000
        .set CODE, 8
        .set USER_CODE, 0x1b
        .set USER_DATA, 0x23

        .macro begin name
        .globl refused_\name, refused_\name\()_end
        .balign 16
refused_\name:
        .endm

        .macro end name
refused_\name\()_end:
        .endm

        /* GDT: code 8, data 0x10, user code 0x18, user data 0x20, TSS 0x28 */
        .macro descriptors
        movq    $0, GDT
        movabs  $0x00209b0000000000, %rax
        mov     %rax, GDT + 8
        movabs  $0x0000930000000000, %rax
        mov     %rax, GDT + 0x10
        movabs  $0x0020fb0000000000, %rax
        mov     %rax, GDT + 0x18
        movabs  $0x0000f30000000000, %rax
        mov     %rax, GDT + 0x20
        movabs  $0x0000890098000067, %rax
        mov     %rax, GDT + 0x28
        movq    $0, GDT + 0x30
        movw    $0x37, GDT + 0x100
        movq    $GDT, GDT + 0x102
        lgdt    GDT + 0x100
        movw    $0x0fff, GDT + 0x110
        movq    $IDT, GDT + 0x112
        lidt    GDT + 0x110
        .endm

        .macro gate vector, handler
        lea     \handler(%rip), %rax
        mov     %ax, IDT + 16 * \vector
        movw    $CODE, IDT + 16 * \vector + 2
        movw    $0x8e00, IDT + 16 * \vector + 4
        shr     $16, %rax
        mov     %ax, IDT + 16 * \vector + 6
        shr     $16, %rax
        mov     %rax, IDT + 16 * \vector + 8
        .endm

        .macro done
        mov     $42, %eax
        hlt
        .endm

        .section .rodata

        begin   int3
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
        end     int3

        begin   int_n
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
        end     int_n

        begin   stac_clac
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
        end     stac_clac

        begin   xgetbv
        mov     %cr4, %rax
        or      $0x40000, %rax
        mov     %rax, %cr4
        xor     %ecx, %ecx
        xgetbv
        test    $1, %al
        jz      1f
        done
1:      hlt
        end     xgetbv

        begin   xsave_xrstor
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
        end     xsave_xrstor

        begin   clwb
        movq    $7, DATA
        clwb    DATA
        cmpq    $7, DATA
        jne     1f
        done
1:      hlt
        end     clwb

        begin   invpcid
        movq    $0, DATA
        movq    $0, DATA + 8
        mov     $2, %ecx
        invpcid DATA, %rcx
        done
        end     invpcid

        begin   cmpxchg16b
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
        end     cmpxchg16b

        begin   rdtscp
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
        end     rdtscp

        begin   popcnt
        mov     $0xff, %ecx
        popcnt  %rcx, %rdx
        cmp     $8, %edx
        jne     1f
        done
1:      hlt
        end     popcnt

        /* Values must survive between instructions that one engine executes and the other does not. */
        begin   sse
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
        end     sse

        /* Helped instructions reach devices: OUTS behind one, and the port's own. */
        begin   port
        mov     $0xff, %ecx
        popcnt  %rcx, %rdx
        mov     $'a', %al
        out     %al, $0xe9
        popcnt  %rcx, %rdx
        mov     $'b', %al
        out     %al, $0xe9
        done
        end     port

        /* Refusals in a row: 20000 of them. */
        begin   cluster
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
        end     cluster

        /*
         * Ring 3 reads a page, ring 0 changes the entry and flushes by instructions that are refused, and
         * ring 3 reads again. Needs 4 KiB pages with the page table at 0x5000: entry 0x100 maps 0x100000.
         */
        begin   remap
        descriptors
        gate    6, 1f
        movl    $0x7000, TSS + 4
        movl    $0, TSS + 8
        mov     $0x28, %eax
        ltr     %ax
        movq    $111, 0x100000
        movq    $31, 0x101000
        xor     %r12d, %r12d
        pushq   $USER_DATA
        pushq   $0x6800
        pushq   $2
        pushq   $USER_CODE
        lea     2f(%rip), %rax
        push    %rax
        iretq
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
        end     remap

        .section .note.GNU-stack, "", @progbits
