/* SPDX-License-Identifier: MIT */
/*
 * A push that goes over the end of the stack segment is #SS, whose frame goes over it as well: the
 * CPU shuts down.
 */
#include "lab16.inc"
    program real, "SDM 3B, 8086 Emulation, table Real-Address Mode Exceptions and Interrupts: #SS; SDM 2, PUSH", "mode_real triple_fault", shutdown
main:
    mov     $1, %sp
    push    %ax
    fail    PUSH with SP = 1
