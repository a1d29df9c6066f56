/* SPDX-License-Identifier: MIT */
/*
 * Long mode always pushes SS, RSP, RFLAGS, CS, RIP, each eight bytes, below a stack pointer that is first
 * aligned to 16.
 */
#include "lab64.inc"
    program long, "SDM 3A, 64-Bit Mode Stack Frame", "mode_long insn_ud2"
main:
    sub     $4, %rsp
    fault   UD, 0, ud2
    cmpq    $KSTACK - 16 - 40, REC_FRAME
    check   e, the frame lies below an aligned address
    cmpq    $KSTACK - 4, REC_SP
    check   e, saved RSP
    cmpq    $DATA0, REC_SS
    check   e, saved SS
    cmpq    $CODE0, REC_CS
    check   e, saved CS
    user    UD, 0, ud2
    cmpq    $USTACK, REC_SP
    check   e, saved RSP of ring 3
    cmpq    $DATA3, REC_SS
    check   e, saved SS of ring 3
    cmpq    $CODE3, REC_CS
    check   e, saved CS of ring 3
    cmpw    $0, REC_HSS
    check   e, SS of the handler after a change of rings is null
    cmpq    $KSTACK - 0x1000 - 40, REC_FRAME
    check   e, RSP of the handler is that of the TSS
    pass
