/* SPDX-License-Identifier: MIT */
/*
 * Real-Address Mode, interrupts: INT n takes CS:IP from the table at 4 * n, pushes FLAGS, CS and IP, clears
 * IF, TF and AC; IRET undoes it.
 */
#include "lab16.inc"
    program real, "SDM 3B, 8086 Emulation: Interrupt and Exception Handling", "mode_real"
main:
    sti
    trap    0x40, int $0x40
    testw   $FLAG_IF, REC_FLAGS
    check   nz, IF in the saved flags
    testw   $FLAG_IF, REC_HCS
    check   z, IF is clear in the handler
    cmpw    $STACK16 - 6, REC_FRAME
    check   e, three words were pushed
    cmpw    $0, REC_CS
    check   e, saved CS
    movw    $handler, 4 * 0x41
    mov     $1, %bx
    std
    stc
    int     $0x41
    check   c, CF after IRET
    cmp     $2, %bx
    check   e, the handler ran
    cmp     $STACK16, %sp
    check   e, SP after IRET
    cld
    pass
handler:
    inc     %bx
    clc
    cld
    iret
