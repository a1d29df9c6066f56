/* SPDX-License-Identifier: MIT */
/*
 * HLT with IF set ends by an interrupt, whose saved RIP is behind HLT.
 */
#include "lab_intr.inc"
    program long, "SDM 2, HLT", ""
main:
    interrupts
    ask
    sti
    hlt
1:  cli
    taken   1b, behind HLT
    pass
