/* SPDX-License-Identifier: MIT */
/*
 * Division by 0 and a quotient that does not fit are #DE; the saved IP is that of the division,
 * nothing changes.
 */
#include "lab16.inc"
    program real, "SDM 3A, Exception Reference, Divide Error Exception (#DE)", "mode_real"
main:
    mov     $0x1234, %ax
    mov     $0x77, %dx
    xor     %cx, %cx
    fault   DE, div %cx
    mov     $0x7711, %ax
    mov     $0x22, %cl
    fault   DE, div %cl
    check_eq $0x7711, %ax, AX after a quotient of more than 8 bits
    mov     $0x8000, %ax
    mov     $0xffff, %cx
    mov     $0xffff, %dx
    mov     $0, %bl
    fault   DE, idiv %bl
    mov     $0xff80, %ax
    mov     $0xff, %bl
    fault   DE, idiv %bl
    fault   DE, aam $0
    pass
