/* SPDX-License-Identifier: MIT */
/*
 * 16-bit strings wrap their indexes at 64 KiB, go down with DF, stop at CX = 0; a fault in the middle
 * leaves the registers of what is done.
 */
#include "lab16.inc"
    program real, "SDM 2, REP/REPE/REPNE; SDM 1, String Instructions", "mode_real"
main:
    movb    $0x41, 0xffff
    movb    $0x42, 0
    mov     $0xffff, %si
    mov     $0x6000, %di
    mov     $2, %cx
    rep movsb
    cmpw    $0x4241, 0x6000
    check   e, MOVSB wraps SI
    check_eq $1, %si, SI after the wrap
    check_eq $0, %cx, CX
    movw    $0, 0
    mov     $0xfffc, %di
    mov     $0x5555, %ax
    mov     $4, %cx
    mov     %esp, KSP
    movl    $1f, RESUME
    mov     $0xfffd, %di
2:  rep stosw
    fail    STOSW over the end of the segment
1:  cmpw    $GP, REC_VECTOR
    check   e, vector
    cmpw    $2b, REC_IP
    check   e, IP of the instruction with its prefix
    check_eq $3, %cx, CX counts what is left
    check_eq $0xffff, %di, DI is where it stopped
    std
    mov     $0x6005, %si
    mov     $0x6105, %di
    mov     $3, %cx
    rep movsw
    cld
    check_eq $0x5fff, %si, SI downwards
    xor     %cx, %cx
    mov     $0x6000, %di
    repne scasb
    check_eq $0x6000, %di, nothing happens when CX is 0
    pass
