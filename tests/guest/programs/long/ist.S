/* SPDX-License-Identifier: MIT */
/*
 * A gate with an IST number takes its stack from the TSS, also without a change of rings; SS stays.
 */
#include "lab64.inc"
    program long, "SDM 3A, Interrupt Stack Table", "mode_long insn_ud2"
main:
    movb    $1, IDT + 16 * UD + 4
    fault   UD, 0, ud2
    cmpq    $IST_STACK - 40, REC_FRAME
    check   e, the frame lies on the stack of the table
    cmpq    $KSTACK, REC_SP
    check   e, the saved RSP is the old one
    cmpw    $DATA0, REC_HSS
    check   e, SS in ring 0 is kept
    movl    $IST_STACK + 8 - 3, TSS + 0x24
    fault   UD, 0, ud2
    cmpq    $IST_STACK - 40, REC_FRAME
    check   e, the stack is aligned first
    movl    $IST_STACK, TSS + 0x24
    user    UD, 0, ud2
    cmpq    $IST_STACK - 40, REC_FRAME
    check   e, from ring 3 as well
    cmpw    $0, REC_HSS
    check   e, SS after a change of rings is null
    pass
