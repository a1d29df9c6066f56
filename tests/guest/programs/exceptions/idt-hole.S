/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables where there is no memory read as ones: no gate is good, and the CPU shuts down.
 */
#include "lab64.inc"
    program long, "SDM 3A, Double Fault Exception (#DF): shutdown", "mode_long triple_fault", shutdown
main:
    own_tables
    movq    $0x70000007, PTE_A
    invlpg  PAGE_A
    movw    $0xfff, DATA
    movq    $PAGE_A, DATA + 2
    lidt    DATA
    ud2
    fail    it went on
