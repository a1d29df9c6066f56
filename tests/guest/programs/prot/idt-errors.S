/* SPDX-License-Identifier: MIT */
/*
 * Errors on the way to a handler: no gate there #GP(8n+2), not present #NP(8n+2), bad code
 * #GP(selector); EXT is set when an exception caused them.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Error Code; SDM 2, INT n (protected-mode exceptions)", "mode_protected insn_int_n"
main:
    movb    $0x0e, IDT + 8 * 0x30 + 5
    fault   NP, 0x30*8+2, int $0x30
    movb    $0x8d, IDT + 8 * 0x30 + 5
    fault   GP, 0x30*8+2, int $0x30
    movb    $0x9e, IDT + 8 * 0x30 + 5
    fault   GP, 0x30*8+2, int $0x30
    fault   GP, 0x50*8+2, int $0x50
    gate    0x30, main, 0x8e, DATA0
    fault   GP, DATA0, int $0x30
    gate    0x30, main, 0x8e, 0
    fault   GP, 0, int $0x30
    gate    0x30, main, 0x8e, SEL_OUT
    fault   GP, SEL_OUT, int $0x30
    desc    SEL_A, 0, 0xfffff, A_CODE & 0x7f, 0xc
    gate    0x30, main, 0x8e, SEL_A
    fault   NP, SEL_A, int $0x30
    movb    $0x0e, IDT + 8 * UD + 5
    fault   NP, UD*8+3, ud2
    gate    UD, main, 0x8e, SEL_A
    fault   NP, SEL_A + 1, ud2
    pass
