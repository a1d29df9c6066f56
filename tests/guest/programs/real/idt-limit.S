/* SPDX-License-Identifier: MIT */
/*
 * An IVT that ends before the vector is #GP, and if that is not there either, #DF, vector 8.
 */
#include "lab16.inc"
    program real, "SDM 3B, 8086 Emulation: Interrupt and Exception Handling; SDM 2, INT n", "mode_real insn_int_n"
main:
    movw    $4 * 14 - 1, 0x5000
    movl    $0, 0x5002
    lidt    0x5000
    fault   GP, int $0x20
    movw    $4 * 13 - 1, 0x5000
    lidt    0x5000
    fault   DF, int $0x20
    movw    $0x3ff, 0x5000
    movl    $0x4000, 0x5002
    movw    $moved, 0x4000 + 4 * 0x21
    movw    $0, 0x4000 + 4 * 0x21 + 2
    lidt    0x5000
    xor     %bx, %bx
    int     $0x21
    check_eq $7, %bx, the handler in a table elsewhere
    pass
moved:
    mov     $7, %bx
    iret
