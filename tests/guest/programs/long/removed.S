/* SPDX-License-Identifier: MIT */
/*
 * Instructions that 64-bit mode has taken away are #UD.
 */
#include "lab64.inc"
    program long, "SDM 1, 64-Bit Mode Instruction Differences; SDM 2, 64-Bit Mode Exceptions", "mode_long insn_ud2"
main:
    .irp byte, 0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x27, 0x2f, 0x37, 0x3f, 0x60, 0x61, 0x82, 0x9a, 0xce, 0xd4, 0xd5, 0xd6, 0xea
    fault   UD, 0, .byte \byte, 0, 0, 0, 0, 0, 0, 0
    .endr
    pass
