/* SPDX-License-Identifier: MIT */
/* chain.S - guests that shut down, each for another reason. Flat images in long mode at 0, 4 KiB pages. */
#include "tables.h"

        .set GONE, 0x400000     /* beyond memory: not mapped */

        .macro empty_gate vector
        movq    $0, IDT + 16 * \vector
        movq    $0, IDT + 16 * \vector + 8
        .endm

        /* A gate whose P bit is clear, or of type 0xe in ring 0. */
        .macro raw_gate vector, selector, flags
        empty_gate \vector
        movw    $\selector, IDT + 16 * \vector + 2
        movw    $\flags, IDT + 16 * \vector + 4
        .endm

        .section .rodata

        begin   chain_no_gates
        descriptors
        raw_gate 13, CODE, 0x0e00
        raw_gate 8, CODE, 0x0e00
        raw_gate 11, CODE, 0x0e00
        mov     $0xfff, %ecx
        rdmsr
        end     chain_no_gates

        begin   chain_empty_gates
        descriptors
        empty_gate 14
        empty_gate 13
        empty_gate 8
        movl    $1, GONE
        end     chain_empty_gates

        begin   chain_bad_selector
        descriptors
        raw_gate 6, 0x80, 0x8e00
        raw_gate 13, 0x80, 0x8e00
        raw_gate 8, 0x10, 0x8e00
        ud2
        end     chain_bad_selector

        begin   chain_bad_stack
        descriptors
        gate    6, 1f
        gate    12, 1f
        gate    8, 1f
        movabs  $0x8000000000000000, %rsp
        ud2
1:      hlt
        end     chain_bad_stack

        begin   chain_unmapped_idt
        descriptors
        movq    $GONE, GDT + 0x112
        lidt    GDT + 0x110
        ud2
        end     chain_unmapped_idt

        begin   chain_read_only
        descriptors
        empty_gate 14
        empty_gate 13
        empty_gate 8
        andq    $~2, 0x5000 + 8 * 0x100
        mov     %cr3, %rax
        mov     %rax, %cr3
        movb    $1, 0x100123
        end     chain_read_only

        /* The first fault is handled; the second shuts down and has nothing to do with it. */
        begin   chain_second
        descriptors
        gate    6, 1f
        empty_gate 14
        empty_gate 13
        empty_gate 8
        ud2
1:      mov     GONE, %eax
        end     chain_second

        .section .note.GNU-stack, "", @progbits
