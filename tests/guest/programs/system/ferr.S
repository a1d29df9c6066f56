/* SPDX-License-Identifier: MIT */
/*
 * With CR0.NE clear a pending x87 exception asserts FERR#: no #MF comes, and as the board has no such
 * wire the program goes on.
 */
#include "lab64.inc"
    program long, "SDM 1, MS-DOS Compatibility Sub-mode; SDM 3A, Control Registers (CR0.NE)", "mode_long"
main:
    clear_cr0 CR0_NE
    fninit
    movw    $0x37b, DATA
    fldcw   DATA
    fld1
    fldz
    fdivrp  %st, %st(1)
    fwait
    fld1
    fnstsw  %ax
    test    $0x80, %al
    check   nz, ES stays
    set_cr0 CR0_NE
    fault   MF, 0, fwait
    fnclex
    fwait
    pass
