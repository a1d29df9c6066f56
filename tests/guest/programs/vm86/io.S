/* SPDX-License-Identifier: MIT */
/* Ports are decided by the I/O bitmap alone, whatever IOPL is. */
#include "lab32.inc"
    program protected, "SDM 3B, Sensitive Instructions; SDM 1, I/O Permission Bit Map", "mode_protected"
    .macro out_to port:req, what:req
    mov     $\port, %edx
    v86_ok  0, out \what, %dx
    .endm
    .macro no_out port:req, what:req, flags=0
    mov     $\port, %edx
    v86     GP, 0, \flags, out \what, %dx
    .endm
main:
    movb    $0x06, IOMAP + 0x200 / 8    /* ports 201 and 202 */
    out_to  0x200, %al
    out_to  0x203, %al
    out_to  0x1ff, %ax
    no_out  0x201, %al
    no_out  0x202, %al, 0x3000
    no_out  0x200, %ax
    no_out  0x202, %ax
    no_out  0x1ff, %eax
    movb    $0x01, IOMAP + 0x210 / 8
    out_to  0x20e, %ax
    no_out  0x20f, %ax
    no_out  0x400, %al
    mov     $0x3fd, %edx
    v86     GP, 0, 0, in %dx, %eax
    pass
