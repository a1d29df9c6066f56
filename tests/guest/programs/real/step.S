/* SPDX-License-Identifier: MIT */
/*
 * TF: a trap after each instruction; the saved flags hold TF, the handler runs without.
 */
#include "lab16.inc"
    program real, "SDM 3B, Debug Exceptions: Single-Step Exception Condition", "mode_real"
main:
    mov     %esp, KSP
    movl    $1f, RESUME
    pushf
    orw     $FLAG_TF, (STACK16 - 2)
    popf
    nop
2:  fail    no trap
1:  expect  DB, 2b, single step after POPF
    testw   $FLAG_TF, REC_FLAGS
    check   nz, TF is in the saved flags
    testw   $FLAG_TF, REC_HCS
    check   z, the handler runs without TF
    pass
