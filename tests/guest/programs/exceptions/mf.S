/* SPDX-License-Identifier: MIT */
/*
 * With CR0.NE an unmasked x87 exception is #MF at the next waiting instruction; control instructions
 * that do not wait do not raise it.
 */
#include "lab64.inc"
    program long, "SDM 3A, x87 FPU Floating-Point Error (#MF); SDM 1, Native Mode", "mode_long"
main:
    set_cr0 CR0_NE
    fninit
    movw    $0x37b, DATA    /* divide by zero is not masked */
    fldcw   DATA
    fld1
    fldz
    fdivrp  %st, %st(1)
    fnstsw  %ax
    test    $0x84, %al
    check   nz, ZE and ES
    fnstcw  DATA + 8
    fault   MF, 0, fwait
    fault   MF, 0, fld1
    fault   MF, 0, fstps DATA
    fault   MF, 0, movq %mm0, %mm1
    user    MF, 0, fwait
    fnclex
    fwait
    fnstsw  %ax
    test    $0x80, %al
    check   z, ES after FNCLEX
    fninit
    pass
