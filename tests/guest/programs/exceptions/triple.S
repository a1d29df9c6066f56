/* SPDX-License-Identifier: MIT */
/*
 * A fault on the way to the handler of #DF shuts the CPU down.
 */
#include "lab64.inc"
    program long, "SDM 3A, Double Fault Exception (#DF): shutdown", "mode_long triple_fault", shutdown
main:
    movw    $16 * 7 - 1, GDT - 32
    lidt    GDT - 32
    mov     $SEL_OUT, %eax
    mov     %eax, %fs
    fail    it went on
