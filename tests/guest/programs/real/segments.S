/* SPDX-License-Identifier: MIT */
/*
 * FS and GS are there in real mode; a prefix chooses the segment, LES and kin load it with the offset.
 */
#include "lab16.inc"
    program real, "SDM 1, Segment Registers; SDM 2, LDS/LES/LFS/LGS/LSS", "mode_real"
main:
    mov     $0x1000, %ax
    mov     %ax, %fs
    mov     $0x2000, %ax
    mov     %ax, %gs
    movw    $0x1111, %fs:2
    movw    $0x2222, %gs:2
    lgs     pointer, %bx
    check_eq $2, %bx, offset of LGS
    cmpw    $0x1111, %gs:(%bx)
    check   e, LGS loaded the segment of FS
    mov     %gs, %ax
    check_eq $0x1000, %ax, selector of LGS
    push    %fs
    pop     %es
    mov     $2, %di
    mov     $0x3333, %ax
    stosw
    cmpw    $0x3333, %fs:2
    check   e, STOS writes to ES
    mov     $0x2000, %ax
    mov     %ax, %fs
    mov     $2, %si
    fs lodsw
    check_eq $0x2222, %ax, LODS with a prefix reads from FS
    mov     $2, %bp
    xor     %ax, %ax
    mov     %ax, %ss
    mov     %fs:(%bp), %ax
    check_eq $0x2222, %ax, a prefix in front of an address with BP
    pass
pointer:
    .word   2, 0x1000
