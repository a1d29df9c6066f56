/* SPDX-License-Identifier: MIT */
/*
 * Conforming code runs in the ring of its caller; code of an inner ring that does not conform cannot
 * be called directly.
 */
#include "lab32.inc"
    program protected, "SDM 3A, Accessing Conforming Code Segments; Accessing Nonconforming Code Segments", "mode_protected"
main:
    desc    SEL_A, 0, 0xfffff, A_CODE | 4, 0xc
    movl    $done, RESUME
    enter_user outer
outer:
    lcall   $SEL_A, $proc
ends:
    ud2
proc:
    mov     %cs, %ecx
    lret
done:
    expect  UD, 0, ends, after the return
    check_eq $SEL_A+3, %cx, RPL of CS in conforming code is that of ring 3
    user    GP, 0x08, lcall $CODE0, $proc
    user    GP, 0x08, ljmp $CODE0 + 3, $proc
    fault   GP, 0x18, lcall $CODE3, $proc
    desc    SEL_B, 0, 0xfffff, A_CODE | 4 | A_DPL3, 0xc
    fault   GP, SEL_B, lcall $SEL_B, $proc
    desc    SEL_C, 0, 0xfffff, A_CODE & 0x7f, 0xc
    fault   NP, SEL_C, ljmp $SEL_C, $proc
    fault   GP, DATA0, ljmp $DATA0, $proc
    pass
