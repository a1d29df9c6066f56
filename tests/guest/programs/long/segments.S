/* SPDX-License-Identifier: MIT */
/*
 * In 64-bit mode limits and the bases of ES, CS, SS, DS do not count, those of FS and GS do;
 * compatibility mode checks limits and types.
 */
#include "lab64.inc"
    program long, "SDM 3A, Segment Usage in IA-32e Mode", "mode_long mode_long_ring3"
main:
    desc    SEL_A, DATA, 0xff, A_DATA | A_DPL3, 4
    desc    SEL_B, DATA, 0xff, 0x91 | A_DPL3, 4
    mov     $SEL_A + 3, %eax
    mov     %eax, %ds
    mov     %eax, %fs
    movl    $0x77, DATA
    mov     DATA, %ecx
    check_eq $0x77, %ecx, the base of DS does not count
    mov     %fs:0, %ecx
    check_eq $0x77, %ecx, the base of FS does
    movl    $0x88, %fs:0x1000
    cmpl    $0x88, DATA + 0x1000
    check   e, limits do not count
    mov     $SEL_B + 3, %eax
    mov     %eax, %fs
    movl    $0x99, %fs:0
    cmpl    $0x99, DATA
    check   e, nor do types
    xor     %eax, %eax
    mov     %eax, %ds
    mov     DATA, %ecx
    check_eq $0x99, %ecx, nor does a null DS
    mov     $DATA3, %eax
    mov     %eax, %ds
    mov     $SEL_A + 3, %eax
    mov     %eax, %fs
    mov     $SEL_B + 3, %eax
    mov     %eax, %gs
    .macro  compat vec:req, insn:vararg
    movq    $.Lon\@, RESUME
    enter_user .Lat\@, CODE3_32
    .code32
.Lat\@:
    \insn
    .code64
.Lon\@:
    expect  \vec, 0, .Lat\@, compatibility mode: \insn
    .endm
    compat  GP, movl $1, %fs:0xfd
    compat  GP, movl $1, %gs:0
    compat  GP, cmpl $1, %gs:0x100
    compat  UD, ud2
    pass
