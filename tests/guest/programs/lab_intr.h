/* SPDX-License-Identifier: MIT */
/*
 * lab_intr.h - long mode, with the port of test_interrupts.c that asks for interrupts
 *
 * Bit 0 of a byte written there asks for vector 0x30, bit 1 for an NMI. EBX counts interrupts.
 */
#include "lab64.h"

/* clang-format off */

.set ASK_PORT, 0x500
.set LAST_RIP, 0x6a0
.set LAST_FLAGS, 0x6a8

.macro interrupts
    xor %ebx, %ebx
    gate 0x30, on_interrupt
    jmp .Lready\@
on_interrupt:
    push %rax
    mov 8(%rsp), %rax
    mov %rax, LAST_RIP
    mov 24(%rsp), %rax
    mov %rax, LAST_FLAGS
    inc %ebx
    pop %rax
    iretq
.Lready\@:
.endm

.macro ask_for what:req
    push %rax
    push %rdx
    mov $ASK_PORT, %edx
    mov $\what, %al
    out %al, %dx
    pop %rdx
    pop %rax
.endm

.macro ask
    ask_for 1
.endm

.macro ask_nmi
    mov $ASK_PORT, %edx
    mov $2, %al
    out %al, %dx
.endm

/* One interrupt since the last time, at this address. */
.macro taken at:req, what:vararg
    check_eq $1, %ebx, one interrupt \what
    cmpq $\at, LAST_RIP
    check e, \what
    xor %ebx, %ebx
.endm
