/* SPDX-License-Identifier: MIT */
/*
 * A repeated string instruction that faults has its registers at what is left, and can go on; with a
 * count of 0 nothing is accessed.
 */
#include "lab64.inc"
    program long, "SDM 2, REP; SDM 1, String Instructions", "mode_long mode_long_4k"
main:
    own_tables
    set_pte PAGE_B, 0
    mov     $PAGE_B - 16, %edi
    mov     $DATA, %esi
    mov     $5, %ecx
    movl    $0x11, DATA
    movl    $0x44, DATA + 16
    movq    $1f, RESUME
    mov     %rsp, KSP
2:  rep movsl
3:  jmp     4f
1:  expect  PF, 2, 2b, REP MOVS into a page that is not there
    check_eq $1, %rcx, RCX
    check_eq $PAGE_B, %rdi, RDI
    check_eq $DATA+16, %rsi, RSI
    cmpl    $0x11, PAGE_B - 16
    check   e, the first element was moved
    set_pte PAGE_B, PAGE_B+7
    jmp     2b
4:  check_eq $0, %rcx, RCX in the end
    cmpl    $0x44, PAGE_B
    check   e, it went on
    set_pte PAGE_B, 0
    mov     $PAGE_B, %edi
    mov     $PAGE_B, %esi
    xor     %ecx, %ecx
    rep movsb
    rep stosq
    rep lodsb
    repne scasb
    repe cmpsb
    mov     $PAGE_B - 2, %esi
    mov     $4, %ecx
    movq    $5f, RESUME
6:  rep lodsb
5:  expect  PF, 0, 6b, REP LODS
    check_eq $2, %rcx, RCX of LODS
    mov     $PAGE_B - 2, %edi
    movw    $0x2020, PAGE_B - 2
    mov     $0x20, %al
    mov     $4, %ecx
    movq    $7f, RESUME
8:  repe scasb
7:  expect  PF, 0, 8b, REPE SCAS
    check_eq $2, %rcx, RCX of SCAS
    testl   $FLAG_ZF, REC_FLAGS
    check   nz, flags of the last comparison
    mov     $PAGE_B - 1, %edi
    mov     $0x205, %edx
    mov     $3, %ecx
    movq    $9f, RESUME
10: rep insb
9:  expect  PF, 2, 10b, REP INS
    check_eq $2, %rcx, RCX of INS
    mov     $PAGE_B - 1, %esi
    mov     $3, %ecx
    movq    $11f, RESUME
12: rep outsb
11: expect  PF, 0, 12b, REP OUTS
    check_eq $2, %rcx, RCX of OUTS
    mov     $DATA + 8, %esi
    mov     $DATA + 0x108, %edi
    movabs  $0x100000002, %rcx
    std
    addr32 rep movsb
    cld
    check_eq $0, %rcx, ECX counts with 67
    check_eq $DATA+6, %rsi, ESI downwards
    pass
