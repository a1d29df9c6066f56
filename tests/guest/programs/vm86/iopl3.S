/* SPDX-License-Identifier: MIT */
/*
 * With IOPL 3 they work as on the 8086; POPF keeps IOPL and VM; INT n goes through the IDT, whose
 * gate must have DPL 3.
 */
#include "lab32.inc"
    program protected, "SDM 3B, Sensitive Instructions; Class 3 - Software Interrupt Handling, method 4", "mode_protected ring3_int"
main:
    v86_ok  0x3000, cli
    v86_ok  0x3200, pushf
    cmpw    $0x3202, 0x58000 + V86_SP - 2
    check   e, PUSHF shows IOPL and no VM
    movl    $1f, RESUME
    enter_v86 2f, 0x3000
    .code16
2:  push    $0x0ed7
    popf
    pushf
    popw    0
    ud2
    .code32
1:  cmpw    $0x3ed7, 0x30010
    check   e, POPF changes IF and keeps IOPL
    testl   $FLAG_VM, REC_FLAGS
    check   nz, VM stays
    v86     GP, 0x41*8+2, 0x3000, int $0x41
    movl    $3f, RESUME
    enter_v86 4f, 0x3000
    .code16
4:  int     $0x40
5:  nop
    .code32
3:  expect  0x40, 0, 5b-0x8000, INT n through a gate with DPL 3
    pass
