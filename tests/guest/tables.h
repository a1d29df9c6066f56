/* SPDX-License-Identifier: MIT */
/* tables.h - macros of the flat test guests in assembler: where they begin and end, and descriptor tables. */
.code64

        .set IDT, 0x8000
        .set GDT, 0x9000
        .set TSS, 0x9800
        .set DATA, 0xa000
        .set CODE, 8
        .set USER_CODE, 0x1b
        .set USER_DATA, 0x23

        .macro begin name
        .globl \name, \name\()_end
        .balign 16
\name:
        .endm

        .macro end name
\name\()_end:
        .endm

        /* GDT: code 8, data 0x10, user code 0x18, user data 0x20, TSS 0x28. Changes rax. */
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

        /* An interrupt gate of ring 0. Changes rax. */
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

        /* The task whose stack in ring 0 begins at `stack`. Changes rax. */
        .macro task stack
        movl    $\stack, TSS + 4
        movl    $0, TSS + 8
        mov     $0x28, %eax
        ltr     %ax
        .endm

        /* Goes to ring 3 at rax, with a stack at 0x6800. */
        .macro to_ring3
        pushq   $USER_DATA
        pushq   $0x6800
        pushq   $2
        pushq   $USER_CODE
        push    %rax
        iretq
        .endm

        .macro done
        mov     $42, %eax
        hlt
        .endm
