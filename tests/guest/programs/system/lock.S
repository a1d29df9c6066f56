/* SPDX-License-Identifier: MIT */
/*
 * LOCK is #UD in front of an instruction that does not take it, or whose destination is a register.
 */
#include "lab64.inc"
    program long, "SDM 2, LOCK", "mode_long insn_ud2"
main:
    .macro  locked bytes:vararg
    fault   UD, 0, .byte 0xf0, \bytes
    .endm
    mov     $DATA, %ebx
    movl    $1, DATA
    locked  0x01, 0xc0          /* ADD EAX, EAX */
    locked  0x03, 0x03          /* ADD EAX, [RBX] */
    locked  0x89, 0x03          /* MOV */
    locked  0x39, 0x03          /* CMP */
    locked  0x85, 0x03          /* TEST */
    locked  0x90                /* NOP */
    locked  0x0f, 0xa3, 0x03    /* BT */
    locked  0xc1, 0x23, 0x01    /* SHL */
    locked  0x0f, 0xc7, 0xf0    /* RDRAND */
    locked  0x0f, 0xb1, 0xc0    /* CMPXCHG register */
    locked  0xff, 0x33          /* PUSH */
    locked  0x87, 0xc0          /* XCHG register */
    locked  0xf7, 0x23          /* MUL */
    locked  0xa4                /* MOVSB */
    lock addl $1, (%rbx)
    lock btsl $4, (%rbx)
    lock xchg %eax, (%rbx)
    lock negl DATA + 4
    lock notl DATA + 4
    cmpl    $-1, DATA + 4
    check   e, LOCK NEG and NOT of 0
    pass
