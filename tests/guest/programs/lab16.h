/* SPDX-License-Identifier: MIT */
/* lab16.h - real mode: an IVT whose handlers write down what happened. Segments are 0. */
#include "lab.h"

.set STACK16, 0x7000

    .code16
start:
    mov     $STACK16, %esp
    xor     %di, %di
    mov     $stubs16, %ax
1:  mov     %ax, (%di)
    movw    $0, 2(%di)
    add     $STUB16, %ax
    add     $4, %di
    cmp     $4 * 0x42, %di
    jb      1b
    movl    $0, RESUME
    movl    $0, REC_COUNT
    jmp     main

    .set STUB16, 6
    .balign 2
stubs16:
    .set v, 0
    .rept 0x42
    pushw   $v
    jmp     common16
    .org    stubs16 + STUB16 * (v + 1)
    .set v, v + 1
    .endr

    /* 0: BP, 2: EAX, 6: vector, 8: IP, 10: CS, 12: FLAGS */
common16:
    pushl   %eax
    push    %bp
    mov     %sp, %bp
    xor     %ax, %ax
    mov     %ax, %ds
    mov     %ax, %es
    mov     6(%bp), %ax
    mov     %ax, REC_VECTOR
    mov     8(%bp), %ax
    mov     %ax, REC_IP
    mov     10(%bp), %ax
    mov     %ax, REC_CS
    mov     12(%bp), %ax
    mov     %ax, REC_FLAGS
    lea     8(%bp), %ax
    mov     %ax, REC_FRAME
    mov     %ss, REC_HSS
    pushf
    popw    REC_HCS /* the handler's flags, here */
    incl    REC_COUNT
    cmpl    $0, RESUME
    jne     2f
    end_with ENDS_UNEXPECTED
2:  mov     RESUME, %eax
    mov     %eax, GO
    movl    $0, RESUME
    mov     2(%bp), %eax
    mov     %eax, SAVED
    mov     (%bp), %bp
    xor     %ax, %ax
    mov     %ax, %ss
    mov     KSP, %esp
    mov     SAVED, %eax
    jmp     *GO

    .macro expect vec:req, ip:req, text:vararg
    cmpw    $\vec, REC_VECTOR
    check   e, vector of: \text
    cmpw    $\ip, REC_IP
    check   e, saved IP of: \text
    .endm

    /* The instruction raises this, with its own address saved. */
    .macro fault vec:req, insn:vararg
    mov     %esp, KSP
    movl    $.Lon\@, RESUME
.Lat\@:
    \insn
    fail    nothing raised by: \insn
.Lon\@:
    expect  \vec, .Lat\@, \insn
    .endm

    /* The instruction raises this when it is done. */
    .macro trap vec:req, insn:vararg
    mov     %esp, KSP
    movl    $.Lon\@, RESUME
    \insn
.Lat\@:
    fail    nothing raised by: \insn
.Lon\@:
    expect  \vec, .Lat\@, \insn
    .endm
