/* SPDX-License-Identifier: MIT */
/*
 * Far calls, jumps and returns load CS; INT and far frames are words.
 */
#include "lab16.inc"
    program real, "SDM 2, CALL, JMP, RET (real-address mode)", "mode_real"
main:
    lcall   $0x700, $target - 0x7000
    check_eq $0x700, %ax, CS in the procedure
    check_eq $STACK16, %sp, SP
    mov     %cs, %ax
    check_eq $0, %ax, CS afterwards
    ljmp    $0x800, $1f - 0x8000
1:  mov     %cs, %ax
    check_eq $0x800, %ax, CS after the jump
    ljmp    $0, $2f
2:  lcall   *vector
    check_eq $0x700, %ax, far call through memory
    pass
target:
    mov     %cs, %ax
    lret
vector:
    .word   target - 0x7000, 0x700
