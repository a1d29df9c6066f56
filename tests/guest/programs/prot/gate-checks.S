/* SPDX-License-Identifier: MIT */
/*
 * A gate must be visible to CPL and RPL, be present, and lead to code that is not further out.
 */
#include "lab32.inc"
    program protected, "SDM 2, CALL (CALL-GATE); SDM 3A, Accessing a Code Segment Through a Call Gate", "mode_protected"
main:
    gate_at GDT + SEL_A, CODE0, main, 0x8c
    gate_at GDT + SEL_B, CODE0, main, 0x6c
    gate_at GDT + SEL_C, DATA0, main, 0xec
    gate_at GDT + SEL_D, 0, main, 0xec
    gate_at GDT + SEL_E, CODE3, main, 0xec
    gate_at GDT + SEL_F, SEL_OUT, main, 0xec
    desc    SEL_G, 0, 0xfffff, A_CODE & 0x7f, 0xc
    gate_at GDT + SEL_H, SEL_G, main, 0xec
    user    GP, SEL_A, lcall $SEL_A + 3, $0
    fault   GP, SEL_A, lcall $SEL_A + 3, $0
    user    NP, SEL_B, lcall $SEL_B, $0
    fault   GP, DATA0, lcall $SEL_C, $0
    fault   GP, 0, lcall $SEL_D, $0
    fault   GP, 0x18, lcall $SEL_E, $0
    fault   GP, SEL_OUT, lcall $SEL_F, $0
    fault   NP, SEL_G, lcall $SEL_H, $0
    gate_at GDT + SEL_A, CODE0, main, 0xec
    user    GP, CODE0, ljmp $SEL_A, $0
    pass
