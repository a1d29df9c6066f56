/* SPDX-License-Identifier: MIT */
/*
 * HLT with interrupts off: nothing can wake the CPU.
 */
#include "lab16.inc"
    program real, "SDM 2, HLT", "mode_real", halt
main:
    cli
    hlt
    fail    HLT went on
