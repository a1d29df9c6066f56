/* SPDX-License-Identifier: MIT */
/*
 * INVD and WBINVD are ring 0's; memory is what was written.
 */
#include "lab64.inc"
    program long, "SDM 2, INVD, WBINVD, CLFLUSH", "mode_long mode_long_ring3"
main:
    movl    $0x77, DATA
    wbinvd
    clflush DATA
    cmpl    $0x77, DATA
    check   e, memory after WBINVD
    wbinvd
    invd
    cmpl    $0x77, DATA
    check   e, memory after INVD
    user    GP, 0, invd
    user    GP, 0, wbinvd
    user_ok clflush DATA
    pass
