/* SPDX-License-Identifier: MIT */
/*
 * Interrupts go to ring 0 only: a handler in another ring, or in conforming code, is #GP with the
 * selector of the code.
 */
#include "lab32.inc"
    program protected, "SDM 2, INT n, INTERRUPT-FROM-VIRTUAL-8086-MODE", "mode_protected"
main:
    desc    SEL_A, 0, 0xfffff, A_CODE | 4, 0xc
    gate    0x30, handler, 0xee, SEL_A
    gate    0x31, handler, 0xee, CODE3
    v86     GP, SEL_A, 0x3000, int $0x30
    v86     GP, 0x18, 0x3000, int $0x31
    pass
handler:
    ud2
