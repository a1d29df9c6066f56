/* SPDX-License-Identifier: MIT */
/*
 * Only 64-bit interrupt and trap gates lead anywhere: task and 16-bit gates and 32-bit code are #GP.
 */
#include "lab64.inc"
    program long, "SDM 3A, 64-Bit Mode IDT; SDM 2, INT n", "mode_long insn_int_n"
main:
    gate    0x30, main, 0x8e
    movb    $0x86, IDT + 16 * 0x30 + 5
    fault   GP, 0x30*8+2, int $0x30
    movb    $0x85, IDT + 16 * 0x30 + 5
    fault   GP, 0x30*8+2, int $0x30
    movb    $0x0e, IDT + 16 * 0x30 + 5
    fault   NP, 0x30*8+2, int $0x30
    gate_at IDT+16*0x30, CODE0_32, main, 0x8e
    fault   GP, CODE0_32, int $0x30
    gate_at IDT+16*0x30, CODE0, main, 0x8e
    movl    $0x8000, IDT + 16 * 0x30 + 8
    fault   GP, 0, int $0x30
    fault   GP, 0x50*8+2, int $0x50
    pass
